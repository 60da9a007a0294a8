"""The org's HTTP side: one table of routes, and what stands behind each."""
