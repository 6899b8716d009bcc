"""The HTTP server over a door: which address, which certificate, and how the door wants to be asked."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vaultctl.connect.settings import SettingError
from vaultctl.http import server
from vaultctl.http.app import Manners

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.connect import Connection
    from vaultctl.connect.dev import Dev

_TICK_BUDGET_S = 0.05


class Listener:
    """Where to listen: an address, and a certificate with its key where it speaks TLS."""

    def __init__(self, address: str, tls_cert: str = "", tls_key: str = "") -> None:
        """Read the address. Raises: SettingError."""
        host, colon, port = address.rpartition(":")
        if not colon or not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
            raise SettingError(f"{address} is no address to listen on", hint="it is HOST:PORT, as in 127.0.0.1:8200")
        if bool(tls_cert) != bool(tls_key):
            raise SettingError("a certificate and its key go together", hint="give -tls-cert-file and -tls-key-file")
        for path in filter(None, (tls_cert, tls_key)):
            if not os.access(path, os.R_OK):
                raise SettingError(f"cannot read {path}")
        self.host, self.port = host.strip("[]"), int(port)
        self.tls_cert, self.tls_key = tls_cert, tls_key
        self.shown = address

    @property
    def url(self) -> str:
        """Give the address as clients are told it."""
        return f"{'https' if self.tls_cert else 'http'}://{self.shown}"

    @property
    def is_exposed(self) -> bool:
        """Tell whether others than this machine may read along."""
        if self.tls_cert:
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"


def serve(
    door: Connection | Dev,
    listener: Listener,
    *,
    started: Callable[[], None],
    log: Callable[[str], None] | None,
    complain: Callable[[str], None],
) -> None:
    """Serve a door until SIGTERM or SIGINT. Raises: VaultError."""
    from vaultctl.connect.dev import Dev

    core = door.core if isinstance(door, Dev) else door
    server.serve(
        core,
        server.Options(
            listener.host,
            listener.port,
            tls_cert=Path(listener.tls_cert) if listener.tls_cert else None,
            tls_key=Path(listener.tls_key) if listener.tls_key else None,
            manners=Manners(in_loop=isinstance(door, Dev), log=log, complain=complain),
            started=started,
            tick=lambda: core.advance(_TICK_BUDGET_S),
        ),
    )
