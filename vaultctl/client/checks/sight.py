"""Asking without being stopped by a refusal: what could not be seen is noted, and the rest is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.client.checks.report import Unseen
from vaultctl.logical.errors import NoAnswer, NotFound, NotOffered, StateError, UnsupportedOperation, VaultError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.client.client import Client

_ABSENT = frozenset({NotFound.status, UnsupportedOperation.status, NotOffered.status})
"""So a door answers that has no such thing at all."""

_BROKEN = 500


class Sight:
    """What a token sees through a door, in any namespace, and what it does not."""

    def __init__(self, client: Client, namespace: str) -> None:
        """`namespace` is the full path of the one that is worked in."""
        self._client = client
        self.namespace = namespace
        self.unseen: list[Unseen] = []
        self.has_seen = False
        """Whether anything was answered but refusals."""
        self.first_refusal: VaultError | None = None

    def look(
        self,
        verb: str,
        namespace: str,
        path: str,
        what: str,
        data: Mapping[str, Any] | None = None,
        *,
        must_be: bool = False,
    ) -> Mapping[str, Any] | None:
        """Give the data that is at a path, {} for nothing there, None for what could not be seen, which is noted.

        `what` names it for the note; without it nothing is noted. What `must_be` there is refused where it is not.
        Raises: VaultError where nobody answers.
        """
        try:
            answer = self._client.within(namespace).call(verb, path, data or {})
        except (NoAnswer, StateError):
            raise
        except VaultError as error:
            if error.status in _ABSENT and not must_be:
                return {}
            if error.status >= _BROKEN or error.status in _ABSENT:
                raise
            self.first_refusal = self.first_refusal or error
            if what:
                self.note(what, namespace + path, _words(error))
            return None
        self.has_seen = True
        return answer.data or {}

    def note(self, what: str, path: str, why: str) -> None:
        """Note what could not be seen."""
        self.unseen.append(Unseen(what, path, why))

    def keys(self, namespace: str, path: str, what: str) -> list[str] | None:
        """Give the names in a list; None for what could not be seen. Raises: VaultError where nobody answers."""
        found = self.look("LIST", namespace, path, what)
        return None if found is None else [str(key) for key in found.get("keys") or ()]


def _words(error: VaultError) -> str:
    text = "; ".join(error.errors).replace("1 error occurred:\n\t* ", "").strip()
    return text or f"status {error.status}"
