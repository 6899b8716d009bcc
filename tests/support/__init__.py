"""What tests share: places for a state, a disk that fails on demand, and programs for other processes."""
