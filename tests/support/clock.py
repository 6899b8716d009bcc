"""A clock for cores in tests."""

from support.states import NOW_S

SECOND_NS = 1_000_000_000


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_ns = NOW_S * SECOND_NS

    def __call__(self) -> int:
        """Give the time."""
        return self.now_ns

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * SECOND_NS)
