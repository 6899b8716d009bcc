"""What `identity/` has elsewhere and not here: groups, OIDC, MFA, and the merging of entities. Each says so itself.

There are no groups, and who only looks for them is told just that.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from vaultctl.core.exchange import SystemContext
from vaultctl.framework.endpoint import Endpoint, Handler
from vaultctl.logical.errors import NotOffered
from vaultctl.logical.request import Operation

_LOOKING = (Operation.READ, Operation.LIST, Operation.DELETE)
_VERBS = (*_LOOKING, Operation.UPDATE)


def refuse(what: str, _ctx: SystemContext, _fields: Mapping[str, Any]) -> NoReturn:
    """Say that there is no such thing here. Raises: NotOffered."""
    raise NotOffered(f"{what} not part of vaultctl: identity/ holds the entities and aliases that logins make")


def find_none(_ctx: SystemContext, _fields: Mapping[str, Any]) -> None:
    """Say that nothing is there."""


def _endpoint(pattern: str, what: str, looking: Handler | None = None) -> Endpoint:
    refusing: Handler = partial(refuse, what)
    handlers = dict.fromkeys(_VERBS, refusing)
    if looking:
        handlers |= dict.fromkeys(_LOOKING, looking)
    return Endpoint(pattern, handlers, f"What is here of other servers: {what} not part of vaultctl.")


_GROUPS = "groups are"

ENDPOINTS = (
    *(
        _endpoint(f"{first}/{by}{rest}", _GROUPS, find_none)
        for first, by in (("group-alias", "id"), ("group", "id"), ("group", "name"))
        for rest in ("", "/", "/{rest+}")
    ),
    *(_endpoint(pattern, _GROUPS) for pattern in ("group-alias", "group", "lookup/group")),
    *(
        _endpoint(first + rest, what)
        for first, what in (("mfa", "MFA is"), ("oidc", "OIDC is"))
        for rest in ("", "/{rest*}")
    ),
    _endpoint("entity/merge", "the merging of entities is"),
)
