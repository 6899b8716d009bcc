"""A command line that `bao` and `vaultctl` are both given."""

from typing import NamedTuple


class Line(NamedTuple):
    """One command line, and what its stdin holds.

    Where `different` names a difference, only the exit codes must be the same, or ours must be `code`.
    """

    args: tuple[str, ...]
    stdin: bytes = b""
    env: tuple[tuple[str, str], ...] = ()
    different: str = ""
    code: int | None = None


def line(text: str, *more: str, stdin: bytes = b"", different: str = "", code: int | None = None, **env: str) -> Line:
    """Make a line; words are parted by blanks, and `more` are words that hold some."""
    return Line((*text.split(), *more), stdin, tuple(env.items()), different, code)
