"""The contract that every door, engine and backend shares.

Standard library only; no I/O, no clock, no randomness. Everything may import this package; it imports nothing of ours.
"""
