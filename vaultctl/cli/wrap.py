"""Line breaks as `bao` sets them: the raggedness of all lines but the last is as small as can be."""

from collections.abc import Sequence

_TOO_LONG = 100_000


def wrap(text: str, width: int) -> list[str]:
    """Break text into lines of at most `width` characters where words allow it."""
    words = text.split()
    count = len(words)
    best: list[tuple[int, int]] = [(0, count)] * count
    for first in range(count - 1, -1, -1):
        best[first] = _best_break(words, first, width, best)
    lines, first = [], 0
    while first < count:
        end = best[first][1]
        lines.append(" ".join(words[first:end]))
        first = end
    return lines


def _best_break(words: Sequence[str], first: int, width: int, best: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Give the cost of the lines from a word on, and where the first of them ends."""
    length = sum(len(word) + 1 for word in words[first:]) - 1
    if length <= width:
        return 0, len(words)
    options = []
    length = -1
    for end in range(first + 1, len(words)):
        length += len(words[end - 1]) + 1
        over = _TOO_LONG if length > width else 0
        options.append(((width - length) ** 2 + over + best[end][0], end))
    return min(options, default=(0, len(words)))
