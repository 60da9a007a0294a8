"""The forward line."""
