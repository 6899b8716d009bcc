"""In which namespace a request about a token is answered: in the token's own, which its last part names.

A token without one is of the root, but one that is given is looked for where the request says.

Source: OpenBao 2.7.
"""

from vaultctl.core.namespaces import ROOT
from vaultctl.logical.request import READING, Request

OWN = frozenset({"auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self"})
GIVEN = frozenset({"auth/token/lookup", "auth/token/renew", "auth/token/revoke", "auth/token/revoke-orphan"})


def namespace_id(request: Request) -> str:
    """Give the id of the namespace that the token of a request names, or ""."""
    if request.path in OWN:
        return _last_part(request.token) or ROOT.id
    if request.path not in GIVEN:
        return ""
    given = (request.query if request.operation in READING else request.data).get("token")
    if given is None and request.path == "auth/token/lookup":
        given = request.token
    return _last_part(given) if isinstance(given, str) else ""


def _last_part(token: str) -> str:
    return token[2:].partition(".")[2]
