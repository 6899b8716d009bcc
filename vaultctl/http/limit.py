"""How many requests a second are sent: a bucket of tokens, as OpenBao's client has one."""

import re
import threading
from typing import NamedTuple

_TEXT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?::([+-]?\d+).*)?", re.ASCII)


class Rate(NamedTuple):
    """So many requests a second, and so many at once. Where one of them is none, there is no limit."""

    per_s: float
    burst: int


def parse(text: str) -> Rate:
    """Read `RATE` or `RATE:BURST`. Raises: ValueError. Source: OpenBao 2.7, which reads no further than the burst."""
    match = _TEXT.fullmatch(text)
    if not match:
        raise ValueError(text)
    per_s = float(match[1])
    return Rate(per_s, int(match[2]) if match[2] else int(min(per_s, 1e9)))


class Limit:
    """A bucket that begins full. It is told the time, and tells how long to wait."""

    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._then_s = now_s
        self._lock = threading.Lock()

    def wait_s(self, now_s: float) -> float:
        """Take a token, and give the seconds until it is there."""
        if self._rate.per_s <= 0 or self._rate.burst < 1:
            return 0.0
        with self._lock:
            gained = (now_s - self._then_s) * self._rate.per_s
            self._tokens = min(self._tokens + gained, self._rate.burst) - 1
            self._then_s = now_s
            return max(0.0, -self._tokens / self._rate.per_s)
