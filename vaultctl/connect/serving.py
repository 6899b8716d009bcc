"""The HTTP server over a door: which address, which certificate, and how the door wants to be asked."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.connect.settings import SettingError
from vaultctl.http import certificates, server
from vaultctl.http.app import Manners
from vaultctl.http.bodies import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.connect import Connection
    from vaultctl.connect.dev import Dev

_TICK_BUDGET_S = 0.0
"""A step of each job: the ticker is one with those who write, who wait until it is done."""


class Reread(NamedTuple):
    """What the config says now: the listener, of which the certificate counts, and what writes a line a request."""

    listener: Listener
    log: Callable[[str], None] | None


class Listener:
    """Where to listen: an address, and a certificate with its key where it speaks TLS."""

    def __init__(self, address: str, tls_cert: str = "", tls_key: str = "", *, tls13: bool = False) -> None:
        """Read the address, and the certificate. Raises: SettingError, CannotServe."""
        host, colon, port = address.rpartition(":")
        if not colon or not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
            raise SettingError(f"{address} is no address to listen on", hint="it is HOST:PORT, as in 127.0.0.1:8200")
        if bool(tls_cert) != bool(tls_key):
            raise SettingError("a certificate and its key go together", hint="give -tls-cert-file and -tls-key-file")
        self.host, self.port = host.strip("[]"), int(port)
        self.tls = certificates.load(Path(tls_cert), Path(tls_key), tls13=tls13) if tls_cert else None
        self.shown = address

    @property
    def url(self) -> str:
        """Give the address as clients are told it."""
        return f"{'https' if self.tls else 'http'}://{self.shown}"

    @property
    def is_exposed(self) -> bool:
        """Tell whether others than this machine may read along."""
        if self.tls:
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
    reload: Callable[[], Reread] | None = None,
    body_timeout_s: float = Limits().read_s,
) -> None:
    """Serve a door until SIGTERM or SIGINT. `reload` reads again what may change meanwhile. Raises: VaultError."""
    from vaultctl.connect.dev import Dev

    core = door.core if isinstance(door, Dev) else door
    # Nobody waits for a state in memory. Readers of one in a file take no lock, and what asks a seal is left to others.
    at_once = door.core.handle if isinstance(door, Dev) else door.answer_at_once

    def reread() -> server.Reloaded:
        now = reload() if reload else Reread(listener, log)
        return server.Reloaded(now.listener.tls, now.log)

    server.serve(
        core,
        server.Options(
            listener.host,
            listener.port,
            tls=listener.tls,
            manners=Manners(at_once, log=log, complain=complain, limits=Limits(body_timeout_s)),
            started=started,
            tick=lambda: door.core.advance(_TICK_BUDGET_S) if isinstance(door, Dev) else door.tick(_TICK_BUDGET_S),
            reload=reread,
        ),
    )
