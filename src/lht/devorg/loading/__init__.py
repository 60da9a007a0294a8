"""Records of other orgs, from the files that exports leave behind."""
