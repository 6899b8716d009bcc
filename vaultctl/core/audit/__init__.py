"""Audit: every request and every answer, as a line on each device that is enabled."""
