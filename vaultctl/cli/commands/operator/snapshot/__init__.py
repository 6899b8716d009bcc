"""Commands of `vaultctl operator snapshot`."""
