"""Tokens under a one-time password: XORed, and in base64 without its padding. Source: OpenBao 2.7, its words too."""

import binascii

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
"""What passwords are made of."""


def encode(token: str, otp: str) -> str:
    """Put a token under a password of its length. Raises: ValueError."""
    return binascii.b2a_base64(_xored(token.encode(), otp.encode()), newline=False).decode().rstrip("=")


def decode(encoded: str, otp: str) -> str:
    """Give the token from under its password. Raises: ValueError."""
    try:
        data = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
    except ValueError:
        raise ValueError(f"error decoding base64'd token: illegal base64 data at input byte {bad(encoded)}") from None
    return _xored(data, otp.encode()).decode("utf-8", "replace")


def bad(text: str) -> int:
    """Give where a text stops being base64."""
    good = frozenset(ALPHABET + "+/")
    return next((at for at, letter in enumerate(text) if letter not in good), len(text) // 4 * 4)


def _xored(one: bytes, other: bytes) -> bytes:
    if len(one) != len(other):
        lengths = f"{len(one)} != {len(other)}"
        raise ValueError(f"error xoring token: length of byte slices is not equivalent: {lengths}")
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
