"""Commands of `vaultctl kv metadata`."""
