"""What a move of a mount would do, found out by asking alone: the same on every door."""
