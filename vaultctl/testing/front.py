"""The door of a vault for tests: it notes what is asked, and lets go wrong what shall go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from vaultctl.logical.door import Door
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response
    from vaultctl.testing.faults import Faults


class Asked:
    """One request, as the vault took it. What may be secret stands in `data`, `query` and `token`, not in the repr.

    `status` is that of the answer as HTTP has it, or 0 where none went out.
    """

    __slots__ = ("data", "namespace", "operation", "over_http", "path", "query", "status", "token", "wrap_ttl_s")

    def __init__(self, request: Request) -> None:
        self.operation: str = request.operation.value
        self.path = request.path
        self.namespace = request.namespace
        self.data: Mapping[str, Any] = request.data
        self.query: Mapping[str, Any] = request.query
        self.token = request.token
        self.wrap_ttl_s = request.wrap_ttl_s
        self.over_http = bool(request.remote_addr)
        self.status = 0

    def __repr__(self) -> str:
        """Name the request and what came of it."""
        return f"<{self.operation} {self.namespace}{self.path} {self.status or 'unanswered'}>"


class Closed(RuntimeError):
    """A vault is used that is over."""

    def __init__(self) -> None:
        super().__init__("this vault was closed: use it within its `with`, or before close()")


class Front:
    """Stands in front of a door, which can be exchanged."""

    def __init__(self, door: Door, faults: Faults) -> None:
        self.behind = door
        self.requests: list[Asked] = []
        self._faults = faults
        self._is_closed = False

    def close(self) -> None:
        """Answer nothing any more."""
        self._is_closed = True

    def handle(self, request: Request, /) -> Response:
        """Answer one request, or let it go wrong. Raises: VaultError, Closed."""
        if self._is_closed:
            raise Closed
        asked = Asked(request)
        self.requests.append(asked)
        try:
            response = self._faults.around(request, self.behind.handle)
        except VaultError as error:
            asked.status = 0 if self._faults.is_loss(error) else error.status
            raise
        asked.status = response.status or (204 if _is_empty(response) else 200)
        return response


def matching(requests: list[Asked], operation: str, path: str) -> list[Asked]:
    """Keep the requests for one operation, or with "*" for any, on the paths of a pattern."""
    from fnmatch import fnmatchcase

    wanted = known(operation)
    return [
        asked
        for asked in requests
        if wanted in ("*", asked.operation) and fnmatchcase(asked.namespace + asked.path, path)
    ]


def known(operation: str) -> str:
    """Give the operation that is meant, or "*" for any. Raises: ValueError."""
    if operation != "*" and operation not in tuple(Operation):
        raise ValueError(f"there is no operation {operation!r}: it is one of {', '.join(Operation)}, or *")
    return operation


def _is_empty(response: Response) -> bool:
    says = (response.data, response.raw, response.auth, response.wrap_info)
    return all(part is None for part in says) and not response.warnings
