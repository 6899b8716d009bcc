"""Other processes, each running one program of `support.children`."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

_TESTS = Path(__file__).parent.parent


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program; it speaks by lines on stdin and stdout."""
    return subprocess.Popen(
        [sys.executable, "-m", "support.children", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
        cwd=_TESTS.parent,
    )


def say(process: subprocess.Popen[str], line: str = "go") -> None:
    """Send it a line."""
    stdin = _pipe(process.stdin)
    stdin.write(line + "\n")
    stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    """Wait for its next line; "" when it ended."""
    return _pipe(process.stdout).readline().rstrip("\n")


def end(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Close its stdin and wait for its end; give its exit code (negative: the signal) and the lines not yet heard."""
    with process:
        with suppress(BrokenPipeError):
            _pipe(process.stdin).close()
        out = _pipe(process.stdout).read()
    return process.returncode, out.splitlines()


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill it, as nothing that it could catch, and give the lines not yet heard."""
    process.kill()
    return end(process)[1]


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("the process was started without that pipe")
    return pipe
