"""Backends that keep a state. They see names and ciphertext, never a key and never a value."""
