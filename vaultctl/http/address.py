"""Where a remote Vault is: what an address says, and how it is written."""

import re
from typing import NamedTuple

_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")


class Address(NamedTuple):
    """A scheme, a host and a port, a path in front of `/v1/`; `socket_path` is that of a Unix socket, else ""."""

    scheme: str
    host: str
    port: int
    prefix: str = ""
    socket_path: str = ""
    spelt: str = ""
    """The host and port as they were written, which is what messages and the Host header show."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What makes two addresses one: whoever answers there is the same."""
        return self.scheme, self.host.lower(), self.port

    @property
    def root(self) -> str:
        """Scheme, host and port as messages show them."""
        return f"{self.scheme}://{self.spelt}" if self.scheme else ""

    @property
    def base(self) -> str:
        """The address as messages show it, without a slash behind."""
        return self.root + self.prefix

    @property
    def dialled(self) -> str:
        """Host and port as Go's messages name them."""
        if self.socket_path:
            return f"unix {self.socket_path}"
        return f"tcp [{self.host}]:{self.port}" if ":" in self.host else f"tcp {self.host}:{self.port}"


def parse(text: str) -> Address:
    """Read an address. Raises: ValueError, with Go's text where it has one."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _without_host(text)
    if not scheme:
        raise _bad(text, "missing protocol scheme")
    scheme = scheme.lower()
    if scheme == "unix":
        if not rest:
            raise _bad(text, "there is no path of a socket")
        return Address("http", "localhost", 80, socket_path=rest, spelt="localhost")
    rest = rest.partition("#")[0].partition("?")[0]
    authority, slash, path = rest.partition("/")
    host, port = _split(authority.rpartition("@")[2], text)
    number = _PORTS.get(scheme, 0) if not port else int(port)
    return Address(scheme, host, number, (slash + path).rstrip("/"), spelt=authority.rpartition("@")[2])


def _split(authority: str, text: str) -> tuple[str, str]:
    """Part host and port. Raises: ValueError."""
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        if not bracket:
            raise _bad(text, "missing ']' in host")
    else:
        host, colon, port = authority.partition(":")
        rest = colon + port
    port = rest.removeprefix(":")
    if (rest and not rest.startswith(":")) or (port and not (port.isascii() and port.isdigit())):
        from vaultctl.logical.go_text import quoted

        raise _bad(text, f"invalid port {quoted(rest)} after host")
    if not host:
        raise _bad(text, "there is no host")
    if any(character.isspace() or not character.isprintable() for character in host):
        raise _bad(text, "invalid character in host name")
    return host, port


def _without_host(text: str) -> Address:
    """Read an address that has no `://`: nobody can be asked there, as is said when it is tried. Raises: ValueError.

    Source: Go's net/url, for which what stands in front of a colon is a scheme, if it begins with a letter.
    """
    path = text.partition("#")[0].partition("?")[0].rstrip("/")
    scheme, colon, _ = path.partition(":")
    if colon and _SCHEME.fullmatch(scheme):
        return Address(scheme.lower(), "", 0)
    if ":" in path.partition("/")[0]:
        raise _bad(text, "first path segment in URL cannot contain colon")
    return Address("", "", 0, path)


def _bad(text: str, why: str) -> ValueError:
    from vaultctl.logical.go_text import quoted

    return ValueError(f"parse {quoted(text)}: {why}")
