"""`vaultctl token`: tokens of the state, or of a remote."""
