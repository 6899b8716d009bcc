"""Files with PGP keys, as `-pgp-keys` and its like name them: armoured, in base64, or as they are.

Source: OpenBao 2.7. A key by its name at Keybase is not looked up: nothing else is asked over the network, either.
"""

import binascii
from collections.abc import Sequence

from vaultctl.cli.command import file_name
from vaultctl.cli.failures import Misuse

_BEGIN, _END = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END"


def read_keys(named: str | Sequence[str] | None) -> list[str]:
    """Give each key in base64; the files have commas between, or are given one by one. Raises: Misuse."""
    texts = [named] if isinstance(named, str) else named or ()
    return [_read(name.strip()) for text in texts for name in text.split(",") if name.strip()]


def _read(name: str) -> str:
    if name.startswith("keybase:"):
        raise Misuse(f"{name} is not looked up here\n\nsave the key in a file, and name that")
    try:
        with open(file_name(name.removeprefix("@")), "rb") as file:
            data = file.read()
    except OSError as error:
        raise Misuse(f"cannot read the PGP key from {name}: {(error.strerror or str(error)).lower()}") from None
    text = data.decode("utf-8", "replace")
    if _BEGIN in text:
        return _without_armour(name, text)
    try:
        binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        return binascii.b2a_base64(data, newline=False).decode()
    return "".join(text.split())


def _without_armour(name: str, text: str) -> str:
    """Give what is between the lines of an armour, behind its headers and in front of its checksum. Raises: Misuse."""
    block = text.partition(_BEGIN)[2].partition(_END)[0].strip("\r\n")
    lines = [line.strip() for line in block.splitlines()]
    if "" in lines:
        lines = lines[lines.index("") + 1 :]
    body = "".join(line for line in lines if not line.startswith("="))
    try:
        return binascii.b2a_base64(binascii.a2b_base64(body, strict_mode=True), newline=False).decode()
    except ValueError:
        raise Misuse(f"{name} holds no good PGP key") from None
