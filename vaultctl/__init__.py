"""vaultctl: the life of Vault secrets engines, without a server."""

__version__ = "0.1.0"

__commit_date__ = "2026-11-22T00:00:00Z"
"""The day on which this version got its number: what OpenBao's answers call the date of its commit."""
