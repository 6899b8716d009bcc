"""Commands of `vaultctl secrets`."""
