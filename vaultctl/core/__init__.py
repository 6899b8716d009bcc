"""The engine in the process: one pipeline for every request, over one encrypted state."""
