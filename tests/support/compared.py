"""What a command line printed, in the form in which two servers, or two programs, can be compared."""

from support import normal
from support.lines import Line
from support.program import Ran


def whole(line: Line, ran: Ran) -> tuple[object, ...]:
    """Give the line, its exit code, and all that it printed."""
    return line.args, line.env, ran.code, text(ran.out), text(ran.err)


def text(printed: str) -> str:
    """Put away what differs by chance: bao polls a move at once, and says so when it was not over yet."""
    lines = normal.text(printed).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("Waiting for terminal status"))
