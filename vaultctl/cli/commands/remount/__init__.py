"""Commands of `vaultctl remount`."""
