"""The config file of `vaultctl server`, TOML or JSON, whose keys are OpenBao's.

    log_level = "info"
    api_addr = "https://vault.example.org:8200"

    [listener.tcp]
    address = "127.0.0.1:8200"
    tls_cert_file = "/etc/vaultctl/tls.crt"
    tls_key_file = "/etc/vaultctl/tls.key"

A key that is not known is an error: nobody should believe in a setting that does nothing. Where the state is stands
elsewhere, in the environment and in `config.toml`, which commands read too.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.connect.settings import SettingError
from vaultctl.core.auditing import Rules
from vaultctl.core.exchange import Unauthenticated
from vaultctl.logical import durations, go_bools

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = ("trace", "debug", "info", "warn", "error")
_MAX_B = 1 << 20


class ServerConfig(NamedTuple):
    """What a config file says; "" is what it says nothing of."""

    log_level: str = ""
    api_addr: str = ""
    address: str = ""
    tls_disable: bool = False
    tls_cert_file: str = ""
    tls_key_file: str = ""
    tls_min_version: str = "tls12"
    http_read_timeout: float = 30.0
    """In seconds: so long may a client take to send a body."""
    unsafe_allow_api_audit_creation: bool = False
    allow_audit_log_prefixing: bool = False
    disable_unauthed_rekey_endpoints: bool = True
    disable_unauthed_generate_root_endpoints: bool = True
    disable_sealwrap: bool = False
    """That the seal wraps no further entry; the same setting of `config.toml` holds for a server, too."""

    no_init: bool = False
    """That no state is made where there is none: the server waits for `POST sys/init`."""

    @property
    def audit_rules(self) -> Rules:
        """Give what clients may do with audit devices."""
        return Rules(may_enable=self.unsafe_allow_api_audit_creation, may_prefix=self.allow_audit_log_prefixing)

    @property
    def unauthenticated(self) -> Unauthenticated:
        """Give what clients may ask for without a token."""
        return Unauthenticated(
            rekey=not self.disable_unauthed_rekey_endpoints,
            generate_root=not self.disable_unauthed_generate_root_endpoints,
        )


def read_server_config(path: str) -> ServerConfig:
    """Read a config file; by its name it is JSON, or else TOML. Raises: SettingError."""
    text = _text(path)
    try:
        found = json.loads(text) if path.endswith(".json") else _toml(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.endswith(".json") else "TOML"
        hint = "OpenBao's HCL is not read here: write it as TOML or JSON" if path.endswith(".hcl") else ""
        raise SettingError(f"the config file {path} is not good {kind}: {error}", hint=hint) from None
    if not isinstance(found, dict):
        raise SettingError(f"the config file {path} holds no settings, but {type(found).__name__}")
    listener = _tcp_of(path, found.pop("listener", {}))
    return ServerConfig(**_checked(path, "", found, _TOP), **_checked(path, "listener.tcp.", listener, _TCP))


def _text(path: str) -> bytes:
    """Read the file. Raises: SettingError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise SettingError(f"cannot read the config file {path}: it is no file")
            text = file.read(_MAX_B + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingError(f"cannot read the config file {path}: {reason}") from None
    if len(text) > _MAX_B:
        raise SettingError(f"cannot read the config file {path}: it is longer than {_MAX_B} bytes")
    return text


def _toml(text: bytes) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text.decode())


def _tcp_of(path: str, listener: Any) -> dict[str, Any]:
    """Find the one listener, which JSON may have in a list, as OpenBao's does. Raises: SettingError."""
    for kind in ("listener", "tcp"):
        if isinstance(listener, list):
            if len(listener) > 1:
                raise SettingError(f"the config file {path} has {len(listener)} listeners, and one is served")
            listener = listener[0] if listener else {}
        if not isinstance(listener, dict):
            raise SettingError(f"the config file {path} has no good {kind}", hint="it is [listener.tcp] in TOML")
        if kind == "listener":
            others = sorted(listener.keys() - {"tcp"})
            if others:
                raise SettingError(f"the config file {path} has a listener {', '.join(others)}, and only tcp is served")
            listener = listener.get("tcp", {})
    return dict(listener)


def _checked(path: str, prefix: str, found: dict[str, Any], known: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Give the settings, each of its kind. Raises: SettingError, which names all that are not known."""
    unknown = sorted(prefix + name for name in found.keys() - known.keys())
    if unknown:
        raise SettingError(
            f"the config file {path} has settings that are not known: {', '.join(unknown)}",
            hint=f"known: {', '.join(sorted([*_TOP, *('listener.tcp.' + name for name in _TCP)]))}",
        )
    settings = {}
    for name, value in found.items():
        try:
            settings[name] = known[name](value)
        except ValueError as error:
            raise SettingError(f"the config file {path} has no good {prefix}{name}: {error}") from None
    return settings


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("it is no text")
    return value


def _switch(value: Any) -> bool:
    """Read a switch, which may be a text as well. Source: OpenBao 2.7."""
    text = str(value) if isinstance(value, str | bool | int) else ""
    if text not in go_bools.TRUE | go_bools.FALSE:
        raise ValueError("it is true or false")
    return text in go_bools.TRUE


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("it is no duration")
    seconds = durations.parse(str(value))
    if seconds <= 0:
        raise ValueError("it is not more than 0")
    return seconds


def _level(value: Any) -> str:
    return check_level(_word(value))


def _version(value: Any) -> str:
    if value not in ("tls12", "tls13"):
        raise ValueError("it is tls12 or tls13")
    return str(value)


def check_level(level: str) -> str:
    """Give the name of a log level in small letters. Raises: ValueError. Source: OpenBao 2.7's message."""
    if level.lower() not in LEVELS:
        raise ValueError(f"unknown log level: {level}")
    return level.lower()


_TOP: dict[str, Callable[[Any], Any]] = {
    "log_level": _level,
    "api_addr": _word,
    "unsafe_allow_api_audit_creation": _switch,
    "allow_audit_log_prefixing": _switch,
    "disable_sealwrap": _switch,
    "no_init": _switch,
}
_TCP: dict[str, Callable[[Any], Any]] = {
    "address": _word,
    "tls_disable": _switch,
    "tls_cert_file": _word,
    "tls_key_file": _word,
    "tls_min_version": _version,
    "http_read_timeout": _seconds,
    "disable_unauthed_rekey_endpoints": _switch,
    "disable_unauthed_generate_root_endpoints": _switch,
}
