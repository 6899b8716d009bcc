"""Which of a token's policies let a request in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.core.namespaces import ROOT
from vaultctl.core.policies import admission
from vaultctl.logical.request import LISTING, Operation

if TYPE_CHECKING:
    from vaultctl.core.exchange import Exchange
    from vaultctl.core.tokens import Token

_CAPABILITIES = {
    Operation.READ: {"read"},
    Operation.HEAD: {"read"},
    Operation.LIST: {"list"},
    Operation.SCAN: {"scan"},
    Operation.UPDATE: {"update", "create"},
    Operation.PATCH: {"patch"},
    Operation.DELETE: {"delete"},
}


def granting(exchange: Exchange, token: Token) -> list[dict[str, str]]:
    """Name the policies whose rule for the deciding path has a capability that counted."""
    return [{"name": name, "namespace_id": token.namespace, "type": "acl"} for name in _names(exchange, token)]


def _names(exchange: Exchange, token: Token) -> list[str]:
    session, operation = exchange.session, exchange.request.operation
    if (token.is_root and token.namespace == ROOT.id) or admission.is_root_in(session, token, exchange.namespace):
        return ["root"]
    own = session.namespaces.get(token.namespace)
    if own is None or operation not in _CAPABILITIES:
        return []
    listing, now_s = operation in LISTING, exchange.now_ns / 1e9
    path = exchange.namespace.path + exchange.request.path
    if listing and not path.endswith("/"):
        path += "/"
    who = admission.who_in(session, token)
    names = admission.policies_of(token, who)
    deciding = session.acl(own, names, now_s, who).at(path, listing=listing)
    if deciding is None:
        return []
    alone = {name: session.acl(own, (name,), now_s, who).same_place(deciding) for name in names}
    return [name for name, rules in alone.items() if rules and rules.capabilities & _CAPABILITIES[operation]]
