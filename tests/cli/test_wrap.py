"""Line breaks in warnings."""

import time

import pytest

from vaultctl.cli.wrap import wrap

WIDTH = 76


def cost(lines):
    """Give what a way to break lines costs: the squares of the raggedness, and much for a line that is too wide."""
    shown = [len(line) for line in lines]
    return sum((WIDTH - n) ** 2 + (100_000 if n > WIDTH else 0) for n in shown[:-1])


def ways(words):
    """Give every way to break a text."""
    if not words:
        yield []
    for end in range(1, len(words) + 1):
        for rest in ways(words[end:]):
            yield [" ".join(words[:end]), *rest]


@pytest.mark.parametrize("sizes", ["aaaaaaa", "zzzzz", "azazazazaz", "zaaaaaaaaz", "mmmmmmmm", "nznznzn", "amnzznma"])
def test_no_other_way_costs_less(sizes):
    """Of all ways to break a text the cheapest is chosen, with words that are too long as well."""
    words = ["x" * {"a": 1, "m": 37, "n": 75, "z": 120}[size] for size in sizes]
    fitting = [way for way in ways(words) if len(way[-1]) <= WIDTH or " " not in way[-1]]
    assert cost(wrap(" ".join(words), WIDTH)) == min(map(cost, fitting))


@pytest.mark.parametrize("size", [1, 8, 100])
def test_a_long_text_takes_no_long_time(size):
    """Twenty thousand words are broken in seconds, whatever their length; it once took minutes."""
    begun = time.monotonic()
    lines = wrap(" ".join(["x" * size] * 20_000), WIDTH)
    assert sum(len(line.split()) for line in lines) == 20_000
    assert time.monotonic() - begun < 10


def test_a_warning_of_thousands_of_names_is_shown(vaultctl):
    """A write with thousands of parameters that nobody knows is answered at once, and names them all."""
    names = [f"unknown{number}" for number in range(5_000)]
    data = "{" + ", ".join(f'"{name}": 1' for name in ["data", *names]).replace('"data": 1', '"data": {}') + "}"
    begun = time.monotonic()
    ran = vaultctl("write", "secret/data/a", "-", stdin=data.encode())
    assert (ran.code, [name for name in names if name not in ran.err]) == (0, [])
    assert time.monotonic() - begun < 30
