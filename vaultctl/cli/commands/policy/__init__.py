"""Commands of `vaultctl policy`."""
