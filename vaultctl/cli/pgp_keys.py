"""Flags that name PGP keys: files with a public key, armoured, in base64 or as it is."""

import binascii
import os
import stat
from typing import Any

import click

from vaultctl.cli.command import file_name
from vaultctl.cli.failures import Misuse
from vaultctl.cli.values import MAX_B
from vaultctl.logical.go_text import quoted

_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


class PgpKeys(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """Files with public keys, as a list with commas; each becomes base64.

    A value is converted twice, and a pipe can be read once: so what the first look found is what the second one gives.
    """

    name = "pgp"

    def __init__(self) -> None:
        self._looked_at: dict[tuple[str, str], list[str]] = {}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Read the files. Raises: Misuse."""
        if isinstance(value, list):
            return value
        text, flag = str(value), param.opts[0] if param else ""
        if ctx is not None and (flag, text) in self._looked_at:
            return self._looked_at.pop((flag, text))
        keys = [_read(name.strip(), text, flag) for name in text.split(",") if name.strip()]
        if ctx is None:
            self._looked_at[flag, text] = keys
        return keys


PGP_KEYS = PgpKeys()


def _read(name: str, value: str, flag: str) -> str:
    """Read a key, and give it in base64. Raises: Misuse."""
    if name.startswith("keybase:"):
        raise Misuse(
            f"invalid value {quoted(value)} for flag {flag}: keys are not fetched from Keybase: save it to a file"
        )
    try:
        return _in_base64(_bytes(name))
    except Misuse as error:
        raise Misuse(f"invalid value {quoted(value)} for flag {flag}: {error}") from None


def _bytes(name: str) -> bytes:
    """Read a file, or a pipe that somebody writes to; one that nobody does is not waited for. Raises: Misuse."""
    try:
        fd = os.open(file_name(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Misuse(f"open {name}: {_reason(error)}") from None
    try:
        kind = os.fstat(fd).st_mode
        if stat.S_ISDIR(kind):
            raise Misuse(f"read {name}: is a directory")
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise Misuse(f"read {name}: it is no file")
        os.set_blocking(fd, True)
        with open(fd, "rb", closefd=False) as file:
            data = file.read(MAX_B + 1)
    except OSError as error:
        raise Misuse(f"read {name}: {_reason(error)}") from None
    finally:
        os.close(fd)
    if stat.S_ISFIFO(kind) and not data:
        raise Misuse(f"read {name}: nobody writes to this pipe")
    if len(data) > MAX_B:
        raise Misuse(f"{name} holds more than {MAX_B} bytes")
    return data


def _reason(error: OSError | ValueError) -> str:
    return ((error.strerror if isinstance(error, OSError) else "") or str(error)).lower()


def _in_base64(data: bytes) -> str:
    """Give a key in base64, from under its armour if it has one."""
    try:
        text = data.decode("ascii").strip()
        if text.startswith(_BEGIN):
            return _body(text)
        binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        return binascii.b2a_base64(data, newline=False).decode()
    return "".join(text.split())


def _body(text: str) -> str:
    """Give what stands between an armour's headers and its checksum."""
    _, _, body = text.replace("\r\n", "\n").partition("\n\n")
    lines = body.split("\n")
    return "".join(line.strip() for line in lines if not line.startswith(("=", "-----")))
