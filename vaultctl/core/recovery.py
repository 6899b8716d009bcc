"""The recovery key of a state whose seal opens by itself: who holds shares of it proves that the state is theirs.

It encrypts nothing. A state that was made on first use has none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.logical.errors import IntegrityError

if TYPE_CHECKING:
    from vaultctl.core.views import Transaction, View

CONFIG = "core/seal/recovery-config"
KEY = "core/seal/recovery-key"


class Recovery(NamedTuple):
    """How a recovery key is shared; both are 0 where there is none."""

    shares: int = 0
    threshold: int = 0


def load(view: View) -> Recovery:
    """Tell how the recovery key is shared. Raises: IntegrityError."""
    stored = view.get(CONFIG)
    if stored is None:
        return Recovery()
    config = json.loads(stored)
    return Recovery(config["shares"], config["threshold"])


def load_key(view: View) -> bytes:
    """Give the recovery key. Raises: IntegrityError, where there is none too."""
    key = view.get(KEY)
    if key is None:
        raise IntegrityError("the state has no recovery key")
    return key


def store(transaction: Transaction, key: bytes, recovery: Recovery) -> None:
    """Store the recovery key, and how it is shared; no share is stored."""
    transaction.put(KEY, key, seal_wrap=True)
    transaction.put(CONFIG, json.dumps(recovery._asdict()).encode(), seal_wrap=True)


def remove(transaction: Transaction) -> None:
    """Remove the recovery key, where the seal is one that people open."""
    transaction.delete(KEY)
    transaction.delete(CONFIG)
