"""Commands of `vaultctl mounts`: those of `secrets`, and `read`."""
