"""Documented facades."""
