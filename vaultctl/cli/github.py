"""Values for a GitHub Actions job: an output of the step, masked in the log before it is set anywhere.

The runner reads what a step prints: `::add-mask::` hides a line from there on. The file that GITHUB_OUTPUT names gets
the value between two lines of a delimiter that is random and that the value does not hold.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from vaultctl.cli.command import Run
from vaultctl.cli.env import Env
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.logical import json_text
from vaultctl.logical.response import Response

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FEW_DIGITS = 3
"""A number of no more digits is not masked where it is one of many values: the log would be nothing but stars."""


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
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise Misuse(f"cannot write to GITHUB_OUTPUT, {path}: {reason}; nothing was asked") from None
    run.env.closing.append(lambda: os.close(fd))
    return Output(run.env, name, fd, path)


class Output:
    """One output of a step."""

    def __init__(self, env: Env, name: str, fd: int, path: str) -> None:
        self._env = env
        self._name = name
        self._fd = fd
        self._path = path

    def put(self, text: str) -> None:
        """Set the output to a text, each of whose lines is masked. Raises: Failure."""
        self._put(text, text.splitlines())

    def put_all(self, value: Any) -> None:
        """Set the output to JSON, in which every text is masked, as it is and as JSON spells it. Raises: Failure."""
        text = json_text.dumps(json_text.sorted_deep(value), compact=True)
        self._put(text, [text, *_texts(value)])

    def put_answer(self, answer: Response) -> None:
        """Set the output to what an answer is about: a token that was made, else its data. Raises: Failure."""
        if answer.wrap_info:
            self.put(str(answer.wrap_info.get("token", "")))
        elif answer.auth:
            self.put(str(answer.auth.get("client_token", "")))
        else:
            self.put_all(dict(answer.data or {}))

    def _put(self, text: str, masked: list[str]) -> None:
        self._env.out("".join(f"::add-mask::{_escaped(line)}\n" for line in _spellings(masked)))
        delimiter = _delimiter(text)
        left = f"{self._name}<<{delimiter}\n{text}\n{delimiter}\n".encode("utf-8", "replace")
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            raise Failure(f"cannot write to GITHUB_OUTPUT, {self._path}: {(error.strerror or '').lower()}") from None


def _texts(value: Any) -> Iterator[str]:
    """Give what is secret in data: texts and long numbers, and texts as JSON spells them; names are none."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield from value.splitlines()
        yield json_text.dumps(value, compact=True)[1:-1]
    elif value is not None and not isinstance(value, bool) and len(str(value)) > _FEW_DIGITS:
        yield json_text.dumps(value, compact=True)


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
