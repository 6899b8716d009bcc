"""Seals: each keeps the root key safe in its own way. One file, one seal."""
