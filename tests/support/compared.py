"""What a command line printed, in the form in which two servers, or two programs, can be compared."""

from support import normal
from support.lines import Line
from support.program import Ran

_METADATA = "token_meta_"


def whole(line: Line, ran: Ran) -> tuple[object, ...]:
    """Give the line, its exit code, and all that it printed."""
    return line.args, line.env, ran.code, text(ran.out), text(ran.err)


def text(printed: str) -> str:
    """Put away what differs by chance.

    bao polls a move at once, and says so when it was not over yet; and it shows the metadata of a token in the order in
    which Go walks a map.
    """
    lines = normal.text(printed).splitlines(keepends=True)
    told = [line for line in lines if not line.startswith("Waiting for terminal status")]
    metadata = iter(sorted(line for line in told if line.startswith(_METADATA)))
    return "".join(next(metadata) if line.startswith(_METADATA) else line for line in told)
