"""OpenPGP: new shares and root tokens, encrypted for those who are to have them. The extra `pgp` brings the library.

Source: OpenBao 2.7: keys come in base64 without armour, and what is encrypted for one is no more armoured than that.
"""

from __future__ import annotations

import binascii
from typing import Any

from vaultctl.logical.errors import InvalidRequest, NotOffered
from vaultctl.logical.one_time import bad


def read_key(text: str) -> bytes:
    """Read a public key as a request has it; one that nothing can be encrypted for is none.

    Raises: InvalidRequest, NotOffered.
    """
    try:
        data = binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        at = bad("".join(text.split()))
        raise InvalidRequest(f"error decoding given PGP key: illegal base64 data at input byte {at}") from None
    if not data:
        raise InvalidRequest("error parsing given PGP key: EOF")
    encrypt(data, b"")
    return data


def fingerprint(key: bytes) -> str:
    """Give a key's fingerprint, in small hex. Raises: InvalidRequest, NotOffered."""
    return str(_certificate(key).fingerprint).lower()


def encrypt(key: bytes, plain: bytes) -> bytes:
    """Encrypt for a key. Raises: InvalidRequest, where it is none to encrypt for; NotOffered."""
    try:
        return bytes(_library().encrypt(plain, recipients=[_certificate(key)], armor=False))
    except RuntimeError as error:
        raise InvalidRequest(f"error encrypting for given PGP key: {_first_line(error)}") from None


def _certificate(data: bytes) -> Any:
    try:
        return _library().Cert.from_bytes(data)
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidRequest(f"error parsing given PGP key: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["it is none"])[0].lower()


def _library() -> Any:
    try:
        import pysequoia
    except ImportError:
        raise NotOffered(
            "PGP keys need another package: install vaultctl-cli[pgp]",
        ) from None
    return pysequoia
