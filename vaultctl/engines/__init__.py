"""Secrets engines. One file, one engine; each has an ENGINE."""
