"""Commands of `vaultctl`."""
