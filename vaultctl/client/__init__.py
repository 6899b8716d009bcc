"""Verbs over a door, for the command line and for people's own Python."""
