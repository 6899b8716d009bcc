"""The socket device: a line at a time to an address, over tcp, udp or a unix socket.

A connection that broke is made once again, for the same line: that line may come twice, and none is lost in silence.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from vaultctl.core.audit.devices import said
from vaultctl.logical.errors import several_errors

if TYPE_CHECKING:
    from vaultctl.core.audit.options import SocketOptions


class SocketDevice:
    """A connection, made when the first line is written."""

    def __init__(self, given: SocketOptions) -> None:
        self._given = given
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def check(self) -> None:
        """Whether anybody listens shows with the first line."""

    def write(self, line: bytes, /) -> None:
        """Send the line, over a new connection where the old one is broken. Raises: OSError."""
        with self._lock:
            try:
                self._send(line)
            except OSError as first:
                self._close()
                try:
                    self._send(line)
                except OSError as second:
                    self._close()
                    raise OSError(second.errno, several_errors([str(first.strerror), str(second.strerror)])) from None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()

    def _send(self, line: bytes) -> None:
        if self._socket is None:
            self._socket = self._dialled()
        elif self._given.network != "udp" and self._is_closed(self._socket):
            raise BrokenPipeError(32, f"write {self._given.network} {self._given.address}: broken pipe")
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise OSError(error.errno, f"write {self._given.network} {self._given.address}: {said(error)}") from None

    def _dialled(self) -> socket.socket:
        network, address = self._given.network, self._given.address
        try:
            made = _connected(network, address, self._given.write_timeout_s)
        except (OSError, ValueError) as error:
            cause = f"connect: {said(error)}" if isinstance(error, OSError) else str(error)
            raise OSError(getattr(error, "errno", None) or 22, f"dial {network} {address}: {cause}") from None
        made.settimeout(self._given.write_timeout_s)
        return made

    def _is_closed(self, connection: socket.socket) -> bool:
        """Tell whether the other side has closed: the first line after that would be sent, and lost."""
        connection.settimeout(0)
        try:
            return connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            connection.settimeout(self._given.write_timeout_s)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _connected(network: str, address: str, timeout_s: float) -> socket.socket:
    """Connect. Raises: OSError; ValueError for what is no address."""
    if network == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(timeout_s)
        try:
            made.connect(address)
        except OSError:
            made.close()
            raise
        return made
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()):
        raise ValueError("missing port in address")
    host = host.strip("[]") or "localhost"
    if network == "tcp":
        return socket.create_connection((host, int(port)), timeout_s)
    family, kind, protocol, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, protocol)
    made.connect(place)
    return made
