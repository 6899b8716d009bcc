"""Work on the local state as a whole, for `vaultctl operator`: verify it, move it, save and restore it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vaultctl.connect import keys, local
from vaultctl.connect.settings import FILES, SettingError, Settings, absolute
from vaultctl.core import maintenance
from vaultctl.core.state import State
from vaultctl.core.views import ROOT_KEY
from vaultctl.crypto.seals import static
from vaultctl.logical.errors import Sealed, StateError
from vaultctl.storage import files
from vaultctl.storage.json_file import json_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.connect.seal_files import Settled
    from vaultctl.connect.seal_migration import Migration
    from vaultctl.connect.seal_rotation import Rotated
    from vaultctl.core.core import Core
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.backend import Backend
    from vaultctl.storage.header import Header

_OURS = (keys.SEAL_KEY, keys.ROOT_TOKEN, keys.TOKEN, *FILES.values())
_ENDS = (".lock", ".tmp", ".making", ".job-", local.MIGRATED, files.DAMAGED, "-wal", "-shm", "-journal")
"""What belongs to one of these files has its name with such an end."""


class Maintenance:
    """Work on the local state as a whole, for `vaultctl operator`. Nothing here makes a state on first use."""

    def __init__(
        self, environ: Mapping[str, str], *, lock_timeout_s: float | None = None, tell: Callable[[str], None]
    ) -> None:
        """Find the state's place. Raises: SettingError."""
        self._environ = environ
        self._tell = tell
        self._opened: list[Backend] = []
        self._looked_at: Core | None = None
        """Opened once for all looks at a rewrap, which may be many."""

        self.settings = local.find_settings(environ, lock_timeout_s)

    def close(self) -> None:
        """Let go of every state that was opened."""
        for backend in self._opened:
            backend.close()
        keys.close_seals(self.settings)

    def check(self) -> maintenance.Report:
        """Verify the state. Raises: StateError."""
        return maintenance.check(self._state(self.settings))

    def salvage(self, path: str) -> maintenance.Saved:
        """Write what still decrypts into a new JSON state. Raises: StateError."""

        def find_seal(header: Header | None) -> Seal:
            if header is not None:
                return keys.seal_finder(self.settings, self._environ)(header)
            if self._environ.get("VAULTCTL_UNSEAL_KEY"):
                raise StateError(
                    "the header is gone, and with it how many shares there are: nothing can be saved",
                    hint="restore a backup with 'vaultctl operator snapshot restore FILE'",
                )
            return static.StaticSeal(keys.read_seal_key(self.settings, self._environ)[0], os.urandom)

        source = self._state(self.settings).backend
        return maintenance.salvage(source, find_seal, self._new_copy(path), os.urandom)

    def migrate(self, kind: str) -> tuple[int, str, str]:
        """Move the state to another backend; give the number of entries, and the old and the new file.

        The old file stays, under another name, so that no command takes it for the state. Raises: StateError.
        """
        source = self.settings
        if kind not in FILES:
            raise SettingError(f"there is no storage {kind}", hint=f"it is one of {', '.join(FILES)}")
        if kind == source.storage:
            raise SettingError(f"the state is kept in {kind} already")
        path = os.path.join(source.data_dir, FILES[kind])
        with local.making(source.data_dir, source.lock_timeout_s):
            kept = files.free_name(source.path + local.MIGRATED)
            entries = maintenance.migrate(self._state(source), self._backend(kind, path), kept)
        return entries, kept, path

    def save(self, path: str) -> int:
        """Write a consistent copy of the state into a file; give the number of entries. Raises: StateError."""
        return maintenance.save(self._state(self.settings), self._new_copy(path))

    def restore(self, path: str, *, force: bool) -> int:
        """Put a saved state in the place of this one; give the number of entries. Raises: StateError."""
        copy = json_file(os.path.realpath(absolute(path)), alone=True)
        target = self._state(self.settings).backend
        found: list[Seal] = []

        def seal_for(header: Header) -> Seal:
            found.append(self._seal_of_copy(header, target))
            return found[-1]

        saved = State(copy, seal_for, random=os.urandom, now=local.now)
        entries, header = maintenance.restore(saved, target, force=force)
        if header.seal.get("type") == keys.SHAMIR:
            self._keep_unsealed(header, found[-1])
        return entries

    def _seal_of_copy(self, header: Header, target: Backend) -> Seal:
        """Find the seal of a copy; where people open it, by the key of the state here, if that is unsealed."""
        find = keys.seal_finder(self.settings, self._environ)
        try:
            with target.reader() as snapshot:
                here = snapshot.header
        except StateError:
            return find(header)
        if here.sealed:
            raise Sealed
        return find(header._replace(epoch=here.epoch) if here.cluster_id == header.cluster_id else header)

    def _keep_unsealed(self, header: Header, seal: Seal) -> None:
        """Keep a state unsealed whose key was kept: the restored one has a new epoch. Raises: StateUnavailable."""
        from vaultctl.connect import unsealing
        from vaultctl.crypto.seals.several import current_of
        from vaultctl.crypto.seals.shamir import OpenedShamirSeal

        if isinstance(current_of(seal), OpenedShamirSeal):
            unsealing.runtime_folder(self.settings, self._environ).keep(header, seal.unwrap(ROOT_KEY, b""))

    def seal(self) -> tuple[str, str]:
        """Tell the type of the seal, and the id of its key. Raises: StateError."""
        with self._state(self.settings).backend.reader() as snapshot:
            return str(snapshot.header.seal["type"]), str(snapshot.header.seal["key_id"])

    def rotate_seal_key(self, *, key_label: str = "", generates: bool = False, rotates: bool = True) -> Rotated:
        """Give the seal a new key, and begin a rewrap. Raises: StateError.

        Of a pkcs11 seal that is the key with this label, which the token `generates`; a transit seal `rotates` its key.
        """
        from vaultctl.connect import seal_rotation

        wanted = seal_rotation.Wanted(key_label, generates, rotates, self._tell)
        return seal_rotation.rotate(self.settings, self._environ, self._state(self.settings), wanted)

    def seal_migration(self, kind: str, *, key_label: str = "", generates: bool = False) -> Migration:
        """Give what takes the state over to another type of seal. Raises: StateError."""
        from vaultctl.connect.seal_migration import Migration
        from vaultctl.connect.seal_rotation import Wanted

        wanted = Wanted(key_label, generates, rotates=False, tell=self._tell)
        return Migration(self.settings, self._environ, self._state(self.settings), kind, wanted)

    def rewrap(self) -> dict[str, Any]:
        """Tell how the rewrap stands that was started last, as the API does. Raises: StateError, Sealed."""
        from vaultctl.core.core import Core
        from vaultctl.core.system import sealwrap

        self._looked_at = self._looked_at or Core(self._state(self.settings))
        with self._looked_at.sessions.reading() as session:
            return sealwrap.told_of(session)

    def settle_seal_keys(self, *, removes: bool = False) -> Settled:
        """Name the files of keys that nothing is under any more, or remove them. Raises: StateError."""
        from vaultctl.connect import seal_files

        return seal_files.settle(self.settings, self._state(self.settings), removes=removes)

    def _state(self, settings: Settings) -> State:
        state = local.open_state(settings, self._environ, self._tell)
        self._opened.append(state.backend)
        return state

    def _new_copy(self, path: str) -> Backend:
        """Give a file to write to, which is none of the state's own. Raises: SettingError."""
        if path in ("", "-"):
            raise SettingError(f'"{path}" names no file here', hint="name a file, or say ./- for one of that name")
        real = os.path.realpath(absolute(path))
        folder = os.path.realpath(self.settings.data_dir)
        ours = [self.settings.path, *(os.path.join(folder, name) for name in _OURS)]
        if real in ours or real.startswith(tuple(file + end for file in ours for end in _ENDS)):
            raise SettingError(f"{path} is a file of the state itself", hint="name another file")
        return json_file(real, alone=True)

    def _backend(self, kind: str, path: str) -> Backend:
        self._opened.append(local.open_backend(kind, path, self.settings.lock_timeout_s, self._tell))
        return self._opened[-1]
