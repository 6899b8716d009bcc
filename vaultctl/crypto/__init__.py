"""Keys and ciphertext: the seal opens the root key, that opens the keyring, and its terms open the entries."""
