"""Seals for tests: static ones whose keys are files, read for each operation, so that one can be taken away."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.states import CLUSTER, NOW, ROOT_TOKEN
from vaultctl.core import bootstrap, rewrap, seal_change
from vaultctl.core.core import Core
from vaultctl.core.state import State
from vaultctl.crypto.seals.blob import key_id_of
from vaultctl.crypto.seals.seal import Seal
from vaultctl.crypto.seals.several import Several
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import SealUnavailable
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.backend import Backend
from vaultctl.storage.header import Header


class Module:
    """A folder of keys, as a security module has them: a seal is out of reach while its key's file is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def generate(self, *, is_auto: bool = True) -> "ModuleSeal":
        """Make a new key, and give its seal."""
        key = os.urandom(32)
        seal = ModuleSeal(self.folder, StaticSeal(key, os.urandom).key_id, is_auto=is_auto)
        seal.path.write_bytes(key)
        return seal

    def find(self, described: Mapping[str, Any]) -> "ModuleSeal":
        """Give the seal that a header describes."""
        return ModuleSeal(self.folder, described["key_id"], is_auto=described["type"] == "static")

    def seal_for(self, header: Header) -> Seal:
        """Give the seal of a header, with the previous ones."""
        current, previous = self.find(header.seal), header.seal.get("previous")
        return Several(current, previous, self.find) if previous else current

    def open(self, backend: Backend, *, wraps: bool = True, **options) -> Core:
        """Give a core over a state that is there."""
        return Core(State(backend, self.seal_for, random=os.urandom, now=lambda: NOW, wraps=wraps), **options)

    def make(self, backend: Backend, seal: "ModuleSeal", **options) -> Core:
        """Make a state under a seal, and give a core over it."""
        core = self.open(backend, **options)
        core.state.initialise(CLUSTER, lambda: seal, lambda to: bootstrap.fill(to, ROOT_TOKEN, os.urandom, 1767225600))
        return core

    def rotate(self, core: Core, seal: "ModuleSeal") -> None:
        """Put a state under another seal, or key, with a rewrap begun in the same commit."""
        with core.sessions.writing() as session:
            seal_change.put_under(session.transaction, seal, self.find)
            assert rewrap.start(session, core.host.now_ns(), os.urandom)
            session.commit()


class ModuleSeal:
    """One key of the module. Without its file it does nothing but say so."""

    def __init__(self, folder: Path, key_id: str, *, is_auto: bool) -> None:
        self.key_id = key_id
        self.is_auto = is_auto
        self.kind = "static" if is_auto else "shamir"
        self.path = folder / key_id

    def describe(self) -> Mapping[str, Any]:
        """Give what the header says of this seal."""
        numbers = {} if self.is_auto else {"shares": 1, "threshold": 1}
        return {"type": self.kind, "key_id": self.key_id, **numbers}

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt with the key in the file."""
        return self._seal().wrap(name, plain)

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt with the key in the file."""
        return self._seal().unwrap(name, blob)

    def take_away(self) -> None:
        """Put the module out of reach."""
        self.path.rename(self.path.with_suffix(".away"))

    def bring_back(self) -> None:
        """Have it answer again."""
        self.path.with_suffix(".away").rename(self.path)

    def _seal(self) -> StaticSeal:
        try:
            return StaticSeal(self.path.read_bytes(), os.urandom)
        except FileNotFoundError:
            raise SealUnavailable("the module does not answer") from None


def ask(core: Core, operation: Operation, path: str, **data: Any) -> Any:
    """Ask as root; give the answer."""
    return core.handle(Request(operation, path, data=data, token=ROOT_TOKEN))


def fill(core: Core, count: int, path: str = "w", **options: Any) -> None:
    """Enable a seal-wrapped kv engine, and write so many secrets."""
    ask(core, Operation.UPDATE, f"sys/mounts/{path}", **{"type": "kv", "seal_wrap": True, **options})
    for number in range(count):
        ask(core, Operation.UPDATE, f"{path}/{number:05d}", value=f"secret {number}")


def fill_quickly(core: Core, count: int, path: str = "w") -> None:
    """Do the same in one transaction, for many secrets."""
    ask(core, Operation.UPDATE, f"sys/mounts/{path}", type="kv", seal_wrap=True)
    with core.sessions.writing() as session:
        mount = session.mounts.at(f"{path}/")
        assert mount
        for number in range(count):
            value = b'{"value":"secret %d"}' % number
            session.view.put(f"{mount.storage_prefix}data/{number:05d}", value, seal_wrap=True)
        session.commit()


def read_all(core: Core, count: int, path: str = "w") -> list[Any]:
    """Read them back."""
    return [ask(core, Operation.READ, f"{path}/{number:05d}").data["value"] for number in range(count)]


def key_ids(core: Core, prefix: str = "logical/") -> dict[str, int]:
    """Count the entries below a prefix by the id of the key that wraps them; "" for those that none does."""
    found: dict[str, int] = {}
    with core.state.reader() as view:
        for name in view.below(prefix):
            key_id = key_id_of(view.snapshot.get(name) or b"")
            found[key_id] = found.get(key_id, 0) + 1
    return found


def status(core: Core) -> dict[str, Any]:
    """Read how the rewrap stands."""
    return dict(ask(core, Operation.READ, "sys/sealwrap/rewrap").data)


def finish(core: Core) -> dict[str, Any]:
    """Work on jobs to their end; give how the rewrap stands."""
    while core.advance(60):
        pass
    return status(core)
