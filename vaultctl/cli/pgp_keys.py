"""Flags that name PGP keys: files with a public key, armoured, in base64 or as it is."""

import binascii
from typing import Any

import click

from vaultctl.cli.command import file_name
from vaultctl.cli.failures import Misuse
from vaultctl.logical.go_text import quoted

_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


class PgpKeys(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """Files with public keys, as a list with commas; each becomes base64."""

    name = "pgp"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Read the files. Raises: Misuse."""
        if isinstance(value, list):
            return value
        flag = param.opts[0] if param else ""
        return [_read(name.strip(), str(value), flag) for name in str(value).split(",") if name.strip()]


PGP_KEYS = PgpKeys()


def _read(name: str, value: str, flag: str) -> str:
    """Read a key, and give it in base64. Raises: Misuse."""
    if name.startswith("keybase:"):
        raise Misuse(
            f"invalid value {quoted(value)} for flag {flag}: keys are not fetched from Keybase: save it to a file"
        )
    try:
        with open(file_name(name), "rb") as file:
            data = file.read()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Misuse(f"invalid value {quoted(value)} for flag {flag}: open {name}: {why}") from None
    return _in_base64(data)


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
