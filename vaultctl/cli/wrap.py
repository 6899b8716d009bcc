"""Line breaks as `bao` sets them: the raggedness of all lines but the last is as small as can be."""

from itertools import accumulate

_TOO_LONG = 100_000
"""What a line costs that is wider than it may be, besides the square of the excess."""


def wrap(text: str, width: int) -> list[str]:
    """Break text into lines of at most `width` characters where words allow it."""
    words = text.split()
    count = len(words)
    starts = [0, *accumulate(len(word) + 1 for word in words)]
    """Where each word begins in the text on one line; the last one is behind that line and a blank."""
    costs, ends = [0] * count, [count] * count
    for first in range(count - 1, -1, -1):
        if starts[count] - starts[first] - 1 > width:
            costs[first], ends[first] = _best_break(starts, first, width, costs)
    lines, first = [], 0
    while first < count:
        lines.append(" ".join(words[first : ends[first]]))
        first = ends[first]
    return lines


def _best_break(starts: list[int], first: int, width: int, costs: list[int]) -> tuple[int, int]:
    """Give the cost of the lines from a word on, where they are not the last line, and where the first of them ends."""
    count = len(costs)
    best = (0, count)
    for end in range(first + 1, count):
        length = starts[end] - starts[first] - 1
        cost = (width - length) ** 2
        if length > width:
            cost += _TOO_LONG
            if end > first + 1 and (cost >= best[0] or starts[end - 1] - starts[first] > _most(width)):
                break  # longer lines cost more than this one, and so more than what was found
        if end == first + 1 or cost + costs[end] < best[0]:
            best = (cost + costs[end], end)
    return best


def _most(width: int) -> int:
    """Give a length that a line without its last word is never beyond: two lines cost less than one.

    That last word may be one letter, and its own line as ragged as can be; or too long itself.
    """
    return width + max((width + 1) * width // 4, _TOO_LONG // (2 * width)) + 1
