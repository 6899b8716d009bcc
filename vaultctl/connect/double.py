"""A vault for tests: a state in memory, new or copied from a file, by a clock that can be put forward, and its server.

A state is put back to what it was by a new core over the entries that were kept: generations never change.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vaultctl.connect import dev
from vaultctl.core import bootstrap, tokens
from vaultctl.core.core import Core
from vaultctl.core.state import State, check_key_id
from vaultctl.crypto.seals import static
from vaultctl.http import wire
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import NoAnswer, StateUnavailable, VaultError
from vaultctl.storage.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.logical.door import Door
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response
    from vaultctl.storage.header import Header
    from vaultctl.storage.memory import MemorySnapshot

_JOBS_S = 0.05


class Double(NamedTuple):
    """A core over a state in memory, its root token, and the clock that it goes by."""

    core: Core
    root_token: str
    now_ns: Callable[[], int]
    unseal_key: bytes | None = None
    """Of a state that was made here; the seal of a copy opens by itself."""

    def handle(self, request: Request, /) -> Response:
        """Answer one request, and work on what is left to do: there is no server that would. Raises: VaultError."""
        try:
            return self.core.handle(request)
        finally:
            self.core.advance(_JOBS_S)

    def kept(self) -> MemorySnapshot:
        """Give the state as it is, to come back to it."""
        with self.core.state.backend.reader() as snapshot:
            return snapshot  # type: ignore[return-value]  # the backend is Memory

    def put_back(self, kept: MemorySnapshot) -> Double:
        """Give a vault over a state as it was; this one is not to be used any more."""
        self.core.host.auditing.close()
        memory = Memory()
        memory.replace(kept)
        state, sealing = self.core.state.over(memory), self.core.host.sealing
        if self.unseal_key:  # it may have been sealed since
            dev.unseal(state, sealing.keeper, self.unseal_key)
        return self._replace(core=Core(state, now_ns=self.now_ns, sealing=lambda: sealing))


def new(root_token: str, now_ns: Callable[[], int]) -> Double:
    """Make a state as `server -dev` has it; without a root token, with a random one."""
    made = dev.dev(root_token, now_ns=now_ns)
    return Double(made.core, made.root_token, now_ns, made.unseal_key)


def load(path: Path, seal_key: Path, root_token: str, now_ns: Callable[[], int]) -> Double:
    """Copy a state or a snapshot of one from its JSON file, and give the copy a root token. Raises: StateError."""
    from vaultctl.core import maintenance
    from vaultctl.core.audit import table as audit_table
    from vaultctl.storage.json_file import json_file

    key = static.read_key(_read(seal_key), str(seal_key))

    def seal_for(header: Header) -> Seal:
        seal = static.StaticSeal(key, os.urandom)
        check_key_id(header, seal.key_id, str(seal_key))
        return seal

    def now() -> str:
        return rfc3339(now_ns())

    memory = Memory()
    maintenance.restore(State(json_file(str(path), alone=True), seal_for, random=os.urandom, now=now), memory)
    state = State(memory, seal_for, random=os.urandom, now=now)
    root_token = root_token or tokens.new_token(os.urandom)
    with state.writer() as transaction:
        audit_table.remove_all(transaction)
        bootstrap.add_root_token(transaction, root_token, now_ns() // 1_000_000_000)
        transaction.commit()
    return Double(Core(state, now_ns=now_ns), root_token, now_ns)


class Listening(Protocol):
    """A server that answers at its address until it is closed."""

    address: str

    def close(self) -> None:
        """Answer no more."""
        ...


def listen(door: Door) -> Listening:
    """Serve a door over HTTP until the server is closed."""
    from vaultctl.http.threads import ThreadServer

    return ThreadServer(door)


def lost(answer: Response | VaultError | None, share: float) -> NoAnswer:
    """Give the error that cuts the connection while an answer is sent; None is one of which nothing is."""
    from vaultctl.http.threads import ConnectionCut

    return ConnectionCut(answer, share)


def refusal(status: int, errors: Sequence[str], request: Request) -> VaultError:
    """Give the error that goes with a status, as the door to a remote would raise it."""
    body = json.dumps({"errors": list(errors)}).encode()
    try:
        wire.read_answer(wire.Answer(status, (), body), request)
    except VaultError as error:
        return error
    raise ValueError(f"{status} is no refusal")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateUnavailable(f"cannot read {path}: {(error.strerror or '').lower()}") from None
