"""sys/namespaces: the life of a namespace: create, read, list, change, lock, delete.

A namespace begins with mounts of its own. Deleting one takes all of it away, as a stored job. Source: OpenBao 2.7 for
messages and the order of checks.
"""

from collections.abc import Mapping
from hmac import compare_digest
from itertools import islice
from typing import Any

from vaultctl.core import jobs, mounts
from vaultctl.core.exchange import SystemContext
from vaultctl.core.jobs import Job
from vaultctl.core.leases import job as leases
from vaultctl.core.leases.revoke import Mode
from vaultctl.core.letters import random_text
from vaultctl.core.mounts import new_uuid
from vaultctl.core.namespaces import Namespace
from vaultctl.core.session import Session
from vaultctl.crypto.aead import hmac_sha256
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field, go_type
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

KIND = "namespace"
BATCH = 1000
"""So many entries are deleted in one step."""

_POLICIES = ("core/policies/acl/", "core/policies/password/")
"""What stands in front of a namespace's id in the names of its policies."""

_DELETING = "deleting"
_RESERVED = frozenset({"root", "sys", "audit", "auth", "cubbyhole", "identity"})
_ID_LENGTH, _KEY_LENGTH = 6, 24


def create(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a namespace; one that is there gets the metadata. Raises: InvalidRequest."""
    name = _name(fields["path"])
    metadata = fields.get("custom_metadata", {})
    if any(not isinstance(value, str) for value in metadata.values()):
        raise InvalidRequest("custom_metadata values must be strings")
    found = _find(ctx, name)
    if found is None:
        _check_new(ctx, name)
        path = ctx.namespace.path + name + "/"
        found = Namespace(random_text(ctx.random, _ID_LENGTH), new_uuid(ctx.random), path)
        for mount in mounts.built_in(ctx.random, found.id):
            ctx.session.put_mount(mount)
    changed = found._replace(custom_metadata=dict(metadata))
    ctx.session.put_namespace(changed)
    return Response(data=_describe(changed))


def _name(name: str) -> str:
    """Give the name without slashes around it; check what no namespace is called. Raises: InvalidRequest."""
    name = name.removeprefix("/").rstrip("/")
    if name in _RESERVED:
        raise InvalidRequest(f'"{name}/" is a reserved path and cannot be used as a namespace name')
    if "/" in name:
        raise InvalidRequest("namespace name cannot contain /")
    return name


def _check_new(ctx: SystemContext, name: str) -> None:
    """Check what no new namespace can be called. Raises: InvalidRequest."""
    if " " in name:
        raise InvalidRequest(f"{quoted(name)} contains space characters that cannot be used in a namespace name")
    for character in "+*":
        if character in name:
            raise InvalidRequest(
                f"{quoted(name)} contains wildcard characters that cannot be used in a namespace name: '{character}'"
            )
    if ctx.session.namespaces.at(f"{ctx.namespace.path}{name}/"):
        raise InvalidRequest(f"the namespace {name}/ is being deleted")
    taken = ctx.mounts.conflicting(name + "/")
    if taken:
        raise InvalidRequest(f"new namespace conflicts with existing mount: {taken.path}")


def _find(ctx: SystemContext, name: str) -> Namespace | None:
    """Find a namespace in the one of the request; one that is being deleted counts as absent."""
    found = ctx.session.namespaces.at(f"{ctx.namespace.path}{name.strip('/')}/")
    return None if found is None or found.tainted or found.is_root else found


def _describe(namespace: Namespace) -> dict[str, Any]:
    return {
        "custom_metadata": dict(sorted(namespace.custom_metadata.items())),
        "id": namespace.id,
        "locked": bool(namespace.lock),
        "path": namespace.path,
        "tainted": namespace.tainted,
        "uuid": namespace.uuid,
    }


def read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give one namespace. Raises: InvalidRequest."""
    found = _find(ctx, _name(fields["path"]))
    return Response(data=_describe(found)) if found else None


def patch(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Change the metadata: a null takes a key away. Raises: InvalidRequest."""
    found = _find(ctx, _name(fields["path"]))
    if found is None:
        raise InvalidRequest("namespace not found")
    changes = fields.get("custom_metadata", {})
    for value in changes.values():
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"metadata patch can only have string or null values, got {go_type(value)}")
    merged = {**found.custom_metadata, **changes}
    changed = found._replace(custom_metadata={key: value for key, value in merged.items() if value is not None})
    ctx.session.put_namespace(changed)
    return Response(data=_describe(changed))


def list_children(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """List the namespaces that are directly in this one."""
    return _listing(ctx, ctx.session.namespaces.children(ctx.namespace))


def scan(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """List all that are in this one, however deep. Source: OpenBao 2.7, whose answer is empty where there are none."""
    return _listing(ctx, ctx.session.namespaces.below(ctx.namespace)) or Response(data={})


def _listing(ctx: SystemContext, found: list[Namespace]) -> Response | None:
    named = {one.path[len(ctx.namespace.path) :]: _describe(one) for one in found if not one.tainted}
    return Response(data={"keys": list(named), "key_info": named}) if named else None


def delete(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Begin to delete a namespace with all that it holds. Raises: InvalidRequest."""
    found = _find(ctx, _name(fields["path"]))
    if found is None:
        return Response(status=200, warnings=("requested namespace does not exist",))
    if ctx.session.namespaces.below(found):
        raise InvalidRequest("unable to delete namespace containing child namespaces")
    ctx.session.put_namespace(found._replace(tainted=True))
    jobs.enqueue(ctx.session.view, Job(new_uuid(ctx.random), KIND, {"id": found.id}, ctx.now_ns, ctx.now_ns))
    return Response(data={"status": "in-progress"})


def step(session: Session, job: Job) -> Job:
    """Take away a batch of what a namespace holds: tokens, mounts after their data, policies, and at last itself."""
    from vaultctl.core import identity, lockouts, quotas
    from vaultctl.core.token_store import sweep

    namespace = session.namespaces.get(job.params["id"])
    if namespace is None:
        return job.succeeded()
    if job.phase not in (leases.REVOKED, _DELETING):
        areas = [(mount.uuid, "") for mount in session.mounts.within(namespace.id) if not mount.is_auth]
        job = leases.go_on(session, job, areas, Mode.KEEP)
        if job.failures and job.phase == leases.REVOKED:
            session.put_namespace(namespace._replace(tainted=False))
            return job.failed(leases.reason(job))
        if job.phase != leases.REVOKED or job.done:
            return job
    left = BATCH - sweep.revoke_namespace(session, namespace.id, BATCH)
    if not left:
        return job._replace(phase=_DELETING, done=job.done + BATCH)
    for mount in list(session.mounts.within(namespace.id)):
        left -= _clear(session, mount.storage_prefix, left)
        left -= _clear(session, mount.leased_prefix, left)
        left -= _clear(session, f"{lockouts.PREFIX}{mount.uuid}/", left)
        if not left:
            return job._replace(phase=_DELETING, done=job.done + BATCH)
        quotas.forget_mount(session.view, mount)
        session.remove_mount(mount)
    for kind in (*_POLICIES, *identity.TABLES):
        left -= _clear(session, f"{kind}{namespace.id}/", left)
        if not left:
            return job._replace(phase=_DELETING, done=job.done + BATCH)
    quotas.forget_namespace(session.view, namespace.id)
    session.remove_namespace(namespace)
    return job._replace(done=job.done + BATCH - left).succeeded()


def _clear(session: Session, prefix: str, most: int) -> int:
    """Delete so many entries below a prefix at most; tell how many."""
    names = list(islice(session.view.below(prefix), most))
    for name in names:
        session.view.delete(name)
    return len(names)


def lock(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Lock the API of a namespace, and of those in it; the answer has the key to unlock it. Raises: InvalidRequest."""
    found = _to_lock(ctx, fields)
    locked = ctx.session.namespaces.locked(found)
    if locked is found:
        raise InvalidRequest(f"cannot lock namespace {quoted(found.path)}: is already locked")
    if locked:
        raise InvalidRequest(
            f"cannot lock namespace {quoted(found.path)}: ancestor namespace {quoted(locked.path)} is already locked"
        )
    key = random_text(ctx.random, _KEY_LENGTH)
    ctx.session.put_namespace(found._replace(lock=_fingerprint(found, key)))
    return Response(data={"unlock_key": key})


def unlock(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Unlock a namespace by its key, or without one by the right of sudo. Raises: InvalidRequest."""
    found = _to_lock(ctx, fields)
    if not found.lock:
        raise InvalidRequest(f"namespace {quoted(found.path)} is not locked")
    key = fields.get("unlock_key", "")
    if key and not compare_digest(_fingerprint(found, key), found.lock):
        raise InvalidRequest("incorrect unlock key")
    ctx.session.put_namespace(found._replace(lock=""))
    return None if key else Response(status=200, warnings=("Namespace unlocked using sudo capabilities",))


def _to_lock(ctx: SystemContext, fields: Mapping[str, Any]) -> Namespace:
    """Find the namespace that is named, or the request's own. Raises: InvalidRequest."""
    path = fields.get("path", "")
    if not path and ctx.namespace.is_root:
        raise InvalidRequest("root namespace cannot be locked/unlocked")
    found = _find(ctx, path) if path else ctx.namespace
    if found is None:
        raise InvalidRequest("requested namespace does not exist")
    return found


def _fingerprint(namespace: Namespace, key: str) -> str:
    """Give what is kept of a key. It is random and long, so that nothing slower is needed."""
    return hmac_sha256(namespace.uuid.encode(), key.encode("utf-8", "surrogatepass")).hex()


_PATH = {"path": Field("string", "The name of the namespace.")}
_LOCKED = {"path": Field("string", "The path of the namespace; by default the request's own.")}
_KEY = {"unlock_key": Field("string", "The key that locking it gave; without one the right of sudo is needed.")}
_LOCK_HELP = "Nothing in a locked namespace answers, but for the unlocking itself and the status of the server."

ENDPOINTS = (
    *(
        Endpoint(
            pattern,
            {Operation.LIST: list_children, Operation.SCAN: scan},
            "List the namespaces in this one.",
            "A LIST gives those that are directly in it, a SCAN all of them.",
        )
        for pattern in ("namespaces", "namespaces/")
    ),
    Endpoint(
        "namespaces/api-lock/lock", {Operation.UPDATE: lock}, "Lock the API of this namespace.", _LOCK_HELP, sudo=True
    ),
    Endpoint(
        "namespaces/api-lock/lock/{path+}",
        {Operation.UPDATE: lock},
        "Lock the API of a namespace.",
        _LOCK_HELP,
        _LOCKED,
        sudo=True,
    ),
    Endpoint(
        "namespaces/api-lock/unlock",
        {Operation.UPDATE: unlock},
        "Unlock the API of this namespace.",
        fields=_KEY,
        when_locked=True,
    ),
    Endpoint(
        "namespaces/api-lock/unlock/{path+}",
        {Operation.UPDATE: unlock},
        "Unlock the API of a namespace.",
        fields=_LOCKED | _KEY,
    ),
    Endpoint(
        "namespaces/{path+}",
        {Operation.READ: read, Operation.UPDATE: create, Operation.PATCH: patch, Operation.DELETE: delete},
        "Create, read, change or delete a namespace.",
        "A namespace has mounts, policies and tokens of its own. Deleting it takes all of them away.",
        _PATH | {"custom_metadata": Field("map", "Any texts by name.")},
    ),
)
