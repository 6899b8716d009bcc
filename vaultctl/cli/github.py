"""Values for a GitHub Actions job: an output of the step, masked in the log before it is set anywhere.

The runner reads what a step prints: `::add-mask::` hides a line from there on. The file that GITHUB_OUTPUT names gets
the value between two lines of a delimiter that is random and that the value does not hold.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vaultctl.cli.command import Run
from vaultctl.cli.env import Env
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.logical import json_text
from vaultctl.logical.response import Response

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ROOM_B = 1 << 20
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE
_FEW = 3
"""So few characters, none of them a letter, are not masked where they are a line of several, as `}` is, or a number
among other values: the log would be nothing but stars. What is all of a secret is masked, however short."""


def opened(run: Run) -> "Output":
    """Open the file before anything is asked: what can be had once must not be lost for the lack of it.

    Raises: Misuse.
    """
    name, path = run["github_output"], os.environ.get("GITHUB_OUTPUT", "")
    if not _NAME.fullmatch(name):
        raise Misuse(f"-github-output={name} is no name of an output: letters, digits, _ and - can be in it")
    if (run.flags.get("format") or "").lower() == "raw":
        raise Misuse("-github-output and -format=raw cannot be used together")
    if not path:
        raise Misuse(
            "GITHUB_OUTPUT is not set: -github-output is for a step of a GitHub Actions job; nothing was asked"
        )
    run.env.check_stdout()  # the masks go there
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
        run.env.closing.append(lambda: os.close(fd))
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        _take_space(fd)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise Misuse(f"cannot write to GITHUB_OUTPUT, {path}: {reason}; nothing was asked") from None
    return Output(run.env, name, fd, path)


def _take_space(fd: int) -> None:
    """Take the space of the largest output that GitHub allows, behind the end of a file that others append to, too.

    Where a file system cannot do that, it is asked for its free space. Raises: OSError.
    """
    import ctypes
    import resource

    size_b, (most_b, _) = os.fstat(fd).st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    if most_b != resource.RLIM_INFINITY and most_b < size_b + _ROOM_B:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is not None:
        if not fallocate(fd, _KEEP_SIZE, ctypes.c_int64(size_b), ctypes.c_int64(_ROOM_B)):
            return
        number = ctypes.get_errno()
        if number not in (errno.EOPNOTSUPP, errno.ENOSYS):
            raise OSError(number, os.strerror(number))
    free = os.fstatvfs(fd)
    if free.f_bavail * free.f_frsize < _ROOM_B:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Output:
    """One output of a step."""

    def __init__(self, env: Env, name: str, fd: int, path: str) -> None:
        self._env = env
        self._name = name
        self._fd = fd
        self._path = path

    def put(self, text: str) -> None:
        """Set the output to a text, each of whose lines is masked. Raises: Failure."""
        self._put(text, _lines(text))

    def put_field(self, value: Any, fmt: str) -> None:
        """Set the output to one value: a text as it is, all else as JSON. Raises: Failure."""
        if isinstance(value, Mapping | list | tuple) or fmt == "json":
            self.put_all(value)
        else:
            self.put(_plain(value))

    def put_all(self, value: Any) -> None:
        """Set the output to JSON, in which every text is masked, as it is and as JSON spells it. Raises: Failure."""
        text = json_text.dumps(json_text.sorted_deep(value), compact=True)
        scalars = list(_scalars(value))
        self._put(text, [*_lines(text, alone=False), *_secrets(scalars)])

    def put_answer(self, answer: Response) -> None:
        """Set the output to what an answer is about: a token that was made, else its data. Raises: Failure."""
        if answer.wrap_info:
            self.put(str(answer.wrap_info.get("token", "")))
        elif answer.auth:
            self.put(str(answer.auth.get("client_token", "")))
        else:
            self.put_all(dict(answer.data if answer.data is not None else answer.raw or {}))

    def _put(self, text: str, masked: list[str]) -> None:
        self._env.out("".join(f"::add-mask::{_escaped(line)}\n" for line in _spellings(masked)))
        delimiter = _delimiter(text)
        left = f"{self._name}<<{delimiter}\n{text}\n{delimiter}\n".encode("utf-8", "replace")
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            raise Failure(f"cannot write to GITHUB_OUTPUT, {self._path}: {(error.strerror or '').lower()}") from None


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lines(text: str, *, alone: bool = True) -> list[str]:
    """Give the lines of a text that are masked: one that stands alone, and of several those that are not everywhere."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines if alone and len(lines) == 1 else [line for line in lines if not _is_everywhere(line)]


def _is_everywhere(line: str) -> bool:
    return len(line.strip()) <= _FEW and not any(char.isalpha() for char in line)


def _scalars(value: Any) -> Iterator[Any]:
    """Give the texts and numbers in data; names are none."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _scalars(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _scalars(item)
    elif value is not None and not isinstance(value, bool):
        yield value


def _secrets(scalars: Sequence[Any]) -> Iterator[str]:
    """Give what is masked of them: texts, as they are and as JSON spells them, and numbers."""
    for value in scalars:
        spelt = json_text.dumps(value, compact=True)
        if isinstance(value, str):
            yield from _lines(value)
            yield spelt[1:-1]
        else:
            yield from _lines(spelt, alone=len(scalars) == 1)


def _spellings(lines: list[str]) -> list[str]:
    """Give each line once, and without the blanks around it, which a shell drops."""
    return [line for line in dict.fromkeys(each for line in lines for each in (line, line.strip())) if line.strip()]


def _escaped(line: str) -> str:
    """Write a line for a command of the runner, which reads percent signs."""
    return line.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _delimiter(text: str) -> str:
    while True:
        found = f"end_{os.urandom(16).hex()}"
        if found not in text:
            return found
