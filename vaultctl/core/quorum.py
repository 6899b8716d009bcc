"""Whose shares prove that a state is theirs: those of the unseal key, or of the recovery key of an auto seal.

A state that was made on first use has neither. Who has the key of its static seal can open it anyway, so that key
counts as the one share.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import recovery
from vaultctl.crypto import shamir
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.shamir import ShamirSeal
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultctl.core.views import Transaction, View
    from vaultctl.crypto.aead import Random
    from vaultctl.crypto.seals.seal import Seal

WRONG_UNSEAL_KEY = "invalid key: failed to decrypt keys from storage: cipher: message authentication failed"
WRONG_RECOVERY_KEY = "recovery key verification failed: recovery key does not match submitted values"
"""Source: OpenBao 2.7."""

SHORTEST_B = 16
LONGEST_B = KEY_B + 1


class Quorum(NamedTuple):
    """How many shares there are, how many it takes, and of what: unseal, recovery, or seal for the seal's own key."""

    shares: int
    threshold: int
    of: str

    @property
    def is_recovery(self) -> bool:
        """Tell whether the seal opens by itself, and these shares do not."""
        return self.of != "unseal"


class WrongKey(Exception):
    """The shares give another key than the right one; the text is OpenBao's, without what it puts in front."""


def load(view: View) -> Quorum:
    """Tell whose shares it takes. Raises: InvalidRequest, where there are none."""
    seal = view.header.seal
    if seal["type"] == ShamirSeal.kind:
        return Quorum(seal["shares"], seal["threshold"], "unseal")
    found = recovery.load(view)
    if found.shares:
        return Quorum(found.shares, found.threshold, "recovery")
    if seal["type"] == StaticSeal.kind:
        return Quorum(1, 1, "seal")
    raise InvalidRequest("this state has no recovery key, so nobody holds shares of it")


def read_share(text: str) -> bytearray:
    """Read a share as people enter it: hex, where that gives the length of a share, else base64, whose lines may end.

    Raises: InvalidRequest. Source: OpenBao 2.7, its words.
    """
    import binascii

    with suppress(ValueError):
        share = bytearray(binascii.unhexlify(text))
        if SHORTEST_B <= len(share) <= LONGEST_B:
            return share
    on_one_line = text.replace("\n", "").replace("\r", "")
    try:
        if len(on_one_line) % 4 or on_one_line.endswith("==="):  # padding too much, which the decoder lets pass
            raise ValueError
        return bytearray(binascii.a2b_base64(on_one_line, strict_mode=True))
    except ValueError:
        raise InvalidRequest("'key' must be a valid hex or base64 string") from None


def check_length(share: bytes | bytearray, prefix: str = "") -> None:
    """Refuse what is too short or too long for a share. Raises: InvalidRequest. Source: OpenBao 2.7."""
    if len(share) < SHORTEST_B:
        raise InvalidRequest(f"{prefix}key is shorter than minimum {SHORTEST_B} bytes")
    if len(share) > LONGEST_B:
        raise InvalidRequest(f"{prefix}key is longer than maximum {LONGEST_B} bytes")


def prove(transaction: Transaction, quorum: Quorum, shares: Sequence[bytearray], random: Random) -> None:
    """Make sure that these shares are those of the state. Raises: WrongKey, InvalidRequest for what are no shares."""
    key = shamir.combine(shares)
    try:
        if quorum.of == "recovery":
            _prove_recovery(transaction, key)
        elif len(key) != KEY_B or not _opens(transaction, _seal_of(key, quorum, random)):
            raise WrongKey(WRONG_UNSEAL_KEY)
    finally:
        shamir.wipe(key)


def _prove_recovery(transaction: Transaction, key: bytearray) -> None:
    from cryptography.hazmat.primitives.constant_time import bytes_eq

    if not bytes_eq(bytes(key), recovery.load_key(transaction)):
        raise WrongKey(WRONG_RECOVERY_KEY)


def _seal_of(key: bytearray, quorum: Quorum, random: Random) -> Seal:
    if quorum.of == "unseal":
        return ShamirSeal(key, quorum.shares, quorum.threshold, random)
    return StaticSeal(bytes(key), random)


def _opens(transaction: Transaction, seal: Seal) -> bool:
    return seal.key_id == transaction.header.seal["key_id"] and transaction.opens(seal)
