"""A state that is made by hand: its first entries, its root token, and the shares of its keys.

Nothing of it is kept by whoever made it, but what those who asked for it are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.core import bootstrap, recovery, tokens
from vaultctl.core.mounts import new_uuid
from vaultctl.core.sealing import Made, Plan
from vaultctl.crypto import shamir
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.shamir import ShamirSeal
from vaultctl.logical.json_text import base64_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.core.state import State
    from vaultctl.core.views import Transaction
    from vaultctl.crypto.seals.seal import Seal


def under_shamir(state: State, plan: Plan, random: Callable[[int], bytes], now_s: int) -> Made | None:
    """Make a state under an unseal key of its own, which is shared; None where there is one. Raises: StateError."""
    key = bytearray(random(KEY_B))
    shares = for_holders(shamir.split(key, plan.shares, plan.threshold, random), plan)
    root_token = tokens.new_token(random)
    shown = _for_holder(root_token, plan)

    def find_seal() -> Seal:
        return ShamirSeal(key, plan.shares, plan.threshold, random)

    def fill(transaction: Transaction) -> None:
        bootstrap.fill_by_hand(transaction, root_token, random, now_s)

    is_made = state.initialise(new_uuid(random), find_seal, fill)
    shamir.wipe(key)
    return Made(shares, (), shown) if is_made else None


def under_auto(
    state: State, find_seal: Callable[[], Seal], plan: Plan, random: Callable[[int], bytes], now_s: int
) -> Made | None:
    """Make a state under a seal that opens by itself, with a recovery key if the plan has shares of one.

    Gives None where there is a state. Raises: StateError.
    """
    key = bytearray(random(KEY_B))
    wanted = recovery.Recovery(plan.recovery_shares, plan.recovery_threshold)
    shares = shamir.split(key, wanted.shares, wanted.threshold, random) if wanted.shares else []
    shares = for_holders(shares, plan)
    root_token = tokens.new_token(random)
    shown = _for_holder(root_token, plan)

    def fill(transaction: Transaction) -> None:
        bootstrap.fill_by_hand(transaction, root_token, random, now_s)
        if wanted.shares:
            recovery.store(transaction, bytes(key), wanted)

    is_made = state.initialise(new_uuid(random), find_seal, fill)
    shamir.wipe(key)
    return Made((), shares, shown) if is_made else None


def for_holders(shares: list[bytes], plan: Plan) -> list[bytes]:
    """Give each share as its holder gets it: encrypted, where there are PGP keys. Source: OpenBao 2.7: its hex is."""
    if not plan.pgp_keys:
        return shares
    from vaultctl.crypto import pgp

    return [pgp.encrypt(key, share.hex().encode()) for key, share in zip(plan.pgp_keys, shares, strict=True)]


def _for_holder(root_token: str, plan: Plan) -> str:
    if not plan.root_token_pgp_key:
        return root_token
    from vaultctl.crypto import pgp

    encrypted = pgp.encrypt(plan.root_token_pgp_key, root_token.encode())
    return base64_text(encrypted)
