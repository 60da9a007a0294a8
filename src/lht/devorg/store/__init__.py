"""The records of an org, and the rules by which they change."""
