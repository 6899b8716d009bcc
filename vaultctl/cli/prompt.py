"""What is asked for on the terminal that stdin is, and not shown there."""

import sys
from typing import TextIO

from vaultctl.cli.failures import Failure

_NO_TERMINAL = "file descriptor 0 is not a terminal"


def ask_hidden(what: str, stream: TextIO) -> str:
    """Ask for a line; the question goes to a stream. Raises: Failure where stdin is no terminal."""
    stream.write(f"{what} (will be hidden): ")
    stream.flush()
    try:
        return _read_hidden()
    finally:
        stream.write("\n")
        stream.flush()


def _read_hidden() -> str:
    import termios

    try:
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
    except (AttributeError, OSError, ValueError, termios.error):
        raise Failure(_NO_TERMINAL) from None
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSADRAIN, silent)
    try:
        return sys.stdin.readline().rstrip("\r\n")
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
