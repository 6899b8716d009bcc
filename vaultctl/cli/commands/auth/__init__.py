"""Commands of `vaultctl auth`."""
