"""sys/leases: what secrets engines and tokens have out on leases: look up, list, renew, revoke, count.

Source: OpenBao 2.7 for the messages. Many leases are revoked by a stored job (`core.leases.job`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from vaultctl.core import jobs, tokens
from vaultctl.core.exchange import SystemContext
from vaultctl.core.jobs import Job
from vaultctl.core.leases import issue, revoke, store
from vaultctl.core.leases import job as leases
from vaultctl.core.leases.revoke import Mode, RevocationFailed
from vaultctl.core.leases.store import Lease
from vaultctl.core.mounts import Mount, new_uuid, suffix_of
from vaultctl.core.system.disable import awaiting
from vaultctl.core.tokens import SECOND_NS, Token
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import response as answers
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, NotFound, PermissionDenied, VaultError, one_error
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

SYNC_S = 30.0
"""So long an answer waits for the revocations that it is to wait for; then it says how far they are."""

_GOES_ON = "not all is revoked yet, and the revocation goes on"
_TIDYING = (
    "Tidy operation successfully started. Any information from the operation will be printed to OpenBao's server logs."
)
_MOST_SHOWN = 10_000
"""So many irrevocable leases are shown where nobody says how many. Source: OpenBao 2.7."""


class BadLimit(VaultError):
    """How many are to be shown is no number. Source: OpenBao 2.7, with a status of 500."""


def _lease_id(fields: Mapping[str, Any]) -> str:
    """Give the id that a request names. Raises: InvalidRequest."""
    lease_id: str = fields.get("url_lease_id") or fields.get("lease_id", "")
    if not lease_id:
        raise InvalidRequest("lease_id must be specified")
    return lease_id


def _find(ctx: SystemContext, lease_id: str) -> tuple[Mount, Lease] | None:
    """Find a lease that counts as there."""
    found = store.find(ctx.session, lease_id, ctx.namespace.id)
    return found if found and store.is_shown(ctx.session.view, found[1], ctx.now_ns) else None


def _token_of(ctx: SystemContext, lease_id: str) -> Token | None:
    """Find the token whose lease has this id."""
    place = store.place_of(ctx.session, lease_id, ctx.namespace.id)
    if place is None:
        return None
    path, _, name = lease_id.rpartition("/h")
    name = name.partition(".")[0]
    token = tokens.load(ctx.session.view, name)
    is_meant = token is not None and f"{path}/h{name}" == token.lease_id and token.mount == place[0].token_source
    return token if token and is_meant and tokens.is_alive(ctx.session.view, token, ctx.now_ns / SECOND_NS) else None


def look_up(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell of a lease. Raises: InvalidRequest."""
    lease_id = _lease_id(fields)
    found = _find(ctx, lease_id)
    if found:
        return Response(data=_described(ctx, lease_id, found[0], found[1]))
    token = _token_of(ctx, lease_id)
    if token is None:
        raise InvalidRequest("invalid lease")
    return Response(data=_described_token(ctx, lease_id, token))


def _described(ctx: SystemContext, lease_id: str, mount: Mount, lease: Lease) -> dict[str, Any]:
    shown = {
        "expire_time": rfc3339(lease.expire_ns),
        "id": lease_id,
        "issue_time": rfc3339(lease.issue_ns),
        "last_renewal": rfc3339(lease.renewed_ns) if lease.renewed_ns else None,
        "path": lease_id.rpartition("/")[0],
        "renewable": lease.renewable,
        "ttl": max(0, lease.expire_ns - ctx.now_ns) // SECOND_NS,
    }
    if lease.error:
        shown["revoke_error"] = lease.error
    return _with_namespace(ctx, shown, mount.namespace)


def _described_token(ctx: SystemContext, lease_id: str, token: Token) -> dict[str, Any]:
    shown = {
        "expire_time": rfc3339(token.expire_ns) if token.expire_ns else None,
        "id": lease_id,
        "issue_time": rfc3339(token.issue_ns or token.creation_time_s * SECOND_NS),
        "last_renewal": rfc3339(token.renewed_ns) if token.renewed_ns else None,
        "path": token.path,
        "renewable": token.renewable,
        "ttl": max(0, token.expire_ns - ctx.now_ns) // SECOND_NS if token.expire_ns else 0,
    }
    return _with_namespace(ctx, shown, token.namespace)


def _with_namespace(ctx: SystemContext, shown: dict[str, Any], namespace_id: str) -> dict[str, Any]:
    namespace = ctx.session.namespaces.get(namespace_id)
    if namespace and not namespace.is_root:
        shown["namespace_path"] = namespace.path
    return dict(sorted(shown.items()))


def list_below(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """List what is leased below a path, or the mounts there. Raises: PermissionDenied."""
    if not ctx.has_sudo:
        raise PermissionDenied
    folder = _folder(fields.get("prefix", ""))
    mount = ctx.session.mounts.serving(folder, ctx.namespace.id) if folder else None
    keys = _below(ctx, mount, folder[len(mount.path) :]) if mount else _above(ctx, folder)
    return Response(data={"keys": keys}) if keys else None


def _folder(prefix: str) -> str:
    stripped = prefix.strip("/")
    return stripped + "/" if stripped else ""


def _below(ctx: SystemContext, mount: Mount, folder: str) -> list[str]:
    suffix = suffix_of(mount.namespace)
    names = ctx.session.view.list(f"{tokens.BY_MOUNT}{mount.token_source}/{folder}")
    shown = sorted(_shown(name, suffix) for name in names if _is_shown(ctx, name))
    if mount.is_auth:
        return shown
    leased = store.shown_below(ctx.session.view, mount, folder, ctx.now_ns)
    return sorted({*leased, *shown}) if shown else leased


def _shown(name: str, suffix: str) -> str:
    """Give a folder as it is, and a token, whatever else its row tells, as the end of its lease's id."""
    return name if name.endswith("/") else f"h{tokens.hash_in(name)}{suffix}"


def _is_shown(ctx: SystemContext, name: str) -> bool:
    """Tell whether what is listed of a mount's tokens is a folder, or a token that has not come to its end."""
    if name.endswith("/"):
        return True
    token = tokens.load(ctx.session.view, tokens.hash_in(name))
    return token is not None and tokens.is_alive(ctx.session.view, token, ctx.now_ns / SECOND_NS)


def _above(ctx: SystemContext, folder: str) -> list[str]:
    found = []
    for mount in ctx.session.mounts.within(ctx.namespace.id):
        name = mount.path[len(folder) :].partition("/")[0] + "/"
        if mount.path.startswith(folder) and name not in found and _below(ctx, mount, ""):
            found.append(name)
    return found


def renew(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Let a lease live on, as far as its limits allow. Raises: InvalidRequest, and what the engine raises."""
    lease_id = _lease_id(fields)
    found = _find(ctx, lease_id)
    if found is None:
        if _token_of(ctx, lease_id):
            raise InvalidRequest("tokens cannot be renewed through this endpoint")
        raise InvalidRequest("lease not found")
    mount, lease = found
    if not store.is_good(ctx.session.view, lease, ctx.now_ns):
        raise InvalidRequest("lease expired")
    if not lease.renewable:
        raise InvalidRequest("lease is not renewable")
    renewed, warnings = _renewed(ctx, mount, lease, int(fields.get("increment", 0)))
    store.replace(ctx.session.view, lease, renewed)
    shown = answers.Lease((renewed.expire_ns - ctx.now_ns) // SECOND_NS, lease_id, renewed.renewable)
    return Response(200, lease=shown, warnings=warnings)


def _renewed(ctx: SystemContext, mount: Mount, lease: Lease, increment_s: int) -> tuple[Lease, tuple[str, ...]]:
    leasing = ctx.catalogue.engine(mount.type, mount.options).leases
    wanted = answers.Lease(increment_s or lease.ttl_s, renewable=True, max_ttl_s=lease.max_ttl_s)
    if leasing and leasing.renew:
        context = revoke.context(ctx.session, mount, lease, ctx.now_ns)
        wanted = leasing.renew(context, lease.internal, increment_s)
    max_s = wanted.max_ttl_s or lease.max_ttl_s
    ttl_s, warnings = issue.capped(mount, wanted.duration_s, max_s)
    end_ns = lease.issue_ns + issue.capped(mount, 2**40, max_s)[0] * SECOND_NS
    expire_ns = min(ctx.now_ns + ttl_s * SECOND_NS, end_ns)
    renewed = lease._replace(
        expire_ns=expire_ns,
        due_ns=expire_ns,
        renewed_ns=ctx.now_ns,
        renewable=wanted.renewable,
        ttl_s=ttl_s,
        max_ttl_s=max_s,
        internal=lease.internal if wanted.internal is None else dict(wanted.internal),
    )
    return renewed, warnings


def revoke_one(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Revoke a lease; one that is not there is none the more. Raises: InvalidRequest, RevocationFailed."""
    lease_id = _lease_id(fields)
    found = store.find(ctx.session, lease_id, ctx.namespace.id)
    if found:
        mode = Mode.KEEP if fields.get("sync") else Mode.INSIST
        error = revoke.revoke(ctx.session, *found, mode, ctx.now_ns)
        if error and fields.get("sync"):
            raise RevocationFailed(f"failed to revoke {lease_id}: {error}")
        return EMPTY
    token = _token_of(ctx, lease_id)
    if token:
        from vaultctl.core.token_store import sweep

        sweep.revoke(ctx.session, token)
        sweep.go_on(ctx)
    return EMPTY


def revoke_prefix(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Revoke all leases below a path: at once, or `sync`hronously with the answer waiting for it."""
    sync = fields.get("sync", False)
    return _revoke_many(ctx, fields["prefix"], Mode.KEEP if sync else Mode.INSIST, waits=sync)


def revoke_force(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Drop all leases below a path, whether what they stand for can be taken back or not."""
    return _revoke_many(ctx, fields["prefix"], Mode.FORCE, waits=True)


def _revoke_many(ctx: SystemContext, prefix: str, mode: Mode, *, waits: bool) -> Response:
    areas = _areas(ctx, prefix)
    if not leases.has_any(ctx.session, areas):
        return revoke_one(ctx, {"lease_id": prefix.strip("/"), "sync": waits}) if mode is not Mode.FORCE else EMPTY
    params = {"areas": areas, "mode": mode}
    job = _running(ctx, params)
    if job is None:
        job = Job(new_uuid(ctx.random), leases.KIND, params, ctx.now_ns, ctx.now_ns)
        jobs.enqueue(ctx.session.view, job)
    return awaiting(job, {}, _GOES_ON, SYNC_S) if waits else EMPTY


def _running(ctx: SystemContext, params: Mapping[str, Any]) -> Job | None:
    """Find the job that was begun by the same request: asking again is asking how far it is."""
    waiting = (jobs.find(ctx.session.view, job_id) for job_id in ctx.session.view.list(jobs.ACTIVE))
    return next((job for job in waiting if job and job.kind == leases.KIND and job.params == params), None)


def _areas(ctx: SystemContext, prefix: str) -> list[list[str]]:
    """Give the part of one mount that a path means, or the mounts below it."""
    folder = _folder(prefix)
    mount = ctx.session.mounts.serving(folder, ctx.namespace.id)
    if mount:
        return [[mount.uuid, folder[len(mount.path) :]]]
    below = ctx.session.mounts.within(ctx.namespace.id)
    return [[mount.uuid, ""] for mount in below if mount.path.startswith(folder)]


def tidy(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Revoke all that is due."""
    if store.is_due(ctx.session.view, ctx.now_ns):
        jobs.enqueue(ctx.session.view, Job(new_uuid(ctx.random), leases.KIND, {}, ctx.now_ns, ctx.now_ns))
    return Response(status=202, warnings=(_TIDYING,))


def count(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Count the leases that could not be revoked, by mount. Raises: NotFound for leases of another type."""
    counts = Counter(mount.accessor for mount, _lease in _irrevocable(ctx, fields))
    return Response(data={"counts": dict(sorted(counts.items())), "lease_count": counts.total()})


def list_irrevocable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give the leases that could not be revoked, and why. Raises: NotFound, BadLimit."""
    found = _irrevocable(ctx, fields)
    shown = [
        {"error": lease.error, "lease_id": mount.path + lease.below, "mount_id": mount.accessor}
        for mount, lease in found[: _limit(fields)]
    ]
    return Response(data={"lease_count": len(found), "leases": shown})


def _limit(fields: Mapping[str, Any]) -> int | None:
    text = fields.get("limit", "")
    if text in ("", "none"):
        return None if text else _MOST_SHOWN
    if not text.isascii() or not text.isdigit():
        raise BadLimit(one_error(f"invalid 'limit' provided: strconv.Atoi: parsing {quoted(text)}: invalid syntax"))
    return int(text)


def _irrevocable(ctx: SystemContext, fields: Mapping[str, Any]) -> list[tuple[Mount, Lease]]:
    if fields.get("type") != "irrevocable":
        raise NotFound
    inner = fields.get("include_child_namespaces", False)
    is_meant: Callable[[str], bool] = (
        (lambda id_: id_ in {ctx.namespace.id, *(each.id for each in ctx.session.namespaces.below(ctx.namespace))})
        if inner
        else (lambda id_: id_ == ctx.namespace.id)
    )
    found = ((store.mount_of(ctx.session, lease), lease) for lease in store.irrevocable(ctx.session.view))
    return [(mount, lease) for mount, lease in found if mount and is_meant(mount.namespace)]


_LEASE_ID = {"lease_id": Field("string", "The id of the lease.")}
_URL_ID = {"url_lease_id": Field("string", "The id of the lease, in the path."), **_LEASE_ID}
_SYNC = {"sync": Field("bool", "Have the answer wait for the revocation, and tell if it fails.")}
_INCREMENT = {"increment": Field("duration", "For how long from now on; the lease's limits may allow less.")}
_PREFIX = {"prefix": Field("string", "A path: a mount's, or one below it.")}
_IRREVOCABLE = {
    "type": Field("string", "It is irrevocable: leases that could not be revoked, however often that was tried."),
    "include_child_namespaces": Field("bool", "Those of inner namespaces too."),
}
_RENEW = "Let a lease live on."
_REVOKE = "Revoke a lease: what it stands for is taken back."

ENDPOINTS = (
    Endpoint(
        "leases",
        {Operation.READ: list_irrevocable},
        "List the leases that could not be revoked.",
        fields={**_IRREVOCABLE, "limit": Field("string", "How many; none for all of them.")},
        sudo=True,
    ),
    Endpoint(
        "leases/count",
        {Operation.READ: count},
        "Count the leases that could not be revoked.",
        fields=_IRREVOCABLE,
    ),
    Endpoint(
        "leases/lookup",
        {Operation.UPDATE: look_up, Operation.LIST: list_below},
        "Tell of a lease, or list the mounts that have leases.",
        "A lease whose revocation failed says why, by its revoke_error.",
        fields=_LEASE_ID,
    ),
    Endpoint(
        "leases/lookup/{prefix*}",
        {Operation.LIST: list_below},
        "List the leases below a path.",
        fields=_PREFIX,
        sudo=True,
    ),
    Endpoint("leases/renew", {Operation.UPDATE: renew}, _RENEW, fields={**_LEASE_ID, **_INCREMENT}),
    Endpoint("leases/renew/{url_lease_id+}", {Operation.UPDATE: renew}, _RENEW, fields={**_URL_ID, **_INCREMENT}),
    Endpoint("leases/revoke", {Operation.UPDATE: revoke_one}, _REVOKE, fields={**_LEASE_ID, **_SYNC}),
    Endpoint("leases/revoke/{url_lease_id+}", {Operation.UPDATE: revoke_one}, _REVOKE, fields={**_URL_ID, **_SYNC}),
    Endpoint(
        "leases/revoke-prefix/{prefix+}",
        {Operation.UPDATE: revoke_prefix},
        "Revoke all leases below a path; below an auth method, tokens.",
        fields={**_PREFIX, **_SYNC},
        sudo=True,
    ),
    Endpoint(
        "leases/revoke-force/{prefix+}",
        {Operation.UPDATE: revoke_force},
        "Drop all leases below a path, whatever their engine says.",
        "What an engine could not take back is left to itself: it may be good as long as it lives.",
        fields=_PREFIX,
        sudo=True,
    ),
    Endpoint(
        "leases/tidy",
        {Operation.UPDATE: tidy},
        "Revoke what has expired.",
        "What has expired is also revoked by itself, bit by bit, with later writes.",
    ),
)
