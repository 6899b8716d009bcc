"""Addresses that tokens and logins are bound to: networks as CIDR, or one host. Source: OpenBao 2.7."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from vaultctl.logical.go_text import quoted

_HERE = "127.0.0.1"
"""Where a caller in this process is."""


def canonical(text: str) -> str:
    """Give an address as it is shown: one host without its width. Raises: ValueError."""
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    address, slash, width = text.partition("/")
    try:
        network = ip_network(text, strict=False)
        host = ip_address(address)
    except ValueError:
        raise ValueError(
            f"error parsing address {quoted(text)}: Unable to convert {quoted(text)} to an IPv4 or IPv6 address,"
            " or a UNIX Socket"
        ) from None
    return str(host) if slash and network.prefixlen == network.max_prefixlen else f"{host}/{width}"


def allow(networks: Iterable[str], remote_addr: str) -> bool:
    """Tell whether a caller is within one of the networks."""
    try:
        caller = ip_address(remote_addr or _HERE)
    except ValueError:
        return False
    return any(caller in ip_network(network, strict=False) for network in networks)
