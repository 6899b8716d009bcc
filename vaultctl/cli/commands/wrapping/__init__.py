"""`vaultctl wrapping`: secrets that can be had once, for a token."""
