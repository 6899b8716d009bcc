"""Which proxy stands between us and an address: what the environment says, read as Go reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.http import address
from vaultctl.http.address import Address

if TYPE_CHECKING:
    from collections.abc import Mapping


_SCHEMES = ("http", "socks5", "socks5h")
_SOCKS_PORT = 1080


class Proxies:
    """The proxies of an environment. `always` is one for every address, whatever NO_PROXY says."""

    def __init__(self, environ: Mapping[str, str], always: str = "") -> None:
        """Read the variables. Raises: ValueError."""
        self._by_scheme = {
            scheme: text
            for scheme in ("http", "https")
            if (text := environ.get(f"{scheme.upper()}_PROXY") or environ.get(f"{scheme}_proxy") or "")
        }
        self._always = always
        self._without = [part.strip() for part in _either(environ, "NO_PROXY").lower().split(",") if part.strip()]
        for text in (always, *self._by_scheme.values()):
            if text:
                _parse(text)

    def find(self, there: Address) -> Address | None:
        """Give the proxy for an address, if there is one."""
        if there.socket_path:
            return None
        if self._always:
            return _parse(self._always)
        text = self._by_scheme.get(there.scheme)
        return _parse(text) if text and not self._is_direct(there) else None

    def login(self, there: Address) -> tuple[str, str] | None:
        """Give the name and the password for the proxy of an address, which may hold them."""
        text = self._always or self._by_scheme.get(there.scheme, "")
        user, at, _ = text.rpartition("://")[2].partition("/")[0].rpartition("@")
        if not at:
            return None
        name, _, password = user.partition(":")
        return _unquote(name), _unquote(password)

    def _is_direct(self, there: Address) -> bool:
        """Tell whether an address is reached without the proxy: this machine always is."""
        host = there.host.lower()
        if host == "localhost" or host.startswith("127.") or host == "::1":
            return True
        return any(_matches(pattern, host, there.port) for pattern in self._without)


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""


def _parse(text: str) -> Address:
    proxy = address.parse(text if "://" in text else f"http://{text}")
    if proxy.scheme not in _SCHEMES:
        raise ValueError(f"a proxy is reached by {', '.join(_SCHEMES)}, not by {proxy.scheme}")
    return proxy if proxy.port else proxy._replace(port=_SOCKS_PORT)


def _unquote(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)


def _matches(pattern: str, host: str, port: int) -> bool:
    """Compare with one entry of NO_PROXY: `*`, a name and all below it, a name with a port, an address or a network."""
    if pattern == "*":
        return True
    if "/" in pattern:
        return _is_in(pattern, host)
    name, colon, number = pattern.rpartition(":")
    if colon and number.isdigit() and ":" not in name:
        if int(number) != port:
            return False
        pattern = name
    bare = pattern.removeprefix("*").removeprefix(".")
    return host.endswith("." + bare) or (host == bare and not pattern.startswith(("*", ".")))


def _is_in(network: str, host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
