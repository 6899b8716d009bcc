"""What is said where no handler answers a request, and what an answer is told besides: all of it is rare.

Source: OpenBao 2.7, for the order and the words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.core.exchange import OWN_HELP, endpoints_of
from vaultctl.framework import help as framework_help
from vaultctl.framework.endpoint import find
from vaultctl.logical.errors import NoRoute, NoSuchMethod, UnsupportedOperation, UnsupportedPath, VaultError
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import LISTING, Operation
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from collections.abc import Collection, Set

    from vaultctl.core.exchange import Exchange
    from vaultctl.core.mounts import Mount
    from vaultctl.framework.endpoint import Endpoint
    from vaultctl.logical.request import Request


def without_endpoint(exchange: Exchange) -> Response:
    """Answer a request for help. Raises: NoRoute, NotOffered, UnsupportedPath for any other that has no endpoint."""
    mount = exchange.mount
    if mount is None or mount.tainted:
        raise _no_route(exchange)
    if exchange.request.operation is Operation.HELP:
        return _help(exchange, mount)
    endpoints_of(exchange.host, mount, exchange.path)  # an engine that is not offered says so itself
    raise UnsupportedPath


def no_handler(exchange: Exchange, mount: Mount, endpoint: Endpoint) -> VaultError:
    """Say why an endpoint does not take a verb."""
    if endpoint.bare:
        return NoSuchMethod()
    is_no_folder = lists_no_folder(exchange, mount)
    if endpoint.unauthenticated:
        return UnsupportedPath("unsupported path") if is_no_folder else UnsupportedOperation("unsupported operation")
    return UnsupportedPath() if is_no_folder else UnsupportedOperation()


def warned(response: Response, ignored: Set[str], replaced: Collection[str]) -> Response:
    """Warn of parameters that the endpoint does not have, or that the path says otherwise.

    Only an answer with a body says so.
    """
    if response.data is None and response.auth is None:
        return response
    warnings = []
    if replaced:
        warnings.append(
            "Endpoint replaced the value of these parameters with the values captured from the endpoint's path:"
            f" [{' '.join(sorted(replaced))}]"
        )
    if ignored:
        warnings.append(f"Endpoint ignored these unrecognized parameters: [{' '.join(sorted(ignored))}]")
    return response._replace(warnings=(*response.warnings, *warnings))


def _no_route(exchange: Exchange) -> NoRoute:
    """Say that no mount serves the path, or one that is out of use."""
    told = f"no handler for route {quoted(_shown(exchange.request))}"
    if exchange.mount is None:
        return NoRoute(f"{told}. route entry not found.")
    place = quoted(exchange.namespace.path)
    return NoRoute(f"{told} on namespace {place}. route entry or namespace is tainted.")


def _help(exchange: Exchange, mount: Mount) -> Response:
    """Tell of a path, or of a mount itself."""
    endpoints = endpoints_of(exchange.host, mount, exchange.path)
    if not exchange.path:
        text = OWN_HELP.get(mount.type) or exchange.host.kinds(mount).engine(mount.type, mount.options).help
        return Response(raw=framework_help.engine_help(text, endpoints))
    return Response(raw=framework_help.path_help(endpoints, exchange.path))


def lists_no_folder(exchange: Exchange, mount: Mount) -> bool:
    """Tell whether a listing is of what is no folder: OpenBao looks for the path with a slash behind."""
    if exchange.request.operation not in LISTING:
        return False
    folder = exchange.path.rstrip("/") + "/"
    return find(endpoints_of(exchange.host, mount, folder), folder) is None


def _shown(request: Request) -> str:
    lists = request.operation in LISTING
    return request.path + "/" if lists and not request.path.endswith("/") else request.path
