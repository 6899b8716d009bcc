"""Encrypted states for tests: one seal key, one root token, and no clock."""

import os
from collections.abc import Callable

from vaultctl.core import bootstrap
from vaultctl.core.core import Core
from vaultctl.core.state import State, check_key_id
from vaultctl.core.views import Transaction
from vaultctl.crypto.seals.seal import Seal
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.storage.backend import Backend
from vaultctl.storage.header import Header

CLUSTER = "5a7e0000-0000-0000-0000-000000000000"
NOW = "2026-01-01T00:00:00Z"
NOW_S = 1767225600
ROOT_TOKEN = "s.RootTokenOfTheTestsCanary"
SEAL_KEY = bytes(range(32))


def open_state(backend: Backend, key: bytes = SEAL_KEY) -> State:
    """Give the state in a backend; nothing is read yet."""

    def seal_for(header: Header) -> Seal:
        seal = StaticSeal(key, os.urandom)
        check_key_id(header, seal.key_id, "the test")
        return seal

    return State(backend, seal_for, random=os.urandom, now=lambda: NOW)


def initialise(state: State, fill: Callable[[Transaction], None] = lambda _transaction: None) -> bool:
    """Make a state, and tell whether this call made it."""
    return state.initialise(CLUSTER, lambda: StaticSeal(SEAL_KEY, os.urandom), fill)


def make_state(backend: Backend, fill: Callable[[Transaction], None] = lambda _transaction: None) -> State:
    """Give the state in a backend, and make it first where there is none."""
    state = open_state(backend)
    initialise(state, fill)
    return state


def make_core(backend: Backend, **options) -> Core:
    """Give a core over a state as the first use makes it."""
    state = make_state(backend, lambda transaction: bootstrap.fill(transaction, ROOT_TOKEN, os.urandom, NOW_S))
    return Core(state, **options)


def open_core(backend: Backend, **options) -> Core:
    """Give a core over a state that is there."""
    return Core(open_state(backend), **options)


def write(state: State, changes: dict[str, bytes | None]) -> None:
    """Store these values in one transaction, and remove what is None."""
    with state.writer() as transaction:
        for name, value in changes.items():
            if value is None:
                transaction.delete(name)
            else:
                transaction.put(name, value)
        transaction.commit()


def values(state: State, prefix: str = "") -> dict[str, bytes | None]:
    """Give every value below a prefix."""
    with state.reader() as view:
        return {
            name: view.get(name) for name in view.below(prefix) if not name.startswith(("core/keyring", "core/seal/"))
        }
