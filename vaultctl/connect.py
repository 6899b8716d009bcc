"""The composition root: the one module that knows the concrete backends, seals and doors.

It reads the environment and the config file, finds the state or makes it on first use, and gives a connection.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from vaultctl.core.core import Core
from vaultctl.core.state import State, check_key_id
from vaultctl.crypto.seals import static
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import SealKeyError, StateError, StateUnavailable
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.core import maintenance
    from vaultctl.core.state import Transaction
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.logical.door import Door
    from vaultctl.storage.backend import Backend
    from vaultctl.storage.header import Header
    from vaultctl.storage.lock import FileLock

SEAL_KEY = "seal.key"
ROOT_TOKEN = "root-token"  # noqa: S105  # a file's name
TOKEN = "token"  # noqa: S105  # a file's name
FILES = {"json": "state.json", "toml": "state.toml", "sqlite": "state.sqlite"}
"""The state's file in the data folder, by backend; json is the default."""

LOCK_TIMEOUT_S = 60.0
_SETTINGS = frozenset({"data_dir", "storage", "seal_key", "lock_timeout"})
_CLUSTER_HINTS = ("TOKEN", "NAMESPACE", "CACERT")


class SettingError(StateError):
    """A setting is not good: the environment or the config file must change before anything is asked."""

    exit_code = 1


class Settings:
    """Where the state is and how it is opened. `seal_key` is "" for the file in the data folder, else a source."""

    def __init__(self, data_dir: str, storage: str, path: str, seal_key: str, lock_timeout_s: float) -> None:
        self.data_dir = data_dir
        self.storage = storage
        self.path = path
        self.seal_key = seal_key
        self.lock_timeout_s = lock_timeout_s
        self.key_from_fd: bytes | None = None
        """What a descriptor gave: it can be read once, and the key is needed again."""


class Connection:
    """A door, the token to use on it, and where that token came from.

    `advance` works on stored jobs for so many seconds, and tells whether any is left.
    """

    def __init__(self, core: Core, token: str, token_source: str) -> None:
        self.door: Door = core
        self.token = token
        self.token_source = token_source
        self.storage_kind = core.state.backend.kind
        self.advance: Callable[[float], bool] = core.advance
        self.close: Callable[[], None] = core.close


def connect(
    environ: Mapping[str, str],
    *,
    local: bool = False,
    lock_timeout_s: float | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Connection:
    """Open the local state, and make it where there is none. Raises: StateError."""
    _check_local(environ, tell, local=local or _is_on(environ.get("VAULTCTL_LOCAL", "")))
    settings = read_settings(environ, lock_timeout_s)
    state = open_state(settings, environ, tell)
    if not state.backend.exists():
        with _making(settings):
            # A migration may have moved the state since the settings were read: they are read again under its lock.
            settings = read_settings(environ, lock_timeout_s)
            state = open_state(settings, environ, tell)
            if not state.backend.exists():
                _first_use(state, settings, environ, tell)
    token, source = find_token(settings, environ)
    return Connection(Core(state), token, source)


def _check_local(environ: Mapping[str, str], tell: Callable[[str], None], *, local: bool) -> None:
    """Make sure that nobody works on the local state who means a cluster. Raises: SettingError."""
    if local:
        return
    for name in ("BAO_ADDR", "VAULT_ADDR"):
        if environ.get(name):
            raise SettingError(
                f"{name} is set, and this version of vaultctl works on the local state only",
                hint=f"unset {name}, or say -local to mean the local state",
            )
    meant = [x + y for x in ("BAO_", "VAULT_") for y in _CLUSTER_HINTS if environ.get(x + y)]
    if not meant:
        return
    if _is_on(environ.get("VAULTCTL_REQUIRE_ADDR", "")):
        raise SettingError(f"{meant[0]} is set, and VAULT_ADDR is not", hint="set VAULT_ADDR, or say -local")
    tell(f"vaultctl: {meant[0]} is set: working on the local state all the same (VAULT_ADDR is not set)")


def _is_on(value: str) -> bool:
    return value.lower() not in ("", "0", "f", "false")


def read_settings(environ: Mapping[str, str], lock_timeout_s: float | None = None) -> Settings:
    """Read the config file and the environment, which has the last word. Raises: SettingError."""
    config = _read_config(environ)
    data_dir = os.path.abspath(environ.get("VAULTCTL_DATA_DIR") or config.get("data_dir") or _user_dir("data"))
    storage, path = _find_storage(data_dir, environ.get("VAULTCTL_STORAGE") or config.get("storage") or "")
    timeout_s = lock_timeout_s if lock_timeout_s is not None else config.get("lock_timeout", LOCK_TIMEOUT_S)
    seal_key = environ.get("VAULTCTL_SEAL_KEY") or config.get("seal_key") or ""
    return Settings(data_dir, storage, path, seal_key, float(timeout_s))


def _user_dir(kind: str) -> str:
    """Give the user's folder for data or config.

    On Linux these lines stand for platformdirs, whose import takes longer than all the rest of reading the settings; a
    test holds them to its answer.
    """
    if sys.platform == "linux":
        name, default = _XDG[kind]
        base = os.environ.get(name, "").strip()
        # The XDG specification: a path that is not absolute counts as not set.
        return os.path.join(base if os.path.isabs(base) else os.path.expanduser(default), "vaultctl")
    import platformdirs

    return platformdirs.user_data_dir("vaultctl") if kind == "data" else platformdirs.user_config_dir("vaultctl")


_XDG = {"data": ("XDG_DATA_HOME", "~/.local/share"), "config": ("XDG_CONFIG_HOME", "~/.config")}


def _read_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the config file, if there is one. Raises: SettingError."""
    named = environ.get("VAULTCTL_CONFIG")
    path = named or os.path.join(_user_dir("config"), "config.toml")
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not named:
            return {}
        raise SettingError(f"cannot read the config file {path}: {(error.strerror or '').lower()}") from None
    import tomllib

    try:
        config = tomllib.loads(text.decode())
    except ValueError as error:
        raise SettingError(f"the config file {path} is not good TOML: {error}") from None
    for name, value in config.items():
        wanted: Any = (int, float) if name == "lock_timeout" else str
        if name not in _SETTINGS or not isinstance(value, wanted) or isinstance(value, bool):
            raise SettingError(f"the config file {path} has no good {name}", hint=f"settings: {sorted(_SETTINGS)}")
    return config


def _find_storage(data_dir: str, wanted: str) -> tuple[str, str]:
    """Give the backend and its file. Without a wish it is the one whose state is there. Raises: SettingError."""
    kind, colon, path = wanted.partition(":")
    if wanted:
        if kind not in FILES or (colon and not path):
            raise SettingError(f"there is no storage {wanted}", hint=f"VAULTCTL_STORAGE is one of {', '.join(FILES)}")
        return kind, os.path.realpath(path or os.path.join(data_dir, FILES[kind]))
    there = [kind for kind, name in FILES.items() if os.path.lexists(os.path.join(data_dir, name))]
    if len(there) > 1 and not _holds_state(os.path.join(data_dir, FILES["sqlite"])):
        there = [kind for kind in there if kind != "sqlite"]  # a migration that was killed left it
    if len(there) > 1:
        raise SettingError(
            f"{data_dir} holds more than one state: {', '.join(FILES[kind] for kind in there)}",
            hint=f"say which one is meant, for example: VAULTCTL_STORAGE={there[0]}",
        )
    kind = there[0] if there else "json"
    # A link is followed here: replacing the file must not replace the link.
    return kind, os.path.realpath(os.path.join(data_dir, FILES[kind]))


def _holds_state(path: str) -> bool:
    """Tell whether a state was ever committed to a database; where that cannot be told, it may be one."""
    from vaultctl.storage.sqlite import Sqlite

    backend = Sqlite(path)
    try:
        return backend.exists()
    except StateError:
        return True
    finally:
        backend.close()


def open_backend(kind: str, path: str, timeout_s: float, tell: Callable[[str], None]) -> Backend:
    """Give the backend; only its own module is imported."""

    def on_wait(holder: str) -> None:
        tell(f"vaultctl: waiting for the lock on the state, held by {holder}")

    options: dict[str, Any] = {"lock_timeout_s": timeout_s, "on_wait": on_wait}
    if kind == "sqlite":
        from vaultctl.storage.sqlite import Sqlite

        return Sqlite(path, **options)
    if kind == "toml":
        from vaultctl.storage.toml_file import toml_file

        def on_large(entries: int) -> None:
            tell(f"vaultctl: {entries} entries are many for TOML; consider: vaultctl operator migrate -to=sqlite")

        return toml_file(path, on_large=on_large, **options)
    from vaultctl.storage.json_file import json_file

    return json_file(path, **options)


def open_state(settings: Settings, environ: Mapping[str, str], tell: Callable[[str], None]) -> State:
    """Give the state at its place; nothing is read yet."""
    backend = open_backend(settings.storage, settings.path, settings.lock_timeout_s, tell)
    return State(backend, seal_finder(settings, environ), random=os.urandom, now=_now)


def _now() -> str:
    return rfc3339(time.time_ns())


def seal_finder(settings: Settings, environ: Mapping[str, str]) -> Callable[[Header], Seal]:
    """Give the function that finds the seal of a header. It raises SealKeyError."""

    def find(header: Header) -> Seal:
        if header.seal.get("type") != static.StaticSeal.kind:
            raise SealKeyError(f"the state is sealed by {header.seal.get('type')}, which this vaultctl does not know")
        key, source = read_seal_key(settings, environ)
        seal = static.StaticSeal(key, os.urandom)
        check_key_id(header, seal.key_id, source)
        return seal

    return find


def read_seal_key(settings: Settings, environ: Mapping[str, str]) -> tuple[bytes, str]:
    """Read the seal's key from where the settings say; give it and its source. Raises: SealKeyError."""
    kind, _, rest = settings.seal_key.partition(":")
    if not settings.seal_key or kind == "file":
        path = rest or os.path.join(settings.data_dir, SEAL_KEY)
        return static.read_key(_read_private(path, "the seal key"), path), path
    if kind == "env" and rest in environ:
        return static.read_key(environ[rest].encode(), f"the variable {rest}"), f"the variable {rest}"
    if kind == "fd" and rest.isdigit():
        if settings.key_from_fd is None:
            settings.key_from_fd = _read_fd(int(rest))
        return static.read_key(settings.key_from_fd, f"descriptor {rest}"), f"descriptor {rest}"
    raise SealKeyError(
        f"no seal key is to be had from {settings.seal_key if kind in ('env', 'fd') else 'the source given'}",
        hint="VAULTCTL_SEAL_KEY is file:PATH, env:NAME (a variable that is set) or fd:NUMBER",
    )


def _read_fd(fd: int) -> bytes:
    try:
        with open(fd, "rb", closefd=False) as file:
            return file.read(4096)
    except OSError as error:
        raise SealKeyError(f"cannot read the seal key from descriptor {fd}: {(error.strerror or '').lower()}") from None


def _read_private(path: str, what: str) -> bytes:
    try:
        return files.read_private(path)
    except FileNotFoundError:
        raise SealKeyError(
            f"{what} is missing: there is no {path}",
            hint="put it back from your backup, or name it with VAULTCTL_SEAL_KEY; no state opens without its key",
        ) from None
    except OSError as error:
        raise files.unavailable(error, f"read {what} from {path}") from None


def find_token(settings: Settings, environ: Mapping[str, str]) -> tuple[str, str]:
    """Give the token and its source: the environment, then the files `token` and `root-token`. Raises: StateError."""
    for name in ("BAO_TOKEN", "VAULT_TOKEN"):
        if environ.get(name):
            return environ[name], name
        if name in environ:
            break  # set and empty: it hides the other, and is no token. Source: OpenBao 2.7
    for name in (TOKEN, ROOT_TOKEN):
        path = os.path.join(settings.data_dir, name)
        if os.path.lexists(path):
            return _read_private(path, "the token").decode("utf-8", "replace").strip(), path
    return "", ""


def _first_use(state: State, settings: Settings, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Make the key, the root token and the state, in this order; the state is what counts. Raises: StateError."""
    from vaultctl.core import bootstrap, mounts, tokens
    from vaultctl.crypto.aead import KEY_B

    def find_seal() -> Seal:
        if not settings.seal_key:
            _make_once(settings, SEAL_KEY, static.write_key(os.urandom(KEY_B)))
        return static.StaticSeal(read_seal_key(settings, environ)[0], os.urandom)

    def fill(transaction: Transaction) -> None:
        _make_once(settings, ROOT_TOKEN, tokens.new_token(os.urandom).encode() + b"\n")
        path = os.path.join(settings.data_dir, ROOT_TOKEN)
        root_token = _read_private(path, "the root token").decode("utf-8", "replace").strip()
        if not root_token:
            raise StateUnavailable(f"{path} is empty", hint="remove it, and a new root token will be made")
        bootstrap.fill(transaction, root_token, os.urandom, int(time.time()))

    if state.initialise(mounts.new_uuid(os.urandom), find_seal, fill):
        key = settings.seal_key or f"{SEAL_KEY} beside it"
        tell(f"vaultctl: made an encrypted state at {settings.path}; its key is {key}")


def _making(settings: Settings) -> FileLock:
    """Give the lock of whoever makes or moves a state in the folder.

    States of two backends have locks of their own; the key, the token and the question which state is meant are one.
    """
    from vaultctl.storage.lock import FileLock

    files.own_folder(files.Files(), settings.data_dir)
    return FileLock(os.path.join(settings.data_dir, SEAL_KEY + ".lock"), timeout_s=settings.lock_timeout_s)


def _make_once(settings: Settings, name: str, data: bytes) -> None:
    """Make a file of the data folder, unless it is there: it may belong to a backup. Raises: StateUnavailable."""
    path, seam = os.path.join(settings.data_dir, name), files.Files()
    try:
        seam.make_folder(settings.data_dir)
        files.write_new(seam, path, data)
    except FileExistsError:
        return
    except OSError as error:
        raise files.unavailable(error, f"make {path}") from error


class Maintenance:
    """Work on the local state as a whole, for `vaultctl operator`. Nothing here makes a state on first use."""

    def __init__(
        self, environ: Mapping[str, str], *, lock_timeout_s: float | None = None, tell: Callable[[str], None]
    ) -> None:
        """Find the state's place. Raises: SettingError."""
        self._environ = environ
        self._tell = tell
        self._opened: list[Backend] = []
        self.settings = read_settings(environ, lock_timeout_s)

    def close(self) -> None:
        """Let go of every state that was opened."""
        for backend in self._opened:
            backend.close()

    def check(self) -> maintenance.Report:
        """Verify the state. Raises: StateError."""
        from vaultctl.core import maintenance

        return maintenance.check(self._state(self.settings))

    def salvage(self, path: str) -> maintenance.Saved:
        """Write what still decrypts into a new JSON state. Raises: StateError."""

        def find_seal(header: Header | None) -> Seal:
            if header is not None:
                return seal_finder(self.settings, self._environ)(header)
            return static.StaticSeal(read_seal_key(self.settings, self._environ)[0], os.urandom)

        from vaultctl.core import maintenance

        source = self._state(self.settings).backend
        return maintenance.salvage(source, find_seal, self._copy(path), os.urandom)

    def migrate(self, kind: str) -> tuple[int, str, str]:
        """Move the state to another backend; give the number of entries, and the old and the new file.

        The old file stays, under another name, so that no command takes it for the state. Raises: StateError.
        """
        source = self.settings
        if kind not in FILES:
            raise SettingError(f"there is no storage {kind}", hint=f"it is one of {', '.join(FILES)}")
        if kind == source.storage:
            raise SettingError(f"the state is kept in {kind} already")
        path, kept = os.path.join(source.data_dir, FILES[kind]), source.path + ".migrated"
        from vaultctl.core import maintenance

        with _making(source):
            entries = maintenance.migrate(self._state(source), self._backend(kind, path), kept)
        return entries, kept, path

    def save(self, path: str) -> int:
        """Write a consistent copy of the state into a file; give the number of entries. Raises: StateError."""
        from vaultctl.core import maintenance

        return maintenance.save(self._state(self.settings), self._copy(path))

    def restore(self, path: str, *, force: bool) -> int:
        """Put a saved state in the place of this one; give the number of entries. Raises: StateError."""
        from vaultctl.core import maintenance

        saved = State(self._copy(path), seal_finder(self.settings, self._environ), random=os.urandom, now=_now)
        return maintenance.restore(saved, self._state(self.settings).backend, force=force)

    def _state(self, settings: Settings) -> State:
        state = open_state(settings, self._environ, self._tell)
        self._opened.append(state.backend)
        return state

    def _copy(self, path: str) -> Backend:
        """Give a file outside of the data folder, which no other process writes."""
        from vaultctl.storage.json_file import json_file

        return json_file(os.path.realpath(path), alone=True)

    def _backend(self, kind: str, path: str) -> Backend:
        self._opened.append(open_backend(kind, os.path.abspath(path), self.settings.lock_timeout_s, self._tell))
        return self._opened[-1]
