"""The keyring: the keys of all terms. New entries take the active term's; older terms only decrypt."""

import binascii
import json
from collections.abc import Mapping
from typing import NamedTuple

from vaultctl.crypto.aead import KEY_B, Random


class Term(NamedTuple):
    """One term's key, and when it was made (RFC 3339)."""

    key: bytes
    created: str

    def __repr__(self) -> str:
        """Show when, never the key."""
        return f"Term({self.created})"


class Keyring(NamedTuple):
    """All terms by number, the active one the highest."""

    terms: Mapping[int, Term]

    @property
    def active(self) -> int:
        """The term that encrypts."""
        return max(self.terms)

    def rotated(self, random: Random, created: str) -> "Keyring":
        """Give a keyring with one more term, now the active one."""
        return Keyring({**self.terms, self.active + 1: Term(random(KEY_B), created)})

    def to_bytes(self) -> bytes:
        """Give the keyring as it is stored, under the root key."""
        terms = [
            {"term": number, "key": binascii.b2a_base64(term.key, newline=False).decode(), "created": term.created}
            for number, term in sorted(self.terms.items())
        ]
        return json.dumps({"terms": terms}).encode()

    def __repr__(self) -> str:
        """Show the terms' numbers, never a key."""
        return f"Keyring({sorted(self.terms)})"


def new_keyring(random: Random, created: str) -> Keyring:
    """Make a keyring of one term."""
    return Keyring({1: Term(random(KEY_B), created)})


def read_keyring(data: bytes) -> Keyring:
    """Read a keyring as stored."""
    terms = json.loads(data)["terms"]
    return Keyring({t["term"]: Term(binascii.a2b_base64(t["key"]), t["created"]) for t in terms})
