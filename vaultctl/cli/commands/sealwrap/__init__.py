"""`vaultctl sealwrap`: what the seal wraps."""
