"""In which namespace a request about a token is answered: in the token's own, which its last part names.

A token without one is of the root, but one that is given is looked for where the request says.

Source: OpenBao 2.7.
"""

from vaultctl.core.namespaces import ROOT
from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import READING, Request

OWN = frozenset({"auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self"})
GIVEN = frozenset({"auth/token/lookup", "auth/token/renew", "auth/token/revoke", "auth/token/revoke-orphan"})


class NoTokenGiven(VaultError):
    """What stands for a token is no text; nobody's rights are asked for first."""

    status = 403

    def __init__(self) -> None:
        super().__init__("invalid token")


def namespace_id(request: Request) -> str:
    """Give the id of the namespace that the token of a request names, or "". Raises: NoTokenGiven."""
    if request.path in OWN:
        return own_namespace_id(request)
    if request.path not in GIVEN:
        return ""
    default = request.token if request.path == "auth/token/lookup" else ""
    given = (request.query if request.operation in READING else request.data).get("token", default)
    if not isinstance(given, str):
        raise NoTokenGiven
    return _last_part(given)


def own_namespace_id(request: Request) -> str:
    """Give the id of the namespace of the token that asks."""
    return _last_part(request.token) or ROOT.id


def _last_part(token: str) -> str:
    return token[2:].partition(".")[2]
