"""What is remembered of wrapping tokens that are gone: for a while it can be told why one is good no more.

A row has the salted hash of the token as its name, and nothing that opens anything. It is written in the commit that
ends the token, below the ten days in which that was: so the oldest rows come first, and a token is looked for in the
few folders whose time is not over. One in sixteen new rows takes some with it of a folder whose time is over: twice as
many as come, so that they do not add up, and no request has many to remove. A row whose time is over counts as absent.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core import records, tokens
from vaultctl.core.namespaces import ROOT
from vaultctl.core.tokens import SECOND_NS

if TYPE_CHECKING:
    from vaultctl.core.session import Session
    from vaultctl.core.tokens import Token
    from vaultctl.core.views import View

PREFIX = "core/wrapping/past/"
LIVE, USED, EXPIRED, REVOKED = "live", "used", "expired", "revoked"
NEVER_HERE, WRONG_NAMESPACE = "never-here", "wrong-namespace"

_PERIOD_S = 10 * 24 * 3600
_FORGOTTEN_AT_ONCE = 32
_FORGETS = "0"
"""What begins the hash of a token whose row takes others with it."""

_MOST_NAMESPACES = 1000


class Found(NamedTuple):
    """What is known of a wrapping token. Times are nanoseconds since the epoch; `ended_ns` is 0 for one that lives."""

    state: str
    path: str = ""
    issue_ns: int = 0
    expire_ns: int = 0
    ttl_s: float = 0
    rewrapped: int = 0
    namespace: str = ""
    ended_ns: int = 0


def note_end(session: Session, token: Token, state: str) -> None:
    """Remember a token that is being removed, and why; forget some whose time is over."""
    view, now_ns = session.view, session.host.now_ns()
    ended_ns = token.expire_ns if state == EXPIRED else now_ns
    found = _described(token, state, ended_ns)
    records.save(view, _name(ended_ns // SECOND_NS // _PERIOD_S, token.id_hash), found._asdict())
    if token.id_hash.startswith(_FORGETS):
        _forget(session, now_ns)


def look_up(session: Session, text: str, now_ns: int) -> Found:
    """Tell what is known of a token by its text."""
    found = _found(session, text, now_ns)
    if found is not None:
        return found
    namespace = _home_of(session, text, now_ns)
    return Found(NEVER_HERE if namespace is None else WRONG_NAMESPACE, namespace=namespace or "")


def _found(session: Session, text: str, now_ns: int) -> Found | None:
    view, id_hash = session.view, tokens.hash_of(session.view, text)
    token = tokens.load(view, id_hash)
    if token is not None:
        if not token.is_wrapping:
            return None
        alive = token.num_uses >= 0 and tokens.is_alive(view, token, now_ns / SECOND_NS)
        state = LIVE if alive else end_of(token, now_ns)
        return _described(token, state, token.expire_ns if state == EXPIRED else 0)
    over_ns = now_ns - session.host.wrapping_history_s * SECOND_NS
    row = _row(view, id_hash, now_ns // SECOND_NS, over_ns // SECOND_NS)
    return Found(**row) if row and row["ended_ns"] > over_ns else None


def _row(view: View, id_hash: str, now_s: int, over_s: int) -> dict[str, Any] | None:
    """Read the row of a token that ended between two moments."""
    for period in range(now_s // _PERIOD_S, over_s // _PERIOD_S - 1, -1):
        row = records.load(view, _name(period, id_hash))
        if row is not None:
            return row
    return None


def _name(period: int, id_hash: str) -> str:
    return f"{PREFIX}{period:06d}/{id_hash}"


def _home_of(session: Session, text: str, now_ns: int) -> str | None:
    """Give the namespace of a token whose last part, which names it, was lost or is another's."""
    base = ".".join(text.split(".")[:2])
    for namespace in [ROOT, *session.namespaces.below(ROOT)][:_MOST_NAMESPACES]:
        whole = base if namespace.is_root else f"{base}.{namespace.id}"
        if whole != text and _found(session, whole, now_ns) is not None:
            return namespace.id
    return None


def end_of(token: Token, now_ns: int) -> str:
    """Tell why a token is good no more, or is being removed."""
    if token.num_uses < 0:
        return USED
    return EXPIRED if token.has_expired(now_ns / SECOND_NS) else REVOKED


def _described(token: Token, state: str, ended_ns: int = 0) -> Found:
    times = token.issue_ns, token.expire_ns, token.ttl_s
    return Found(state, token.path, *times, token.rewrapped, token.namespace, ended_ns)


def _forget(session: Session, now_ns: int) -> None:
    over_s = now_ns // SECOND_NS - session.host.wrapping_history_s
    until = f"{PREFIX}{over_s // _PERIOD_S:06d}/"
    for name in list(islice(session.view.below(PREFIX), _FORGOTTEN_AT_ONCE)):
        if name >= until:
            return
        session.view.delete(name)


def describe(found: Found, namespace_path: str) -> dict[str, Any]:
    """Give what the API shows."""
    from vaultctl.core.wrapping.stage import as_whole
    from vaultctl.logical.durations import rfc3339

    shown: dict[str, Any] = {"state": found.state}
    if found.path:
        shown |= {
            "creation_path": found.path,
            "creation_time": rfc3339(found.issue_ns),
            "creation_ttl": as_whole(found.ttl_s),
            "expiry_time": rfc3339(found.expire_ns),
            "rewrapped": found.rewrapped,
        }
    if found.ended_ns and found.state in (USED, REVOKED):
        shown[f"{found.state}_time"] = rfc3339(found.ended_ns)
    if found.state == WRONG_NAMESPACE:
        return {**shown, "namespace": namespace_path or "root"}
    return {**shown, "namespace": namespace_path} if namespace_path else shown
