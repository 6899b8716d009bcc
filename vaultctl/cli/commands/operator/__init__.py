"""Commands of `vaultctl operator`."""
