"""How a command ends that did not do what it was asked; the text is all that stderr says."""

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""


class Failure(Exception):
    """It was asked, and did not work out."""

    exit_code = 2


class Breakage(Failure):
    """It was only looked at, and something would break."""

    exit_code = 3


class Misuse(Failure):
    """The command line, or a local input, is wrong: nothing was asked of any door."""

    exit_code = 1
