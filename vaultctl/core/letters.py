"""The letters and digits that tokens, accessors and other names of chance are written in."""

from collections.abc import Callable

LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LETTER_OF = bytes(LETTERS[byte % len(LETTERS)] for byte in range(256))
"""For each byte a letter; the first ones of them once more often than the last ones."""

_UNFAIR = bytes(range(256 - 256 % len(LETTERS), 256))
"""What lies above the largest multiple of 62 in a byte would favour the first letters."""

_SPARE = 4


def random_text(random: Callable[[int], bytes], length: int) -> str:
    """Make text of letters and digits, each equally likely."""
    text = b""
    while len(text) < length:
        text += random(length + _SPARE).translate(LETTER_OF, _UNFAIR)
    return text[:length].decode()
