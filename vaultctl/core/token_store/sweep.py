"""Removing tokens, in batches of a bounded size: what was revoked, with all that descends from it, and what expired.

A token's record goes first, and with it the right of every token below it. If there are such, its name stays in the
index of ends, as one that is due since ever, until the last of them is removed. So does the name of a source of which
all tokens were revoked at once. Whoever writes next goes on; a large tree is a stored job.

Every command that unwraps imports this: what takes more than removing a token is imported where it is needed.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from vaultctl.core import tokens
from vaultctl.core.tokens import BY_EXPIRY, BY_ID, BY_MOUNT, BY_PARENT, REVOKED, SECOND_NS
from vaultctl.framework.endpoint import Endpoint
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.exchange import SystemContext
    from vaultctl.core.jobs import Job
    from vaultctl.core.mounts import Mount
    from vaultctl.core.session import Session
    from vaultctl.core.tokens import Token

KIND = "tokens"
AT_ONCE = 100
"""So many tokens are removed within a request."""

_BATCH = 500
_SOURCE = "m"
"""What a row is of in the index of ends: a source, not a token, whose names begin with a hexadecimal digit."""

_SINCE_EVER = "0" * 11
_TIDYING = (
    "Tidy operation successfully started. Any information from the operation will be printed to OpenBao's server logs."
)


def revoke(session: Session, token: Token) -> None:
    """Remove a token and all that descend from it: at once, or where they are many, bit by bit; none is good any more.

    Who calls this from a request looks afterwards whether `go_on` has something to store.
    """
    remove(session, token)
    sweep(session, 0, AT_ONCE)


def go_on(ctx: SystemContext) -> None:
    """Store a job for the descendants that are left, if there are any."""
    if tokens.is_due(ctx.session.view, 0):
        _enqueue(ctx, 0)


def remove(session: Session, token: Token) -> None:
    """Remove one token and its cubbyhole; what descends from it is noted for the next sweep, and so are its leases."""
    view = session.view
    if token.is_wrapping:
        from vaultctl.core.wrapping import past

        remove_wrapping(session, token, past.end_of(token, session.host.now_ns()))
        return
    from vaultctl.core.leases import store as leases

    cubbyhole = session.mounts.at("cubbyhole/", token.namespace)
    if cubbyhole:
        for name in list(view.below(f"{cubbyhole.storage_prefix}{token.id_hash}/")):
            view.delete(name)
    view.delete(BY_ID + token.id_hash)
    for name in tokens.index_names(token):
        view.delete(name)
    leases.note_end_of_token(view, token.id_hash)
    if view.list(f"{BY_PARENT}{token.id_hash}/", limit=1):
        view.put(f"{BY_EXPIRY}{_SINCE_EVER}-{token.id_hash}", b"")


def remove_wrapping(session: Session, token: Token, state: str) -> None:
    """Remove a wrapping token, which has a content and nothing else: it can make no token, lease or secret.

    The state tells why, as `core.wrapping.past` does.
    """
    from vaultctl.core.wrapping.past import note_end
    from vaultctl.core.wrapping.store import place_of

    for name in (BY_ID + token.id_hash, place_of(token), *tokens.index_names(token)):
        session.view.delete(name)
    note_end(session, token, state)


def orphan(session: Session, token: Token) -> None:
    """Make the children of a token nobody's."""
    view = session.view
    for child_hash in view.list(f"{BY_PARENT}{token.id_hash}/"):
        child = tokens.load(view, child_hash)
        if child:
            tokens.replace(view, child, child._replace(parent=""))


def sweep(session: Session, until_s: float, limit: int) -> int:
    """Remove at most so many of the tokens whose end is not after this moment; tell how many went."""
    view, done = session.view, 0
    while done < limit:
        rows = view.list(BY_EXPIRY, limit=limit - done)
        due = [row for row in rows if int(row.partition("-")[0]) <= until_s]
        if not due:
            break
        for row in due:
            done += _sweep_row(session, row, until_s, limit - done)
            if done >= limit:
                break
    return done


def _sweep_row(session: Session, due: str, until_s: float, limit: int) -> int:
    """Remove the token that a row is of, or what is left of its children; tell how many went."""
    name = due.partition("-")[2]
    if name.startswith(_SOURCE):
        return _sweep_source(session, due, name.removeprefix(_SOURCE), limit)
    token = tokens.load(session.view, name)
    if token is None:
        return _sweep_children(session, due, limit)
    session.view.delete(BY_EXPIRY + due)
    if not token.has_expired(until_s):
        return 0
    remove(session, token)
    return 1


def _sweep_children(session: Session, due: str, limit: int) -> int:
    """Remove children of a token that is gone, and when none is left its name."""
    view = session.view
    below = f"{BY_PARENT}{due.partition('-')[2]}/"
    children = view.list(below, limit=limit)
    for child_hash in children:
        view.delete(below + child_hash)
        child = tokens.load(view, child_hash)
        if child:
            remove(session, child)
    if not view.list(below, limit=1):
        view.delete(BY_EXPIRY + due)
    return len(children)


def revoke_source(session: Session, mount: Mount) -> Mount:
    """Revoke all tokens that an auth method gave: at once, whatever is left to be removed. Give the changed mount.

    What it gives from now on is of another source. Whoever calls this puts the mount where it belongs.
    """
    view = session.view
    if view.list(f"{BY_MOUNT}{mount.token_source}/", limit=1):
        view.put(REVOKED + mount.token_source, b"")
        view.put(f"{BY_EXPIRY}{_SINCE_EVER}-{_SOURCE}{mount.token_source}", b"")
    return mount._replace(generation=mount.generation + 1)


def count_of(session: Session, mount: Mount) -> int:
    """Count the tokens that an auth method gave, those that expired meanwhile too."""
    return session.view.count_below(f"{BY_MOUNT}{mount.token_source}/")


def _sweep_source(session: Session, due: str, source: str, limit: int) -> int:
    """Remove tokens of a source, and when none is left its name."""
    done = revoke_below(session, source, "", limit)
    if not session.view.list(f"{BY_MOUNT}{source}/", limit=1):
        session.view.delete(BY_EXPIRY + due)
        session.view.delete(REVOKED + source)
    return done


def revoke_below(session: Session, source: str, prefix: str, limit: int) -> int:
    """Revoke at most so many of a source's tokens, made at paths below it that begin so; tell how many went.

    The source is a mount's `token_source`. What descends from them is good no more, and is left to the next sweep.
    """
    found = list(islice(session.view.below(f"{BY_MOUNT}{source}/{prefix}"), limit))
    for name in found:
        token = tokens.load(session.view, tokens.hash_in(name))
        if token:
            remove(session, token)
        session.view.delete(name)
    return len(found)


def revoke_namespace(session: Session, namespace: str, limit: int) -> int:
    """Remove at most so many of the tokens and roles of a namespace; tell how many went."""
    from vaultctl.core.token_store.roles import PREFIX as ROLES

    done = 0
    for mount in session.mounts.within(namespace):
        done += revoke_below(session, mount.token_source, "", limit - done)
    for name in list(islice(session.view.below(f"{ROLES}{namespace}/"), limit - done)):
        session.view.delete(name)
        done += 1
    return done


def step(session: Session, job: Job) -> Job:
    """Remove a batch."""
    until_s = job.params["until_s"]
    job = job._replace(done=job.done + sweep(session, until_s, _BATCH), phase="removing")
    return job if tokens.is_due(session.view, until_s) else job.succeeded()


def tidy(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Remove all that has expired."""
    _enqueue(ctx, ctx.now_ns // SECOND_NS)
    return Response(status=202, warnings=(_TIDYING,))


def removal(id_: str, until_s: int, now_ns: int) -> Job:
    """Give a job that removes what came to its end by this moment; at 0 that is what was revoked."""
    from vaultctl.core.jobs import Job

    return Job(id_, KIND, {"until_s": until_s}, now_ns, now_ns)


def _enqueue(ctx: SystemContext, until_s: int) -> None:
    from vaultctl.core import jobs
    from vaultctl.core.mounts import new_uuid

    jobs.enqueue(ctx.session.view, removal(new_uuid(ctx.random), until_s, ctx.now_ns))


ENDPOINTS = (
    Endpoint(
        "tidy",
        {Operation.UPDATE: tidy},
        "Remove what is left of tokens that have expired.",
        "An expired token is good for nothing; what is left of it also goes by itself, with later writes.",
    ),
)
