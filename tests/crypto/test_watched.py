"""The way to a seal that is elsewhere: who still asks, once nobody answered there."""

from collections.abc import Callable

import pytest

from vaultctl.crypto.seals.watched import CROWD, CROWD_S, SHUT_S, SLOW_S, Line
from vaultctl.logical.errors import SealUnavailable


class Clock:
    """A clock that stands until it is set."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def after(clock: Clock, seconds: float, *, answers: bool) -> Callable[[], str]:
    """Give a use of the seal that takes so long."""

    def use() -> str:
        clock.now_s += seconds
        if not answers:
            raise SealUnavailable("no answer")
        return "answer"

    return use


def test_one_that_refuses_is_asked_by_everybody(clock: Clock):
    """A refusal takes no time, and so others are not kept from asking."""
    line = Line(clock)
    for _ in range(3):
        with pytest.raises(SealUnavailable, match=r"^no answer$"):
            line.use(after(clock, SLOW_S / 2, answers=False))
    assert line.use(after(clock, 0, answers=True)) == "answer"


def test_one_that_is_silent_is_asked_by_probes_alone(clock: Clock):
    """Until one of them is answered; the others are told at once."""
    line = Line(clock)
    with pytest.raises(SealUnavailable):
        line.use(after(clock, 10, answers=False))
    before_s = clock.now_s
    with pytest.raises(SealUnavailable, match="no answer; others are told so at once"):
        line.use(after(clock, 10, answers=False))
    assert clock.now_s == before_s
    assert line.use(after(clock, 5, answers=True), probes=True) == "answer"
    assert line.use(after(clock, 5, answers=True)) == "answer"


def test_where_nobody_probes_one_asks_after_a_while(clock: Clock):
    """The others are told at once as long as that one waits."""
    line = Line(clock)
    with pytest.raises(SealUnavailable):
        line.use(after(clock, 10, answers=False))
    clock.now_s += SHUT_S

    def meanwhile() -> str:
        with pytest.raises(SealUnavailable, match="others are told so at once"):
            line.use(after(clock, 0, answers=True))
        return "answer"

    assert line.use(meanwhile) == "answer"
    assert line.use(after(clock, 0, answers=True)) == "answer"


def test_a_crowd_that_waits_gets_no_larger(clock: Clock):
    """While so many wait for so long, who comes next is told at once."""
    line = Line(clock)

    def nested(depth: int) -> str:
        if depth:
            return line.use(lambda: nested(depth - 1))
        clock.now_s += CROWD_S + 1
        with pytest.raises(SealUnavailable, match="has not answered for 3 s"):
            line.use(after(clock, 0, answers=True))
        return "answer"

    assert nested(CROWD) == "answer"
