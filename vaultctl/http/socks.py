"""SOCKS version 5 as a client speaks it: a connection through a proxy, by name, with a name and password or without.

Source: RFC 1928 and RFC 1929.
"""

import ipaddress
import socket
import time
from collections.abc import Callable

_VERSION = 5
_NO_LOGIN, _PASSWORD, _NONE_GOOD = 0, 2, 255
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_REFUSALS = {
    1: "general SOCKS server failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
_LONGEST_B = 255


class SocksError(Exception):
    """The proxy did not do it; the text says why."""


def connect(sock: socket.socket, host: str, port: int, login: tuple[str, str] | None, until_s: float) -> None:
    """Have the proxy at the other end of a socket connect to a host, whose name it looks up itself.

    Raises: SocksError, OSError, TimeoutError among them.
    """

    def take(length_b: int) -> bytes:
        data = b""
        while len(data) < length_b:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            piece = sock.recv(length_b - len(data))
            if not piece:
                raise SocksError("unexpected EOF")
            data += piece
        return data

    methods = bytes([_NO_LOGIN, _PASSWORD] if login else [_NO_LOGIN])
    sock.sendall(bytes([_VERSION, len(methods)]) + methods)
    version, method = take(2)
    if version != _VERSION:
        raise SocksError(f"unexpected protocol version {version}")
    if method == _PASSWORD and login:
        _log_in(sock, login, take)
    elif method != _NO_LOGIN:
        raise SocksError("no acceptable authentication methods")
    sock.sendall(bytes([_VERSION, _CONNECT, 0]) + _place(host) + port.to_bytes(2, "big"))
    _, refusal, _, kind = take(4)
    if refusal:
        raise SocksError(_REFUSALS.get(refusal, f"unknown code {refusal}"))
    take({_IPV4: 4, _IPV6: 16}.get(kind) or take(1)[0])
    take(2)


def _log_in(sock: socket.socket, login: tuple[str, str], take: Callable[[int], bytes]) -> None:
    parts = [text.encode() for text in login]
    if not all(0 < len(part) <= _LONGEST_B for part in parts):
        raise SocksError("the proxy's user name or password is empty or too long")
    sock.sendall(b"\x01" + b"".join(bytes([len(part)]) + part for part in parts))
    if take(2)[1]:
        raise SocksError("username/password authentication failed")


def _place(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna") if not host.isascii() else host.encode()
        if len(name) > _LONGEST_B:
            raise SocksError("the host's name is too long") from None
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed
