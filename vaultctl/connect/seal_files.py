"""The files with keys of the static seal, and how one takes another's place.

Key files are found by the id that the state names, so that whatever was cut short, the state opens with what is in the
folder: `seal.key`, `seal.key.next` and `seal.key.<id>` for earlier keys. Where `seal.key` is a link, as to a stick, all
of that is where it points, and the link stays. A key that the settings name is nobody's but
the user's, who says with VAULTCTL_SEAL_KEY_PREVIOUS where the old one is; no file of theirs is touched.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.connect import keys, local
from vaultctl.connect.keys import NEXT, SEAL_KEY
from vaultctl.connect.settings import FILES, SettingError
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals import static
from vaultctl.crypto.seals.several import PREVIOUS
from vaultctl.logical.errors import SealKeyError
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.core.state import State
    from vaultctl.storage.header import Header

_BESIDE = (".lock", ".tmp", ".init", "-wal", "-shm", "-journal")
"""Ends of what belongs to a state's file."""

_HEAD_B = 4096
_SQLITE = b"SQLite format 3\0"
_TEXTS = (b'"vaultctl"', b"[vaultctl")
"""What stands at the beginning of a state in JSON and in TOML, whoever formatted it."""

_EARLIER = re.compile(r"\.[0-9a-f]{16}")


class Settled(NamedTuple):
    """The files of keys that nothing in the state is under any more: those that were removed, and those that stay.

    `why` says what else may need those that were to be removed.
    """

    removed: list[str]
    kept: list[str]
    why: str = ""


def new_key(settings: Settings, environ: Mapping[str, str], header: Header) -> tuple[static.StaticSeal, str]:
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
    path = keys.key_file(settings)
    following = path + NEXT
    if _id_at(following) == _id(header.seal):
        _rename(path, _id(header.seal))
    if not _id_at(following):
        _put_aside(following)
    try:
        files.write_new(files.Files(), following, static.write_key(os.urandom(KEY_B)))
    except FileExistsError:
        pass  # a change was cut short before it was committed: nothing is under that key, and it may be used
    except OSError as error:
        raise files.unavailable(error, f"make {following}") from error
    key = static.read_key(files.read_private(following), following)
    return static.StaticSeal(key, os.urandom), path


def put_in_place(settings: Settings, key_id: str) -> None:
    """After the commit that went over to the new key: its file is `seal.key`. Raises: StateUnavailable."""
    if not settings.seal_key:
        _rename(keys.key_file(settings), key_id)


def _put_aside(following: str) -> None:
    """Take away what is no key, where the next one is to be: the state opens without it. Raises: StateUnavailable."""
    try:
        size_b = os.lstat(following).st_size
    except OSError:
        return  # there is none, or making it says what is wrong
    if size_b:
        files.rename(files.Files(), following, files.free_name(following + files.DAMAGED))
    else:
        files.remove(files.Files(), following)


def _rename(path: str, current: str) -> None:
    """Give the files of the keys their names: the current one's is `path`. Raises: StateUnavailable."""
    following = path + NEXT
    if _id_at(following) != current:
        return
    seam, old = files.Files(), _id_at(path)
    if old and not os.path.lexists(f"{path}.{old}"):
        try:
            seam.link(path, f"{path}.{old}")
            seam.sync_folder(os.path.dirname(path))
        except OSError as error:
            raise files.unavailable(error, f"keep {path}") from error
    files.rename(seam, following, path)


def settle(settings: Settings, state: State, *, removes: bool) -> Settled:
    """Bring the files of the keys in order; name those that nothing is under any more, or remove them.

    Where another state may use the keys of the folder, none counts as such. Raises: StateError.
    """
    if settings.seal_key or not _files(settings):
        return Settled([], [])
    with local.making(settings.data_dir, settings.lock_timeout_s):
        with state.backend.reader() as snapshot:
            header = snapshot.header
        current = _id(header.seal) if header.seal.get("type") == static.StaticSeal.kind else ""
        if current:
            _rename(keys.key_file(settings), current)
        if header.seal.get(PREVIOUS):
            return Settled([], [])
        needed = [name for base in _bases(settings) for name in (base, f"{base}.{current}")] if current else []
        old = [path for path in _files(settings) if path not in needed]
        why = _who_else(settings) if old else ""
        if why:
            return Settled([], [], why if removes else "")
        if not removes:
            return Settled([], old)
        for path in old:
            files.remove(files.Files(), path)
        return Settled(old, [])


def _bases(settings: Settings) -> list[str]:
    """Name `seal.key`, and what it links to: beside both may be keys that go before and after it."""
    return list(dict.fromkeys((os.path.join(settings.data_dir, SEAL_KEY), keys.key_file(settings))))


def _files(settings: Settings) -> list[str]:
    """Name the files of keys that are there."""
    found = []
    for base in _bases(settings):
        folder, own = os.path.split(base)
        with suppress(OSError):
            names = sorted(os.listdir(folder))
            ends = [name.removeprefix(own) for name in names if name.startswith(own)]
            found += [base + end for end in ends if end in ("", NEXT) or _EARLIER.fullmatch(end)]
    return found


def _who_else(settings: Settings) -> str:
    """Say which state besides this one may use the keys of the folder, or nothing.

    In the folder that is every file that may be a state, or was one, and those that are noted as being elsewhere. A
    state that lies elsewhere is itself a sign that the folder is not one state's alone.
    """
    folder, own = os.path.realpath(settings.data_dir), os.path.basename(settings.path)
    if len(_bases(settings)) > 1:
        return f"{os.path.join(settings.data_dir, SEAL_KEY)} links to {keys.key_file(settings)}, which others may use"
    if not keys.is_in_folder(settings):
        return f"this state is at {settings.path}, and others may use the keys in {folder}"
    noted = [path for path in keys.states_elsewhere(settings) if path != settings.path]
    if noted:
        named = noted[0] if noted[0].isprintable() else repr(noted[0])
        return f"{named} uses keys of the folder, or did: once it does not, remove {keys.STATES} there"
    of_this = (own, *(own + end for end in _BESIDE))
    for name in sorted(os.listdir(folder)):
        if name not in of_this and not name.startswith(f"{own}.job-") and _may_be_state(folder, name):
            return f"{os.path.join(folder, name)} may be a state that needs it"
    return ""


def _may_be_state(folder: str, name: str) -> bool:
    """Tell whether a file is a state, or was one, by its name or by how it begins; if it cannot be read, it may be."""
    aside = tuple(file + end for file in FILES.values() for end in (local.MIGRATED, files.DAMAGED))
    if name in FILES.values() or name.startswith(aside):
        return True
    path = os.path.join(folder, name)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            head = file.read(_HEAD_B)
    except OSError:
        return True
    return head.startswith(_SQLITE) or any(begin in head for begin in _TEXTS)


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
