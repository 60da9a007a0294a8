"""What objects an org has: read from lines, describes and object XML of others."""
