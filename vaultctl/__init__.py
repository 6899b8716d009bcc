"""vaultctl: the life of Vault secrets engines, without a server."""

__version__ = "0.1.0"
