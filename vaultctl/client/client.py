"""A door, with the token and the namespace to use on it."""

from collections.abc import Mapping
from typing import Any, Self

from vaultctl.logical import paths
from vaultctl.logical.door import Door
from vaultctl.logical.errors import NotFound, VaultError
from vaultctl.logical.request import MERGE_PATCH, NOTHING, Operation, Request
from vaultctl.logical.response import Response

_OPERATIONS = {
    "GET": Operation.READ,
    "LIST": Operation.LIST,
    "SCAN": Operation.SCAN,
    "POST": Operation.UPDATE,
    "PUT": Operation.UPDATE,
    "PATCH": Operation.PATCH,
    "DELETE": Operation.DELETE,
    "HELP": Operation.HELP,
}
"""Verbs as messages show them, and what they ask for."""


class Client:
    """Asks a door, and notes on each refusal what was asked."""

    def __init__(self, door: Door, *, token: str = "", namespace: str = "") -> None:
        self._door = door
        self._token = token
        self._namespace = namespace

    def call(
        self, verb: str, path: str, data: Mapping[str, Any] = NOTHING, *, query: Mapping[str, Any] = NOTHING
    ) -> Response:
        """Ask for one operation. Raises: VaultError, with `asked` set."""
        cleaned = self.cleaned(path)
        request = Request(_OPERATIONS[verb], cleaned, self._namespace, data=data, query=query, token=self._token)
        if verb == "PATCH":
            request = request._replace(content_type=MERGE_PATCH)
        try:
            return self._door.handle(request)
        except VaultError as error:
            error.asked = (verb, cleaned, query)
            raise

    def with_token(self, token: str) -> Self:
        """Give the same client with another token."""
        from copy import copy

        other = copy(self)
        other._token = token
        return other

    def within(self, namespace: str) -> Self:
        """Give the same client in another namespace, which is named in full."""
        from copy import copy

        other = copy(self)
        other._namespace = namespace
        return other

    @staticmethod
    def cleaned(path: str) -> str:
        """Give a path as it is asked for."""
        return paths.clean(path) if path.strip("/") else ""

    def find(self, verb: str, path: str, *, query: Mapping[str, Any] = NOTHING) -> Response | None:
        """Read or list, with None for what is not there. Raises: VaultError."""
        try:
            return self.call(verb, path, query=query)
        except VaultError as error:
            if error.status != NotFound.status:
                raise
            if not error.data and not error.warnings:
                return None
            return Response(404, error.data, warnings=error.warnings, request_id=error.request_id)
