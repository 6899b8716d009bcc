"""Where the state is and how it is opened: the environment, which has the last word, and the config file."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from vaultctl.logical.errors import StateError, UnsafePermissions
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaultctl.connect.seal_token import Renewal
    from vaultctl.crypto.seals.watched import Health, Line

FILES = {"json": "state.json", "toml": "state.toml", "sqlite": "state.sqlite"}
"""The state's file in the data folder, by backend; json is the default."""

LOCK_TIMEOUT_S = 60.0
SEALS = ("static", "shamir", "pkcs11", "transit")
"""The seals that a new state can have. On first use it gets the static one."""

_SETTINGS = frozenset(
    {
        "data_dir",
        "disable_sealwrap",
        "lock_timeout",
        "seal",
        "seal_key",
        "seal_key_previous",
        "storage",
        "wrapping_history",
    }
)
_SEALS = frozenset({"pkcs11", "transit"})
"""Tables of the config file, one for each seal that is elsewhere."""

WRAPPING_HISTORY_S = 30 * 24 * 3600
_CONFIG_MAX_B = 1 << 20
_XDG = {"data": ("XDG_DATA_HOME", "~/.local/share"), "config": ("XDG_CONFIG_HOME", "~/.config")}


class SettingError(StateError):
    """A setting is not good: the environment or the config file must change before anything is asked."""

    exit_code = 1


class SeveralStates(SettingError):
    """There is more than one state in the data folder: for a moment that is so while one is moved."""

    def __init__(self, data_dir: str, kinds: Sequence[str], lock_timeout_s: float) -> None:
        super().__init__(
            f"{data_dir} holds more than one state: {', '.join(FILES[kind] for kind in kinds)}",
            hint=f"say which one is meant, for example: VAULTCTL_STORAGE={kinds[0]}",
        )
        self.data_dir = data_dir
        self.lock_timeout_s = lock_timeout_s


class Settings:
    """Where the state is and how it is opened. `seal_key` is "" for the file in the data folder, else a source.

    `seal` is the type of seal that a new state gets, or "" where nothing is said of it.
    `seal_key_previous` is the source of a key that it had before, or "".
    """

    def __init__(
        self,
        data_dir: str,
        storage: str,
        path: str,
        seal_key: str,
        lock_timeout_s: float,
        seals: Mapping[str, Mapping[str, Any]],
        *,
        seal: str = "",
        seal_key_previous: str = "",
        disable_sealwrap: bool = False,
        wrapping_history_s: int = WRAPPING_HISTORY_S,
    ) -> None:
        self.data_dir = data_dir
        self.storage = storage
        self.path = path
        self.seal_key = seal_key
        self.seal_key_previous = seal_key_previous
        self.disable_sealwrap = disable_sealwrap
        self.lock_timeout_s = lock_timeout_s
        self.seal = seal
        self.seals = seals
        """What the config file says of seals that are elsewhere, by their type."""

        self.wrapping_history_s = wrapping_history_s
        """So long it is remembered what became of wrapping tokens."""
        self.keys_from_fds: dict[str, bytes] = {}
        """What descriptors gave: each can be read once, and the key is needed again."""

        self.seals_opened: dict[str, Any] = {}
        """Modules and connections of seals that are elsewhere, by their type: whoever comes next uses them again."""

        self.seal_tokens: list[Renewal] = []
        """What renews the tokens of seals that are elsewhere."""

        self.seal_lines: dict[str, Line] = {}
        """Who waits for seals that are elsewhere, by their type."""

        self.seal_health: dict[tuple[str, str], Health] = {}
        """What became of the newest use of each of their keys, by type and key."""

        self.shares_from_fd: bytes | None = None
        """The same of the shares of an unseal key."""

    def take_over(self, other: Settings) -> None:
        """Go on with the seals that were opened by other settings of this process."""
        self.seals_opened, self.seal_tokens = other.seals_opened, other.seal_tokens
        self.seal_lines, self.seal_health = other.seal_lines, other.seal_health


def read_settings(environ: Mapping[str, str], lock_timeout_s: float | None = None) -> Settings:
    """Find out which state is meant. Raises: SettingError, SeveralStates."""
    config = _read_config(environ)
    data_dir = _data_dir(environ, config)
    timeout_s = float(lock_timeout_s if lock_timeout_s is not None else config.get("lock_timeout", LOCK_TIMEOUT_S))
    wanted = environ.get("VAULTCTL_STORAGE") or config.get("storage") or ""
    storage, path = _named_storage(data_dir, wanted) if wanted else _found_storage(data_dir, timeout_s)
    seal_key = environ.get("VAULTCTL_SEAL_KEY") or config.get("seal_key") or ""
    seals = {kind: config[kind] for kind in _SEALS & config.keys()}
    return Settings(
        data_dir,
        storage,
        path,
        seal_key,
        timeout_s,
        seals,
        seal=_seal(environ, config),
        seal_key_previous=environ.get("VAULTCTL_SEAL_KEY_PREVIOUS") or config.get("seal_key_previous") or "",
        disable_sealwrap=bool(config.get("disable_sealwrap", False)),
        wrapping_history_s=_wrapping_history_s(environ, config),
    )


def _seal(environ: Mapping[str, str], config: Mapping[str, Any]) -> str:
    """Give the type of seal that a new state gets, if one is named. Raises: SettingError."""
    named = str(environ.get("VAULTCTL_SEAL") or config.get("seal") or "")
    if named and named not in SEALS:
        raise SettingError(f"there is no seal {named}", hint=f"it is one of {', '.join(SEALS)}")
    return named


def _wrapping_history_s(environ: Mapping[str, str], config: Mapping[str, Any]) -> int:
    """Give how long wrapping tokens that are gone are remembered. Raises: SettingError."""
    wanted = environ.get("VAULTCTL_WRAPPING_HISTORY") or config.get("wrapping_history") or ""
    if not wanted:
        return WRAPPING_HISTORY_S
    from vaultctl.logical import durations

    try:
        seconds = int(durations.parse(wanted))
    except durations.DurationError as error:
        raise SettingError(f"the setting wrapping_history is no duration: {error}") from None
    if seconds < 0:
        raise SettingError(
            "the setting wrapping_history is negative", hint='write "720h", for example, or "0" for none'
        )
    return seconds


def find_data_dir(environ: Mapping[str, str]) -> str:
    """Find the data folder, whatever is in it. Raises: SettingError."""
    return _data_dir(environ, _read_config(environ))


def _data_dir(environ: Mapping[str, str], config: Mapping[str, Any]) -> str:
    given = environ.get("VAULTCTL_DATA_DIR") or config.get("data_dir")
    return absolute(given) if given else user_dir("data") or _no_home()


def absolute(path: str) -> str:
    """Give a path that does not depend on the working directory. Raises: SettingError where that is gone."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise SettingError(
            f"{path} is relative to a working directory that is gone", hint="cd to another folder first"
        ) from None


def _no_home() -> NoReturn:
    raise SettingError(
        "there is no home folder to keep the state in",
        hint="set HOME to an absolute path, or VAULTCTL_DATA_DIR to a folder of your own",
    )


def user_dir(kind: str) -> str:
    """Give the user's folder for data or config, or "" where that user has no home.

    On Linux these lines stand for platformdirs, whose import takes longer than all the rest of reading the settings; a
    test holds them to its answer.
    """
    if sys.platform == "linux":
        name, default = _XDG[kind]
        base = os.environ.get(name, "").strip()
        # The XDG specification: a path that is not absolute counts as not set.
        path = os.path.join(base if os.path.isabs(base) else os.path.expanduser(default), "vaultctl")
    else:
        import platformdirs

        path = platformdirs.user_data_dir("vaultctl") if kind == "data" else platformdirs.user_config_dir("vaultctl")
    return path if os.path.isabs(path) else ""


def _read_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the config file, if there is one. Raises: SettingError."""
    named, home = environ.get("VAULTCTL_CONFIG"), user_dir("config")
    path = named or (os.path.join(home, "config.toml") if home else os.devnull)
    if path == os.devnull:
        return {}
    text = _config_text(path, must_exist=bool(named))
    return _parse_config(path, text) if text else {}


def _config_text(path: str, *, must_exist: bool) -> bytes:
    """Read the file, which may belong to whoever set up the machine. Raises: SettingError."""
    try:
        data, fd = files.read(path, anybodys=True, max_b=_CONFIG_MAX_B)
    except (OSError, UnsafePermissions) as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not must_exist:
            return b""
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        raise SettingError(f"cannot read the config file {path}: {reason}") from None
    os.close(fd)
    return data


def _parse_config(path: str, text: bytes) -> dict[str, Any]:
    import tomllib

    try:
        config = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise SettingError(f"the config file {path} is not good TOML: {error}") from None
    for name, value in config.items():
        if not _is_good(name, value):
            known = sorted(_SETTINGS | _SEALS)
            raise SettingError(f"the config file {path} has no good {name}", hint=f"settings: {known}")
    return config


def _is_good(name: str, value: object) -> bool:
    if name in _SEALS:
        return isinstance(value, dict)
    return name in _SETTINGS and _KINDS.get(name, _is_text)(value)


def _is_timeout(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int of hundreds of digits
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


_KINDS = {"lock_timeout": _is_timeout, "disable_sealwrap": _is_bool}
"""What a setting must be that is no text."""


def _named_storage(data_dir: str, wanted: str) -> tuple[str, str]:
    """Give the backend that is asked for, and its file. Raises: SettingError."""
    kind, colon, path = wanted.partition(":")
    if kind not in FILES or (colon and not path):
        raise SettingError(f"there is no storage {wanted}", hint=f"VAULTCTL_STORAGE is one of {', '.join(FILES)}")
    return kind, os.path.realpath(absolute(path) if path else os.path.join(data_dir, FILES[kind]))


def _found_storage(data_dir: str, lock_timeout_s: float) -> tuple[str, str]:
    """Give the backend whose state is there, and its file; where none is, the default. Raises: SeveralStates."""
    there = [kind for kind, name in FILES.items() if os.path.lexists(os.path.join(data_dir, name))]
    if len(there) > 1 and not _holds_state(os.path.join(data_dir, FILES["sqlite"])):
        there = [kind for kind in there if kind != "sqlite"]  # a migration that was killed left it
    if len(there) > 1:
        raise SeveralStates(data_dir, there, lock_timeout_s)
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
