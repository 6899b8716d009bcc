"""Commands of `vaultctl kv`."""
