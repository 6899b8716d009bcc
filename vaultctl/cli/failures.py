"""How a command ends that did not do what it was asked; the text is all that stderr says."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaultctl.logical.response import Response

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""


class Failure(Exception):
    """It was asked, and did not work out."""

    exit_code = 2


class Breakage(Failure):
    """It was only looked at, and something would break."""

    exit_code = 3


class Wrapped(Exception):
    """The answer was wrapped: it is to be had for the token in `answer`, and by nothing else."""

    def __init__(self, answer: "Response") -> None:
        super().__init__()
        self.answer = answer


class Misuse(Failure):
    """The command line, or a local input, is wrong: nothing was asked of any door."""

    exit_code = 1
