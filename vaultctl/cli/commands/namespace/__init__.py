"""Commands of `vaultctl namespace`."""
