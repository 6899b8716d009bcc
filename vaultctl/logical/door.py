"""The one method that the engine in the process, a remote cluster and every test double share."""

from typing import Protocol

from vaultctl.logical.request import Request
from vaultctl.logical.response import Response


class Door(Protocol):
    """Where requests go."""

    def handle(self, request: Request, /) -> Response:
        """Answer one request.

        Raises: VaultError, whatever the reason.
        """
        ...
