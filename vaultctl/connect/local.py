"""The local state: its backend, its seal, and how it comes to be on first use."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from vaultctl.connect.keys import ROOT_TOKEN, SEAL_KEY, read_seal_key, read_token_file, seal_finder
from vaultctl.connect.settings import FILES, SettingError, SeveralStates, read_settings
from vaultctl.core.state import State
from vaultctl.crypto.seals import static
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import StateUnavailable
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.core.sealing import Keeper
    from vaultctl.core.views import Transaction
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.backend import Backend
    from vaultctl.storage.lock import FileLock

MIGRATED = ".migrated"
"""Ends the name of a state's file that was moved to another backend."""

MAKING = SEAL_KEY + ".making"
"""Is there while key, root token and state are being made, and where that was cut short."""

_OF_SQLITE = ("-wal", "-journal")
_PUT_ASIDE = {MIGRATED: "the state was moved to another backend", files.DAMAGED: "a restore was cut short"}


def open_state(
    settings: Settings,
    environ: Mapping[str, str],
    tell: Callable[[str], None],
    keeper: Callable[[], Keeper] | None = None,
    *,
    wraps: bool = True,
) -> State:
    """Give the state at its place; nothing is read yet. `keeper` gives what has the keys that people unsealed.

    Without `wraps` no further entry is wrapped by the seal, whatever the settings say.
    """
    backend = open_backend(settings.storage, settings.path, settings.lock_timeout_s, tell)
    finder = seal_finder(settings, environ, keeper)
    return State(backend, finder, random=os.urandom, now=now, wraps=wraps and not settings.disable_sealwrap)


def now() -> str:
    """Give this moment as RFC 3339."""
    return rfc3339(time.time_ns())


def open_backend(kind: str, path: str, timeout_s: float, tell: Callable[[str], None]) -> Backend:
    """Give the backend; only its own module is imported."""

    def on_wait(holder: str) -> None:
        tell(f"vaultctl: waiting for the lock on the state, held by {holder}")

    def on_large(entries: int) -> None:
        tell(f"vaultctl: {entries} entries are many for {kind.upper()}; consider: vaultctl operator migrate -to=sqlite")

    options: dict[str, Any] = {"lock_timeout_s": timeout_s, "on_wait": on_wait}
    if kind == "sqlite":
        from vaultctl.storage.sqlite import Sqlite

        return Sqlite(path, **options)
    if kind == "toml":
        from vaultctl.storage.toml_file import toml_file

        return toml_file(path, on_large=on_large, **options)
    from vaultctl.storage.json_file import json_file

    return json_file(path, on_large=on_large, **options)


def method_types() -> list[str]:
    """Name the auth methods that can be enabled."""
    from vaultctl.core import methods

    return methods.types()


def engine_types() -> list[str]:
    """Give the types of secrets engines that can be enabled."""
    from vaultctl.core import plugins

    return plugins.types()


def make_state(state: State, settings: Settings, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Make the key, the root token and the state, in this order; the state is what counts. Raises: StateError."""
    from vaultctl.core import bootstrap, mounts, tokens

    check_makable(settings)
    make_once(settings, MAKING, b"")

    def find_seal() -> Seal:
        return new_static_seal(settings, environ)

    def fill(transaction: Transaction) -> None:
        make_once(settings, ROOT_TOKEN, tokens.new_token(os.urandom).encode() + b"\n")
        path = os.path.join(settings.data_dir, ROOT_TOKEN)
        root_token = read_token_file(path)
        if not root_token:
            raise StateUnavailable(f"{path} is empty", hint="remove it, and a new root token will be made")
        bootstrap.fill(transaction, root_token, os.urandom, int(time.time()))

    if state.initialise(mounts.new_uuid(os.urandom), find_seal, fill):
        key = settings.seal_key or f"{SEAL_KEY} beside it"
        tell(f"vaultctl: made an encrypted state at {settings.path}; its key is {key}")
    files.Files().remove(os.path.join(settings.data_dir, MAKING))


def new_static_seal(settings: Settings, environ: Mapping[str, str]) -> Seal:
    """Give the static seal of a state that is being made; its key is made where there is none. Raises: StateError."""
    from vaultctl.crypto.aead import KEY_B

    if not settings.seal_key:
        make_once(settings, SEAL_KEY, static.write_key(os.urandom(KEY_B)))
    return static.StaticSeal(read_seal_key(settings, environ)[0], os.urandom)


def check_makable(settings: Settings) -> None:
    """Refuse to make a state where one is missing. Raises: StateUnavailable, SettingError."""
    _check_not_put_aside(settings.path)
    _check_not_lost(settings)


def _check_not_put_aside(path: str) -> None:
    """Make no empty state where people would miss theirs. Raises: SettingError."""
    for ending, why in _PUT_ASIDE.items():
        if os.path.lexists(path + ending):
            raise SettingError(
                f"there is no state at {path}, but {path}{ending} is there: {why}",
                hint="say with VAULTCTL_STORAGE which state is meant, or restore a snapshot;"
                " move that file away to begin with a new state",
            )


def _check_not_lost(settings: Settings) -> None:
    """Make no empty state where key and root token are those of one that is gone. Raises: StateUnavailable.

    A first use that was cut short leaves both of them too, and its mark.
    """
    path, folder = settings.path, settings.data_dir
    left = [path + end for end in _OF_SQLITE if os.path.lexists(path + end) and not os.path.lexists(path)]
    others = [name for name in FILES.values() if os.path.lexists(os.path.join(folder, name))]
    if not others and not os.path.lexists(os.path.join(folder, MAKING)):
        kept = [os.path.join(folder, name) for name in (SEAL_KEY, ROOT_TOKEN)]
        left += kept if all(map(os.path.lexists, kept)) else []
    if left:
        raise StateUnavailable(
            f"there is no state at {path}, but what belongs to one is there: {', '.join(left)}",
            hint="put the state back from your backup, or run: vaultctl operator snapshot restore FILE;"
            " or move these files away, and begin with a new state."
            " Without its key no copy of the old state opens",
        )


def find_settings(environ: Mapping[str, str], lock_timeout_s: float | None) -> Settings:
    """Find out which state is meant, and wait for the end of a migration that is under way. Raises: SettingError."""
    try:
        return read_settings(environ, lock_timeout_s)
    except SeveralStates as error:
        try:
            with making(error.data_dir, error.lock_timeout_s):
                return read_settings(environ, lock_timeout_s)
        except StateUnavailable:  # where nobody can write, nothing is under way
            raise error from None


def making(data_dir: str, lock_timeout_s: float) -> FileLock:
    """Give the lock of whoever makes or moves a state in the folder.

    States of two backends have locks of their own; the key, the token and the question which state is meant are one.
    """
    from vaultctl.storage.lock import FileLock

    files.own_folder(files.Files(), data_dir)
    return FileLock(os.path.join(data_dir, SEAL_KEY + ".lock"), timeout_s=lock_timeout_s)


def make_once(settings: Settings, name: str, data: bytes) -> None:
    """Make a file of the data folder, unless it is there: it may belong to a backup. Raises: StateUnavailable."""
    path, seam = os.path.join(settings.data_dir, name), files.Files()
    try:
        seam.make_folder(settings.data_dir)
        files.write_new(seam, path, data)
    except FileExistsError:
        return
    except OSError as error:
        raise files.unavailable(error, f"make {path}") from error
