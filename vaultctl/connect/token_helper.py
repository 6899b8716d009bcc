"""The program that keeps tokens, where ~/.bao names one: it is run with `get`, and prints the token, or with `store`.

Where none is named, a file keeps the token.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from vaultctl.logical.errors import BadSetting
from vaultctl.storage import leftovers

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMENTS = re.compile(r"^\s*(?:#|//).*$", re.MULTILINE)
_SETTING = re.compile(r'\s*"?([A-Za-z_][A-Za-z0-9_-]*)"?\s*=\s*"((?:[^"\\]|\\.)*)"\s*')


def named(path: str) -> str:
    """Give the program that a config file names, or "". Raises: BadSetting.

    Source: OpenBao 2.7, whose file is HCL, has this one setting, and with any other one is refused.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = _COMMENTS.sub("", file.read())
    except OSError as error:
        raise BadSetting(f"cannot read {path}: {(error.strerror or '').lower()}") from None
    program, place = "", 0
    while text[place:].strip():
        match = _SETTING.match(text, place)
        if not match or match[1] != "token_helper":
            what = f"invalid key '{match[1]}'" if match else "it is not understood"
            raise BadSetting(f"error parsing config file {path}: {what}", hint='it may hold: token_helper = "/path"')
        program, place = match[2], match.end()
    return os.path.expanduser(program)


def ask(program: str, environ: Mapping[str, str]) -> str:
    """Run the program, and give what it printed. Raises: BadSetting."""
    return _run(program, "get", environ)


def store(program: str, environ: Mapping[str, str], token: str) -> None:
    """Give the program a token to keep, on its stdin. Raises: BadSetting."""
    _run(program, "store", environ, token)


def write(path: str, token: str) -> None:
    """Keep a token in a file that is its owner's alone: all of it, or the file stays as it was. Raises: BadSetting.

    Source: OpenBao 2.7, which writes no newline.
    """
    path = os.path.realpath(path)  # a link stays one
    temporary = leftovers.temporary(path)
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(token)
        os.replace(temporary, path)
        leftovers.sweep(path)
    except OSError as error:
        raise BadSetting(f"cannot write {path}: {(error.strerror or '').lower()}") from None


def _run(program: str, verb: str, environ: Mapping[str, str], given: str = "") -> str:
    try:
        done = subprocess.run(  # noqa: S603  # it is the user's own
            [program, verb], check=False, capture_output=True, env=dict(environ), input=given.encode()
        )
    except OSError as error:
        raise BadSetting(f"cannot run the token helper {program}: {(error.strerror or '').lower()}") from None
    if done.returncode != 0:
        raise BadSetting(f"the token helper {program} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")
