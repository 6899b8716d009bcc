"""The local state goes over to another seal: `vaultctl operator seal-migrate`.

One commit puts the root key under the new seal and begins a rewrap (`core/seal_change`). New shares are stored and
shown before it, so that whoever is cut short in between is shown the same ones again; the file of a new static key is
durable before it. Behind it, only files get other names. So there is nothing that a kill could leave half done.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.connect import keys, local, unsealing
from vaultctl.connect.runtime import RuntimeFolder
from vaultctl.connect.seal_rotation import Wanted, new_seal, settle
from vaultctl.connect.settings import SEALS, SettingError
from vaultctl.core import recovery, rewrap, seal_change
from vaultctl.core.core import Core
from vaultctl.core.quorum import read_share
from vaultctl.core.sealing import Plan
from vaultctl.core.state import State
from vaultctl.crypto.seals.several import Several
from vaultctl.logical.errors import InvalidRequest, Sealed, SealKeyError, StateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from vaultctl.connect.settings import Settings
    from vaultctl.core.quorum import Quorum
    from vaultctl.core.seal_change import Prepared
    from vaultctl.core.session import Session
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header


class Migrated(NamedTuple):
    """The type of the seal that was, and of the one that is now, its key's id, and where that key is.

    `is_open` says that commands can open the state without further ado.
    """

    old: str
    new: str
    key_id: str
    source: str
    is_open: bool


class Migration:
    """One change of the seal: first whose shares it takes, then the new shares, then the change itself."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], state: State, kind: str, wanted: Wanted) -> None:
        """Raises: SettingError where there is no such seal, or the state has it."""
        if kind not in SEALS:
            raise SettingError(f"there is no seal {kind}", hint=f"it is one of {', '.join(SEALS)}")
        self._settings = settings
        self._environ = environ
        self._state = state
        self._kind = kind
        self._wanted = wanted
        self._prepared: Prepared | None = None
        self._check(self._header())

    def quorum(self) -> Quorum | None:
        """Tell whose shares it takes; None where nobody has any. Raises: StateError, Sealed."""

        def load() -> recovery.Recovery:
            with self._state.reader() as view:
                return recovery.load(view)

        header = self._header()
        if header.sealed:
            raise Sealed
        return seal_change.quorum_of(header, load)

    def named_shares(self) -> list[bytes]:
        """Give the shares that VAULTCTL_UNSEAL_KEY names, if it does. Raises: SealKeyError, StateError."""
        source = self._environ.get(unsealing.UNSEAL_KEY)
        return unsealing.read_shares(self._settings, source) if source else []

    def read(self, texts: Sequence[str]) -> list[bytes]:
        """Read shares as people enter them. Raises: SealKeyError."""
        try:
            return [bytes(read_share(text)) for text in texts]
        except InvalidRequest:
            raise SealKeyError("what was given is no share: a share is hex or base64, one a line") from None

    def prepare(self, shares: int, threshold: int, pgp_keys: Sequence[str]) -> Prepared:
        """Make shares for a state that has none; they count once the state has gone over. Raises: VaultError."""
        plan = Plan(shares, threshold, pgp_keys=_read_pgp_keys(pgp_keys))
        with self._locked(), Core(self._state).sessions.writing() as session:
            seal_change.check_no_rewrap(session.transaction)
            try:
                self._prepared = seal_change.prepare(session.transaction, plan, os.urandom)
            except InvalidRequest as error:
                raise StateError(*error.errors) from None  # nobody asked an API
            session.commit()
        return self._prepared

    def finish(self, shares: Sequence[bytes]) -> Migrated:
        """Go over to the seal, and begin a rewrap. Raises: SettingError, VaultError."""
        with self._locked():
            header = self._header()
            self._check(header)
            core = Core(self._opened_by(header, shares))
            with core.sessions.writing() as session:
                migrated = self._go_over(session, header, shares)
            if migrated.old == keys.SHAMIR:
                self._runtime().drop(header.cluster_id)
            settle(self._settings, self._environ, header, migrated.new, migrated.key_id)
            return migrated

    def _go_over(self, session: Session, header: Header, shares: Sequence[bytes]) -> Migrated:
        transaction = session.transaction
        seal_change.check_no_rewrap(transaction)
        is_open, source = True, "shares"
        if self._kind == keys.SHAMIR:
            seal: Seal = seal_change.to_shamir(session, self._find, shares, self._prepared)
        else:
            seal, source = new_seal(self._kind, self._settings, self._environ, header, self._wanted)
            seal_change.to_auto(session, self._find, seal, shares)
            transaction.mark_sealed(sealed=False)  # with the epoch every process drops its keys, and looks for the seal
        rewrap.start(session, time.time_ns(), os.urandom)
        session.commit()
        if self._kind == keys.SHAMIR:
            is_open = self._keep(transaction.stands, transaction.root_key())
        return Migrated(str(header.seal["type"]), self._kind, seal.key_id, source, is_open)

    def _keep(self, header: Header, root_key: bytes) -> bool:
        """Keep the root key for the commands that follow, if there is a place; tell whether it is kept.

        That is done behind the commit: a key that was kept for a commit that did not come would be taken for another's.
        """
        runtime = self._runtime()
        if runtime.why_not():
            return False
        try:
            runtime.keep(header, root_key)
        except StateError:
            return False  # people unseal it by the shares that were shown
        return True

    def _opened_by(self, header: Header, shares: Sequence[bytes]) -> State:
        """Give the state: where people open it, by their shares, whether it was unsealed here or not."""
        if header.seal["type"] != keys.SHAMIR:
            return self._state
        seal = seal_change.unseal_key(header, shares, os.urandom)
        previous = header.seal.get("previous")

        def find(_header: Header) -> Seal:
            return Several(seal, previous, self._find) if previous else seal

        wraps = not self._settings.disable_sealwrap
        return State(self._state.backend, find, random=os.urandom, now=local.now, wraps=wraps)

    def _check(self, header: Header) -> None:
        """Refuse what cannot be. Raises: SettingError."""
        if header.seal.get("type") == self._kind:
            doing = "rotate-keys" if self._kind == keys.SHAMIR else "seal-rotate-key"
            raise SettingError(
                f"the state is sealed by {self._kind} already", hint=f"a new key for it: vaultctl operator {doing}"
            )

    def _find(self, described: Mapping[str, Any]) -> Seal:
        return keys.find_seal(self._settings, self._environ, described)

    def _header(self) -> Header:
        with self._state.backend.reader() as snapshot:
            return snapshot.header

    def _locked(self) -> Any:
        return local.making(self._settings.data_dir, self._settings.lock_timeout_s)

    def _runtime(self) -> RuntimeFolder:
        return RuntimeFolder(self._environ, self._settings.lock_timeout_s)


def _read_pgp_keys(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Read keys in base64. Raises: InvalidRequest, NotOffered."""
    if not texts:
        return ()
    from vaultctl.crypto import pgp

    return tuple(map(pgp.read_key, texts))
