"""A state in memory, as `server -dev` has it: unsealed, with a root token and a kv engine at `secret/`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import bootstrap, mounts, tokens
from vaultctl.core.auditing import SERVED, Rules
from vaultctl.core.core import Core
from vaultctl.core.sealing import InMemory, Sealing
from vaultctl.core.state import State
from vaultctl.core.views import ROOT_KEY
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.shamir import OpenedShamirSeal, ShamirSeal
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import Sealed
from vaultctl.storage.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.core.exchange import Unauthenticated
    from vaultctl.core.sealing import Keeper
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header


class Dev(NamedTuple):
    """A door on a new state in memory, its root token, and its unseal key: a seal of one share has no other."""

    core: Core
    root_token: str
    unseal_key: bytes

    def __repr__(self) -> str:
        """Show nothing that is secret."""
        return "Dev()"


def dev(
    root_token: str = "",
    *,
    now_ns: Callable[[], int] = time.time_ns,
    audit_rules: Rules = SERVED,
    unauthenticated: Unauthenticated | None = None,
) -> Dev:
    """Make a state that lives as long as the process; without a root token, with a random one.

    `now_ns` is the clock that everything in it goes by, in nanoseconds since the epoch; `audit_rules` say what clients
    may do with audit devices, and `unauthenticated` what they may ask for without a token.
    """
    key = os.urandom(KEY_B)
    root_token = root_token or tokens.new_token(os.urandom)
    keeper = InMemory()
    state = State(Memory(), seal_finder(keeper), random=os.urandom, now=lambda: rfc3339(now_ns()))
    state.initialise(
        mounts.new_uuid(os.urandom),
        lambda: unsealing_seal(key),
        lambda transaction: bootstrap.fill(transaction, root_token, os.urandom, now_ns() // 1_000_000_000),
    )
    unseal(state, keeper, key)
    core = Core(
        state,
        now_ns=now_ns,
        audit_rules=audit_rules,
        sealing=lambda: Sealing(keeper),
        unauthenticated=unauthenticated,
    )
    return Dev(core, root_token, key)


def seal_finder(keeper: InMemory) -> Callable[[Header], Seal]:
    """Give the function that finds the seal of a header by what is kept. It raises Sealed."""

    def find(header: Header) -> Seal:
        root_key = keeper.root_key(header)
        if root_key is None:
            raise Sealed
        return OpenedShamirSeal(header.seal, ROOT_KEY, root_key)

    return find


def unsealing_seal(key: bytes) -> ShamirSeal:
    """Give the seal of one share."""
    return ShamirSeal(key, 1, 1, os.urandom)


def unseal(state: State, keeper: Keeper, key: bytes) -> None:
    """Unseal a state by its one share. Raises: StateError."""
    keeper.keep(*state.unseal(lambda _header: unsealing_seal(key)))
