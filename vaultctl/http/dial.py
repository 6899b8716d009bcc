"""How a connection to a remote Vault comes about: TCP or a Unix socket, through a proxy or not, with TLS or without.

`ssl` is imported for an https address alone.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from vaultctl.http.address import Address

_LAST_PORT = 65535
_CONNECT_S = 30.0
"""Source: Go's dialler, which waits for no longer whatever the request's timeout is."""


class Tls(NamedTuple):
    """How the other side proves who it is, and how we do. An empty text is what the system has."""

    ca_file: str = ""
    ca_text: str = ""
    ca_folder: str = ""
    cert_file: str = ""
    cert_text: str = ""
    key_file: str = ""
    key_text: str = ""
    server_name: str = ""
    skip_verify: bool = False


class CannotDial(Exception):
    """There is no connection; the text is Go's where it has one."""


class Dialler:
    """Opens connections to one address."""

    def __init__(
        self,
        tls: Tls,
        proxy_for: Callable[[Address], Address | None],
        proxy_login: Callable[[Address], tuple[str, str] | None],
    ) -> None:
        """`proxy_login` gives the name and the password for the proxy that is asked for an address."""
        self.connect_s = _CONNECT_S
        """So long a connection may take to come about."""

        self._tls = tls
        self._proxy_for = proxy_for
        self._proxy_login = proxy_login
        self._context: ssl.SSLContext | None = None

    def dial(self, address: Address, until_s: float) -> socket.socket:
        """Open a connection. Raises: CannotDial, TimeoutError."""
        proxy = self._proxy_for(address)
        sock = self._reach_proxy(proxy, until_s) if proxy else _reach(address, until_s, self.connect_s)
        try:
            if proxy and proxy.scheme.startswith("socks"):
                self._socks(sock, address, until_s)
            elif proxy and address.scheme == "https":
                self._tunnel(sock, address, until_s)
            return self._secured(sock, address) if address.scheme == "https" else sock
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError) and not isinstance(error, TimeoutError):
                raise CannotDial((error.strerror or "EOF").lower()) from None
            raise

    def asks_proxy(self, address: Address) -> bool:
        """Tell whether requests are written for a proxy, with the whole address in their first line."""
        proxy = self._proxy_for(address) if address.scheme == "http" else None
        return proxy is not None and proxy.scheme == "http"

    def proxy_headers(self, address: Address) -> list[tuple[str, str]]:
        """Give what a proxy wants to know."""
        login = self._proxy_login(address)
        if login is None:
            return []
        import base64

        return [("Proxy-Authorization", "Basic " + base64.b64encode(":".join(login).encode()).decode())]

    def _reach_proxy(self, proxy: Address, until_s: float) -> socket.socket:
        try:
            return _reach(proxy, until_s, self.connect_s)
        except CannotDial as error:
            raise CannotDial(f"proxyconnect tcp: {error}") from None

    def _socks(self, sock: socket.socket, address: Address, until_s: float) -> None:
        from vaultctl.http import socks

        try:
            socks.connect(sock, address.host, address.port, self._proxy_login(address), until_s)
        except (socks.SocksError, UnicodeError) as error:
            place = f"tcp {sock.getpeername()[0]}:{sock.getpeername()[1]}->{address.host}:{address.port}"
            raise CannotDial(f"socks connect {place}: {error}") from None
        except ConnectionError:
            raise CannotDial("socks connect: unexpected EOF") from None

    def _tunnel(self, sock: socket.socket, address: Address, until_s: float) -> None:
        from vaultctl.http import http1

        place = f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
        headers = map(": ".join, self.proxy_headers(address))
        sock.sendall("\r\n".join([f"CONNECT {place} HTTP/1.1", f"Host: {place}", *headers, "", ""]).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            sock.settimeout(_left_s(until_s))
            piece = sock.recv(1)  # not a byte of what comes behind, which is TLS
            if not piece or len(answer) > http1.HEAD_MAX_B:
                raise CannotDial("proxyconnect: unexpected EOF")
            answer += piece
        status = answer.split(b"\r\n")[0].partition(b" ")[2].decode("latin-1")
        if not status.startswith("2"):
            raise CannotDial(status.partition(" ")[2] or f"proxyconnect: {status}")

    def _secured(self, sock: socket.socket, address: Address) -> socket.socket:
        import ssl

        if self._context is None:
            self._context = make_context(self._tls)
        try:
            return self._context.wrap_socket(sock, server_hostname=self._tls.server_name or address.host)
        except ssl.SSLCertVerificationError as error:
            raise CannotDial(f"tls: failed to verify certificate: {_why_not_verified(error)}") from None
        except ssl.SSLError as error:
            raise CannotDial(_why_no_tls(error)) from None


def make_context(tls: Tls) -> ssl.SSLContext:
    """Load what TLS needs. Raises: CannotDial."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        _load_authorities(context, tls)
    except (OSError, ValueError) as error:
        raise CannotDial(f"cannot load the CA certificates: {_reason(error)}") from None
    try:
        _load_own(context, tls)
    except (OSError, ValueError) as error:
        raise CannotDial(f"cannot load the client certificate: {_reason(error)}") from None
    return context


def _load_authorities(context: ssl.SSLContext, tls: Tls) -> None:
    if tls.ca_file:
        context.load_verify_locations(cafile=tls.ca_file)
    elif tls.ca_text:
        context.load_verify_locations(cadata=tls.ca_text)
    elif tls.ca_folder:
        for folder, _, names in os.walk(tls.ca_folder):  # OpenSSL itself finds only names that are hashes
            for name in names:
                context.load_verify_locations(cafile=os.path.join(folder, name))
    else:
        context.load_default_certs()


def _load_own(context: ssl.SSLContext, tls: Tls) -> None:
    if tls.cert_file and tls.key_file:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    elif tls.cert_text and tls.key_text:
        import tempfile

        # ssl reads files alone; this one is ours only, and gone at once.
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(f"{tls.cert_text}\n{tls.key_text}\n")
            file.flush()
            context.load_cert_chain(file.name)


def _reason(error: Exception) -> str:
    return ((error.strerror if isinstance(error, OSError) else "") or str(error)).lower()


def _why_not_verified(error: ssl.SSLCertVerificationError) -> str:
    """Say it as Go does, by OpenSSL's numbers of the reasons."""
    words = {
        10: "x509: certificate has expired or is not yet valid",
        9: "x509: certificate has expired or is not yet valid",
        18: "x509: certificate signed by unknown authority",
        19: "x509: certificate signed by unknown authority",
        20: "x509: certificate signed by unknown authority",
        21: "x509: certificate signed by unknown authority",
    }
    return words.get(error.verify_code) or f"x509: {error.verify_message}"


def _why_no_tls(error: ssl.SSLError) -> str:
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return "http: server gave HTTP response to HTTPS client"
    return f"remote error: tls: {(error.reason or str(error)).lower().replace('_', ' ')}"


def _reach(address: Address, until_s: float, connect_s: float) -> socket.socket:
    """Connect to the host itself, or to its proxy. Raises: CannotDial, TimeoutError."""
    left_s = min(_left_s(until_s), connect_s)
    if address.port > _LAST_PORT:
        raise CannotDial(f"dial tcp: address {address.port}: invalid port")
    try:
        return _unix(address.socket_path, left_s) if address.socket_path else _tcp(address, left_s)
    except socket.gaierror:
        raise CannotDial(f"dial tcp: lookup {address.host}: no such host") from None
    except UnicodeError:
        raise CannotDial(f"dial tcp: lookup {address.host}: invalid name") from None
    except TimeoutError:
        if time.monotonic() >= until_s:
            raise
        raise CannotDial(f"dial {address.dialled}: i/o timeout") from None
    except OSError as error:
        raise CannotDial(f"dial {address.dialled}: connect: {(error.strerror or str(error)).lower()}") from None


def _left_s(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _tcp(address: Address, left_s: float) -> socket.socket:
    sock = socket.create_connection((address.host, address.port), timeout=left_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _unix(path: str, left_s: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(left_s)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock
