"""Records that look like an org's, made by chance from a seed."""
