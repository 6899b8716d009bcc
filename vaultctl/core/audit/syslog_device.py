"""The syslog device: a line at a time to the syslog of this machine, of severity info."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from vaultctl.logical.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultctl.core.audit.options import SyslogOptions

PLACES = ("/dev/log", "/var/run/syslog", "/var/run/log")
_INFO = 6
_FACILITIES = (
    *("KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP"),
    *("", "", "", ""),
    *(f"LOCAL{number}" for number in range(8)),
)


class SyslogDevice:
    """A connection to the socket that syslog listens on."""

    def __init__(self, given: SyslogOptions, places: Sequence[str] = PLACES) -> None:
        """Read the facility. Raises: InvalidRequest."""
        if given.facility not in _FACILITIES:
            raise InvalidRequest(f"invalid syslog facility: {given.facility}")
        self._priority = _FACILITIES.index(given.facility) * 8 + _INFO
        self._tag = given.tag
        self._places = places
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def check(self) -> None:
        """Connect. Raises: OSError."""
        with self._lock:
            self._connect()

    def write(self, line: bytes, /) -> None:
        """Send the line. Raises: OSError."""
        moment = time.strftime("%b %e %H:%M:%S")
        message = f"<{self._priority}>{moment} {self._tag}[{os.getpid()}]: ".encode() + line
        with self._lock:
            try:
                self._connected().sendall(message)
            except OSError:  # syslog may have been started anew
                self._connect()
                self._connected().sendall(message)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._connect()
        if self._socket is None:
            raise OSError("Unix syslog delivery error")
        return self._socket

    def _connect(self) -> None:
        self._close()
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            for place in self._places:
                made = socket.socket(socket.AF_UNIX, kind)
                made.settimeout(2.0)
                try:
                    made.connect(place)
                except OSError:
                    made.close()
                else:
                    self._socket = made
                    return
        raise OSError("Unix syslog delivery error")  # Source: OpenBao 2.7

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
