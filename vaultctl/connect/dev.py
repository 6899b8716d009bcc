"""A state in memory, as `server -dev` has it: unsealed, with a root token and a kv engine at `secret/`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import bootstrap, mounts, tokens
from vaultctl.core.auditing import SERVED, Rules
from vaultctl.core.core import Core
from vaultctl.core.state import State
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals import static
from vaultctl.logical.durations import rfc3339
from vaultctl.storage.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.core.exchange import Unauthenticated


class Dev(NamedTuple):
    """A door on a new state in memory, its root token, and its seal's key in base64."""

    core: Core
    root_token: str
    seal_key: str


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
    state = State(
        Memory(),
        lambda _header: static.StaticSeal(key, os.urandom),
        random=os.urandom,
        now=lambda: rfc3339(now_ns()),
    )
    state.initialise(
        mounts.new_uuid(os.urandom),
        lambda: static.StaticSeal(key, os.urandom),
        lambda transaction: bootstrap.fill(transaction, root_token, os.urandom, now_ns() // 1_000_000_000),
    )
    core = Core(state, now_ns=now_ns, audit_rules=audit_rules, unauthenticated=unauthenticated)
    return Dev(core, root_token, static.write_key(key).decode().strip())
