"""The program that keeps tokens, where ~/.bao names one: it is run with `get`, and prints the token."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from vaultctl.logical.errors import BadSetting

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
    try:
        done = subprocess.run([program, "get"], check=False, capture_output=True, env=dict(environ))  # noqa: S603  # it is the user's own
    except OSError as error:
        raise BadSetting(f"cannot run the token helper {program}: {(error.strerror or '').lower()}") from None
    if done.returncode != 0:
        raise BadSetting(f"the token helper {program} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")
