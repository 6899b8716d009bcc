"""What lines go to: one open device each, which many threads may write to. Each `write` is one whole line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vaultctl.core.audit import options
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping


class Sink(Protocol):
    """Somewhere lines go."""

    def check(self) -> None:
        """Make sure, before anything is written, that lines can go there. Raises: OSError."""
        ...

    def write(self, line: bytes, /) -> None:
        """Write one line, which ends in a line feed. Raises: OSError; then it may be there in part."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_device(type_: str, given: Mapping[str, str], *, stdout_fd: int) -> Sink:
    """Give a device of a type; nothing is written or connected yet. Raises: InvalidRequest."""
    if type_ == "file":
        from vaultctl.core.audit import file_device

        return file_device.open_device(options.file(given), stdout_fd)
    if type_ == "socket":
        from vaultctl.core.audit.socket_device import SocketDevice

        return SocketDevice(options.socket(given))
    if type_ == "syslog":
        from vaultctl.core.audit.syslog_device import SyslogDevice

        return SyslogDevice(options.syslog(given))
    raise InvalidRequest(f"unknown backend type: {quoted(type_)}")


def said(error: OSError) -> str:
    """Give what the operating system said, without a name of a file."""
    return (error.strerror or str(error)).lower()
