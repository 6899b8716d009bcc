"""Shamir's secret sharing over GF(2⁸), in the format of Vault's shares.

A secret of n bytes is n polynomials over the field of AES (x⁸ + x⁴ + x³ + x + 1), whose constant terms are the secret.
A share is their values at one x, which stands behind them as the last byte: n + 1 bytes. A secret with one share is not
shared at all: the share is the secret. Nothing tells whether the secret that comes out of shares is the right one: who
combines them tries it out.

Only the x of a share decides a branch, and that is no secret. All else is shifts and masks of numbers below 256, which
Python keeps once for ever: so no table is looked up at a place that a secret byte gives, and none of them leaves a
number behind in memory. The buffers are cleared.

Source: Vault's and OpenBao's shares are interchangeable with these.
"""

from collections.abc import Sequence

from vaultctl.crypto.aead import Random
from vaultctl.logical.errors import InvalidRequest

MOST_SHARES = 255
"""One for each x but 0, where the secret is."""

_TICKET_B = 8


def split(secret: bytes | bytearray, shares: int, threshold: int, random: Random) -> list[bytes]:
    """Give shares of a secret, of which any `threshold` give it back. Raises: InvalidRequest."""
    check_numbers(shares, threshold)
    if not secret:
        raise InvalidRequest("cannot split an empty secret")
    if shares == 1:
        return [bytes(secret)]
    size_b = len(secret)
    coefficients = bytearray(random(size_b * (threshold - 1)))
    values = bytearray(size_b)
    result = []
    for x in _some_places(shares, random):
        values[:] = bytes(size_b)
        for begin in range(0, len(coefficients), size_b):
            _step(values, coefficients, begin, x)
        _step(values, secret, 0, x)
        result.append(bytes(values) + bytes([x]))
    wipe(coefficients, values)
    return result


def combine(shares: Sequence[bytes | bytearray]) -> bytearray:
    """Give the secret that the shares belong to; with too few of them, or a wrong one, it is another one.

    The caller wipes it. Raises: InvalidRequest, where they cannot be shares of one secret.
    """
    if not shares:
        raise InvalidRequest("no share was given")
    if len(shares) == 1:
        return bytearray(shares[0])
    size_b = len(shares[0]) - 1
    if size_b < 1:
        raise InvalidRequest("parts must be at least two bytes")
    if any(len(share) != size_b + 1 for share in shares):
        raise InvalidRequest("all parts must be the same length")
    places = [share[-1] for share in shares]
    if len(set(places)) != len(places):
        raise InvalidRequest("duplicate part detected")
    if 0 in places:
        raise InvalidRequest("a share ends in a zero byte, as none does that was made of a secret")
    secret = bytearray(size_b)
    for share, x in zip(shares, places, strict=True):
        weight = _weight(x, places)
        for at in range(size_b):
            secret[at] ^= _times(share[at], weight)
    return secret


def check_numbers(shares: int, threshold: int) -> None:
    """Refuse numbers that no secret can be shared by. Raises: InvalidRequest. Source: OpenBao 2.7, its words."""
    if shares < 1:
        raise InvalidRequest("shares must be at least one")
    if threshold < 1:
        raise InvalidRequest("threshold must be at least one")
    if shares > 1 and threshold == 1:
        raise InvalidRequest("threshold must be greater than one for multiple shares")
    if shares > MOST_SHARES:
        raise InvalidRequest("shares must be less than 256")
    if threshold > MOST_SHARES:
        raise InvalidRequest("threshold must be less than 256")
    if threshold > shares:
        raise InvalidRequest("threshold cannot be larger than shares")


def wipe(*buffers: bytearray) -> None:
    """Overwrite what was secret; what Python copied elsewhere stays until its memory is used again."""
    for buffer in buffers:
        buffer[:] = bytes(len(buffer))


def _some_places(number: int, random: Random) -> list[int]:
    """Draw distinct x by lot: that they are no 1, 2, 3 … keeps shares of two splits from being taken for one."""
    lots = random(MOST_SHARES * _TICKET_B)
    drawn = sorted(range(MOST_SHARES), key=lambda at: lots[at * _TICKET_B : (at + 1) * _TICKET_B])
    return [place + 1 for place in drawn[:number]]


def _step(values: bytearray, coefficients: bytes | bytearray, begin: int, x: int) -> None:
    """Take one step of Horner's rule in all polynomials."""
    for at in range(len(values)):
        values[at] = _times(values[at], x) ^ coefficients[begin + at]


def _times(secret: int, public: int) -> int:
    """Multiply in the field; the steps depend on neither value, and no number exceeds a byte."""
    product = 0
    for bit in range(8):
        product ^= -(public >> bit & 1) & secret
        secret = (secret & 0x7F) << 1 ^ -(secret >> 7) & 0x1B
    return product


def _weight(x: int, places: Sequence[int]) -> int:
    """Give Lagrange's weight at 0 of the value at x: only of places, which are no secret."""
    above = below = 1
    for other in places:
        if other != x:
            above = _times(above, other)
            below = _times(below, other ^ x)
    return _times(above, _inverse(below))


def _inverse(public: int) -> int:
    """Give the inverse: the 254th power."""
    result = 1
    for _ in range(254):
        result = _times(result, public)
    return result
