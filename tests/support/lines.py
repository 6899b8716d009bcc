"""A command line that `bao` and `vaultctl` are both given, and reasons why it may come out otherwise."""

from typing import NamedTuple


class Line(NamedTuple):
    """One command line, and what its stdin holds.

    Where `different` says why, only the exit codes must be the same, or ours must be `code`.
    """

    args: tuple[str, ...]
    stdin: bytes = b""
    env: tuple[tuple[str, str], ...] = ()
    different: str = ""
    code: int | None = None


def line(text: str, *more: str, stdin: bytes = b"", different: str = "", code: int | None = None, **env: str) -> Line:
    """Make a line; words are parted by blanks, and `more` are words that hold some."""
    return Line((*text.split(), *more), stdin, tuple(env.items()), different, code)


MORE = "vaultctl takes -format here, and then prints one object"
HELP = "the help texts are our own"
UNPARSED = "vaultctl does not warn of flags behind a positional: it takes them"
ROOT = "the API's root has no page here, and an error that says so"
MASKED = "a word without a key may be a secret, and vaultctl shows its first letters"
