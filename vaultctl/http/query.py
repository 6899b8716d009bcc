"""Method and query of a call: which verb they ask for, and what is left of the query then.

Source: OpenBao 2.7, recorded over HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from vaultctl.http.body import BAD_ESCAPE
from vaultctl.logical import go_bools
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation, Repeated

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS: Mapping[str, Operation | None] = {
    "GET": Operation.READ,
    "LIST": Operation.LIST,
    "SCAN": Operation.SCAN,
    "POST": Operation.UPDATE,
    "PUT": Operation.UPDATE,
    "PATCH": Operation.PATCH,
    "DELETE": Operation.DELETE,
    "HEAD": Operation.HEAD,
    "OPTIONS": None,
}
"""The methods to which the API says something; there is one that it refuses."""


def read(text: str) -> dict[str, Any]:
    """Read a query; a part that cannot be read is left out, as Go leaves it out."""
    query: dict[str, Any] = {}
    for part in text.split("&") if text else ():
        if not part or ";" in part or BAD_ESCAPE.search(part):
            continue
        key, _, value = part.partition("=")
        key, value = unquote_plus(key), unquote_plus(value)
        if key not in query:
            query[key] = value
        elif isinstance(query[key], Repeated):
            query[key].append(value)
        else:
            query[key] = Repeated((query[key], value))
    return query


def take_operation(method: str, query: dict[str, Any]) -> Operation:
    """Find the verb of a method; what the query says of it is taken out of the query. Raises: InvalidRequest."""
    operation = METHODS[method]
    if operation is None:
        raise InvalidRequest("cannot handle internal-only request operation")
    if not query:
        return operation
    if _first(query, "help"):
        return Operation.HELP
    if operation is not Operation.READ:
        return operation
    lists, scans = (_is_on(query, name) for name in ("list", "scan"))
    if lists and scans:
        raise InvalidRequest
    return Operation.LIST if lists else Operation.SCAN if scans else operation


def _first(query: Mapping[str, Any], name: str) -> str:
    value = query.get(name, "")
    return str(value[0] if isinstance(value, Repeated) else value)


def _is_on(query: dict[str, Any], name: str) -> bool:
    """Read a switch of the query; one that is on is taken out. Raises: InvalidRequest, which has no words for it."""
    value = _first(query, name)
    if value in go_bools.TRUE:
        del query[name]
        return True
    if value and value not in go_bools.FALSE:
        raise InvalidRequest
    return False
