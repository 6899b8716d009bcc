"""Commands of `vaultctl lease`."""
