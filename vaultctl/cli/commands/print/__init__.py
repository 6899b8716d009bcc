"""Commands of `vaultctl print`."""
