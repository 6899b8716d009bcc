"""What is asked of a door: one operation on one path."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Operation(StrEnum):
    """The verbs of the Vault API. PUT and POST are both UPDATE."""

    READ = "read"
    LIST = "list"
    SCAN = "scan"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"
    HELP = "help"
    HEAD = "head"

    __hash__ = str.__hash__  # an Enum's own is Python, and each request asks for it several times


MERGE_PATCH = "application/merge-patch+json"
"""The content type that every PATCH has."""

READING = frozenset({Operation.READ, Operation.LIST, Operation.SCAN, Operation.HELP, Operation.HEAD})
"""Operations that change nothing by themselves."""

LISTING = frozenset({Operation.LIST, Operation.SCAN})
"""Operations that list a folder, whose path may be without the slash behind it."""

_ASKED_BY_WRITING = frozenset({"sys/wrapping/lookup", "sys/wrapping/verify", "sys/unseal"})
"""What is asked in a body, so that no secret stands in a path, and changes nothing either.

A state that is unsealed takes no share; where it is sealed, only a mark that must go is written.
"""


class Repeated(list[str]):
    """The values of a parameter that a query names more than once."""


class Request(NamedTuple):
    """One request, immutable, free of sockets, files and HTTP objects.

    `path` has no leading slash and no `v1/`; `namespace` is "" for root, else ends in a slash; `data` is the decoded
    body, `query` the decoded query of a read; `wrap_ttl_s` is 0 for an answer that is not to be wrapped. `headers`
    holds only those that the mount lets through. `sent_headers` are all that came over HTTP, with names in lower case:
    they are for the audit alone, and no door passes them on.
    """

    operation: Operation
    path: str
    namespace: str = ""
    data: Mapping[str, Any] = NOTHING
    query: Mapping[str, Any] = NOTHING
    headers: Mapping[str, str] = NOTHING
    content_type: str = "application/json"
    token: str = ""
    wrap_ttl_s: float = 0
    wrap_format: str = ""
    remote_addr: str = ""
    sent_headers: Mapping[str, str] = NOTHING
    request_id: str = ""

    def identified(self, request_id: str) -> "Request":
        """Give the request with its id: every request comes by here, and `_replace` takes five times as long."""
        return tuple.__new__(Request, (*self[:-1], request_id))

    def __repr__(self) -> str:
        """Name the request without its token, data or query."""
        return f"Request({self.operation.value} {self.namespace}{self.path} {self.request_id})"


def only_reads(request: Request) -> bool:
    """Tell whether a request can be tried without writing anything; what it is answered by may find otherwise."""
    if request.wrap_ttl_s:
        return False
    asks = request.operation is Operation.UPDATE and request.path in _ASKED_BY_WRITING
    return asks or request.operation in READING
