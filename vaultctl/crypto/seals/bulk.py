"""Many entries brought from one static key to another in one loop: a call for each would cost more than the cipher."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag

from vaultctl.crypto.aead import NONCE_B
from vaultctl.crypto.seals.several import Several, current_of
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import StateError

if TYPE_CHECKING:
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.logical.storage import Replaced, Stored

Rewrap = Callable[["Sequence[Stored]", int], "list[Replaced]"]
"""Takes entries, and where to begin; gives those from there on up to the first that the key did not wrap so."""


def rewrapper(seal: "Seal", head: bytes) -> Rewrap | None:
    """Give what rewraps entries that begin with the head of a key, where that key and the current one are at hand."""
    current, previous = current_of(seal), None
    if isinstance(seal, Several):
        with suppress(StateError):  # who asks for one entry is told why
            previous = seal.find(head[2:].decode("utf-8", "replace"))
    if not isinstance(current, StaticSeal) or not isinstance(previous, StaticSeal) or previous.head != head:
        return None
    return partial(_rewrap, previous, current)


def _rewrap(previous: StaticSeal, current: StaticSeal, stored: "Sequence[Stored]", begin: int) -> "list[Replaced]":
    """Rewrap them, with all nonces drawn at once: they are used in this call, and never again."""
    old_head, old_b, head = previous.head, len(previous.head), current.head
    decrypt, encrypt = previous.cipher.aes.decrypt, current.cipher.aes.encrypt
    nonces, at, behind_b = current.cipher.random(NONCE_B * (len(stored) - begin)), 0, old_b + NONCE_B
    replaced = []
    with suppress(InvalidTag, ValueError):  # of a nonce that was cut short
        for row, name, blob in islice(stored, begin, None):
            if not blob.startswith(old_head):
                break
            bound, nonce = name.encode(), nonces[at : at + NONCE_B]
            plain = decrypt(blob[old_b:behind_b], blob[behind_b:], old_head + bound)
            replaced.append((row, name, blob, b"".join((head, nonce, encrypt(nonce, plain, head + bound)))))
            at += NONCE_B
    return replaced
