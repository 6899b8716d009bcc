"""What the options of an audit device mean. Source: OpenBao 2.7 for names, defaults and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaultctl.logical import durations, go_bools
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSONX = 'jsonx formatting has been removed, consider switching to json by omitting "format" or setting it to "json"'
_NO_PREFIX = "audit log prefixing is not allowed"
_MODE = 0o600
_WRITE_TIMEOUT_S = 2.0


class Form(NamedTuple):
    """How a device writes its lines."""

    is_raw: bool = False
    hashes_accessors: bool = True
    elides_lists: bool = False
    prefix: str = ""


class FileOptions(NamedTuple):
    """Where a file device writes: a path, or "stdout" or "discard". A mode of 0 leaves a file's own as it is."""

    path: str
    mode: int


class SocketOptions(NamedTuple):
    """Where a socket device writes: an address of a network (tcp, udp, unix)."""

    address: str
    network: str
    write_timeout_s: float


class SyslogOptions(NamedTuple):
    """What the lines of a syslog device are marked with."""

    facility: str
    tag: str


def form(options: Mapping[str, str], *, may_prefix: bool = True) -> Form:
    """Read how lines are written. Raises: InvalidRequest."""
    named = options.get("format") or "json"
    if named == "jsonx":
        raise InvalidRequest(_JSONX)
    if named != "json":
        raise InvalidRequest(f"unknown format type {quoted(named)}")
    if "prefix" in options and not may_prefix:
        raise InvalidRequest(_NO_PREFIX)
    return Form(
        is_raw=_switch(options, "log_raw", default=False),
        hashes_accessors=_switch(options, "hmac_accessor", default=True),
        elides_lists=_switch(options, "elide_list_responses", default=False),
        prefix=options.get("prefix", ""),
    )


def file(options: Mapping[str, str]) -> FileOptions:
    """Read where a file device writes. Raises: InvalidRequest."""
    path = options.get("file_path", options.get("path"))
    if path is None:
        raise InvalidRequest("file_path is required")
    return FileOptions(path, _mode(options["mode"]) if "mode" in options else _MODE)


def socket(options: Mapping[str, str]) -> SocketOptions:
    """Read where a socket device writes. Raises: InvalidRequest."""
    if "address" not in options:
        raise InvalidRequest("address is required")
    try:
        timeout_s = durations.parse(options["write_timeout"]) if "write_timeout" in options else _WRITE_TIMEOUT_S
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    network = options.get("socket_type") or "tcp"
    if network not in ("tcp", "udp", "unix"):
        raise InvalidRequest(f"dial {network}: unknown network {network}")
    return SocketOptions(options["address"], network, timeout_s)


def syslog(options: Mapping[str, str]) -> SyslogOptions:
    """Read what a syslog device's lines are marked with."""
    return SyslogOptions((options.get("facility") or "AUTH").upper(), options.get("tag") or "vaultctl")


def _mode(text: str) -> int:
    if not text.isascii() or not text.isdigit() or set(text) - set("01234567"):
        raise InvalidRequest(f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax")
    mode = int(text, 8)
    if mode > 0o7777:
        raise InvalidRequest(f"strconv.ParseUint: parsing {quoted(text)}: value out of range")
    return mode


def _switch(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = options.get(name)
    if text is None:
        return default
    if text not in go_bools.TRUE | go_bools.FALSE:
        raise InvalidRequest(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")
    return text in go_bools.TRUE
