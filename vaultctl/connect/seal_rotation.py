"""A new key for the static seal: its file first, then the commit that puts the root key under it and begins a rewrap.

Key files are found by the id that the state names, so that whatever was cut short, the state opens with what is in the
folder: `seal.key`, `seal.key.next` and `seal.key.<id>` for previous keys. A key that the settings name is nobody's but
the user's, who says with VAULTCTL_SEAL_KEY_PREVIOUS where the old one is; no file of theirs is touched.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.connect import keys, local
from vaultctl.connect.keys import NEXT, SEAL_KEY
from vaultctl.connect.settings import FILES, SettingError
from vaultctl.core import rewrap
from vaultctl.core.core import Core
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals import static
from vaultctl.crypto.seals.several import PREVIOUS, Several, current_of, previous_of
from vaultctl.logical.errors import SealKeyError, StateUnavailable
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.core.state import State, Transaction
    from vaultctl.storage.header import Header

_PREVIOUS = re.compile(re.escape(SEAL_KEY) + r"\.[0-9a-f]{16}")


class Rotated(NamedTuple):
    """The ids of the key that was, and of the one that is now, and where that one is."""

    old: str
    new: str
    source: str


def rotate(settings: Settings, environ: Mapping[str, str], state: State) -> Rotated:
    """Give the seal a new key, and begin a rewrap. Raises: SettingError, StateError."""
    with local.making(settings.data_dir, settings.lock_timeout_s):
        core = Core(state)
        with core.sessions.writing() as session:
            transaction = session.transaction
            _check(transaction)
            seal, source = _new_seal(settings, environ, transaction.header)
            old = current_of(transaction.seal)
            previous = [each for each in (old.describe(), *previous_of(transaction.seal)) if _id(each) != seal.key_id]
            transaction.reseal(Several(seal, previous, lambda one: keys.find_seal(settings, environ, one)))
            rewrap.start(session, time.time_ns(), os.urandom)
            session.commit()
        if not settings.seal_key:
            _rename(settings.data_dir, seal.key_id)
        return Rotated(old.key_id, seal.key_id, source)


def _check(transaction: Transaction) -> None:
    """Refuse what cannot be rotated, or not now. Raises: SettingError, StateUnavailable."""
    kind = transaction.seal.kind
    if kind != static.StaticSeal.kind:
        raise SettingError(f"the state is sealed by {kind}, whose key is not in a file")
    if rewrap.running(transaction):
        raise StateUnavailable(
            "a rewrap is running, and needs the keys as they are", hint="follow it to its end: vaultctl sealwrap rewrap"
        )


def _new_seal(settings: Settings, environ: Mapping[str, str], header: Header) -> tuple[static.StaticSeal, str]:
    """Give the new key's seal, durable where it is ours to keep, and its source. Raises: SettingError, StateError."""
    if settings.seal_key:
        key, source = keys.read_seal_key(settings, environ)
        seal = static.StaticSeal(key, os.urandom)
        if seal.key_id == _id(header.seal):
            raise SettingError(
                f"the seal key from {source} is the one that the state has",
                hint="put the new key there, and name the old one with VAULTCTL_SEAL_KEY_PREVIOUS",
            )
        return seal, source
    folder = settings.data_dir
    path, following = (os.path.join(folder, name) for name in (SEAL_KEY, SEAL_KEY + NEXT))
    if _id_at(following) == _id(header.seal):
        _rename(folder, _id(header.seal))
    try:
        files.write_new(files.Files(), following, static.write_key(os.urandom(KEY_B)))
    except FileExistsError:
        pass  # a rotation was cut short before it was committed: nothing is under that key, and it may be used
    except OSError as error:
        raise files.unavailable(error, f"make {following}") from error
    key = static.read_key(files.read_private(following), following)
    return static.StaticSeal(key, os.urandom), path


def _rename(folder: str, current: str) -> None:
    """Give the files of the keys their names: the current one's is `seal.key`. Raises: StateUnavailable."""
    path, following = (os.path.join(folder, name) for name in (SEAL_KEY, SEAL_KEY + NEXT))
    if _id_at(following) != current:
        return
    seam, old = files.Files(), _id_at(path)
    if old and not os.path.lexists(f"{path}.{old}"):
        try:
            seam.link(path, f"{path}.{old}")
            seam.sync_folder(folder)
        except OSError as error:
            raise files.unavailable(error, f"keep {path}") from error
    files.rename(seam, following, path)


def settle(settings: Settings, state: State) -> list[str]:
    """Bring the files of the keys in order, and remove those that nothing is under any more; give their paths.

    Where the folder holds another state, or what was one, none is removed. Raises: StateError.
    """
    folder = settings.data_dir
    found = [name for name in os.listdir(folder) if _PREVIOUS.fullmatch(name)]
    if settings.seal_key or not (found or os.path.lexists(os.path.join(folder, SEAL_KEY + NEXT))):
        return []
    with local.making(folder, settings.lock_timeout_s):
        with state.reader() as view:
            header = view.header
        _rename(folder, _id(header.seal))
        if header.seal.get(PREVIOUS) or _has_others(settings):
            return []
        gone = [os.path.join(folder, name) for name in found if name != f"{SEAL_KEY}.{_id(header.seal)}"]
        for path in gone:
            files.remove(files.Files(), path)
        return gone


def _has_others(settings: Settings) -> bool:
    """Tell whether a state besides this one is in the folder, or a file that was one."""
    others = set(FILES.values()) - {os.path.basename(settings.path)}
    aside = tuple(file + end for file in FILES.values() for end in (local.MIGRATED, files.DAMAGED))
    return any(name in others or name.startswith(aside) for name in os.listdir(settings.data_dir))


def _id(described: Mapping[str, object]) -> str:
    return str(described.get("key_id"))


def _id_at(path: str) -> str:
    """Give the id of the key in a file, "" where there is none. Raises: UnsafePermissions, StateUnavailable."""
    try:
        return static.StaticSeal(static.read_key(files.read_private(path), path), os.urandom).key_id
    except (FileNotFoundError, SealKeyError):
        return ""
    except OSError as error:
        raise files.unavailable(error, f"read {path}") from error
