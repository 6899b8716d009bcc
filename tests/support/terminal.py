"""A terminal for a program, and what it showed there."""

import fcntl
import os
import pty
import re
import struct
import termios

from support.program import Program

STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def seen(program: Program, columns: int, *args: str, **env: str) -> str:
    """Run a command line on a terminal of so many columns, and give what it showed, without styles."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as screen:
        child = program.start(*args, env={"TERM": "xterm-256color", **env}, terminal=theirs)
        os.close(theirs)
        shown = b""
        try:
            while chunk := screen.read(65536):
                shown += chunk
        except OSError:
            pass  # how Linux says that the other end is closed
        child.wait()
        child.communicate()
    return STYLE.sub("", shown.decode()).replace("\r\n", "\n")
