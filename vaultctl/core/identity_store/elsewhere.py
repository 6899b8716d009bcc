"""What `identity/` has elsewhere and not here: groups, OIDC, MFA, and the merging of entities. Each says so itself."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from vaultctl.core.exchange import SystemContext
from vaultctl.framework.endpoint import Endpoint
from vaultctl.logical.errors import NotOffered
from vaultctl.logical.request import Operation

_VERBS = (Operation.READ, Operation.LIST, Operation.UPDATE, Operation.DELETE)


def refuse(what: str, _ctx: SystemContext, _fields: Mapping[str, Any]) -> NoReturn:
    """Say that there is no such thing here. Raises: NotOffered."""
    raise NotOffered(f"{what} not part of vaultctl: identity/ holds the entities and aliases that logins make")


def _endpoint(pattern: str, what: str) -> Endpoint:
    return Endpoint(pattern, dict.fromkeys(_VERBS, partial(refuse, what)), f"Refused: {what} not part of vaultctl.")


ENDPOINTS = (
    *(
        _endpoint(first + rest, what)
        for first, what in (
            ("group-alias", "groups are"),
            ("group", "groups are"),
            ("lookup/group", "groups are"),
            ("mfa", "MFA is"),
            ("oidc", "OIDC is"),
        )
        for rest in ("", "/{rest*}")
    ),
    _endpoint("entity/merge", "the merging of entities is"),
)
