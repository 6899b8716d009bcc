"""A login: the auth method says who somebody is, and the core gives the token, unless too many logins failed before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core import identity, lockouts
from vaultctl.core.exchange import context_for
from vaultctl.core.token_store import issue
from vaultctl.framework.login import LoginDenied, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.exchange import Exchange
    from vaultctl.core.mounts import Mount
    from vaultctl.framework.endpoint import Entry
    from vaultctl.logical.response import Response


def log_in(exchange: Exchange, mount: Mount, entry: Entry, fields: Mapping[str, Any]) -> Response:
    """Give the answer of a login. Raises: VaultError.

    Side effects: a login that is refused for good is no undone one: what it stored stays, and its failure is counted.
    """
    view, context, now_ns = exchange.session.view, context_for(exchange, mount), exchange.now_ns
    alias = entry.alias_of(context, fields)
    if lockouts.is_locked(view, mount, alias, now_ns):
        raise LoginDenied
    try:
        login = entry.prove(context, fields)
    except Refused as error:
        if error.counts:
            lockouts.count_failure(view, mount, alias, now_ns)
        exchange.mark = exchange.session.mark()
        raise
    lockouts.unlock(view, mount, alias)
    random = exchange.host.random
    if login.alias:
        owner = identity.entity_at_login(
            view, mount, login.alias, random=random, now_ns=now_ns, metadata=login.alias_meta
        )
        if owner.disabled:
            raise LoginDenied
        login = login._replace(entity_id=owner.id)
    return issue.log_in(exchange.session, mount, exchange.request.path, login, random=random, now_ns=now_ns)
