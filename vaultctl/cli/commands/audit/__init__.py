"""Commands of `vaultctl audit`."""
