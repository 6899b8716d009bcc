"""sys/remount: moving a mount, as a stored job, and how it went.

Source: the API document of /sys/remount, and OpenBao 2.7 for the order of checks and the messages. Unlike OpenBao's,
the status survives the process, says why a move failed, and the source is put back in use when one does.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.core import jobs, mounts
from vaultctl.core.exchange import SystemContext
from vaultctl.core.jobs import Job
from vaultctl.core.leases import job as leases
from vaultctl.core.leases.revoke import Mode
from vaultctl.core.mounts import Mount, MountTable, new_uuid
from vaultctl.core.namespaces import ROOT, Namespace, NamespaceTable
from vaultctl.core.session import Session
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import paths
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

KIND = "remount"
_QUEUED = (
    "Mount move has been queued. Progress will be reported in OpenBao's server log,"
    " tagged with the returned migration_id"
)


def start(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Check a move, take the source out of use, and store the job. Raises: InvalidRequest."""
    source, target = check(ctx, fields.get("from", ""), fields.get("to", ""))
    params = {
        "source": source.full_path,
        "target": target.full_path,
        "namespace": target.namespace.id,
        "path": target.path,
    }
    job = Job(new_uuid(ctx.random), KIND, params, ctx.now_ns, ctx.now_ns)
    mount = ctx.session.mounts.at(source.path, source.namespace.id)
    if mount:
        ctx.session.put_mount(mount._replace(tainted=True))
        job = job._replace(params={**params, "uuid": mount.uuid})
    jobs.enqueue(ctx.session.view, job)
    return Response(data={"migration_id": job.id}, warnings=(_QUEUED,))


class Place(NamedTuple):
    """Where a mount is, or shall be."""

    namespace: Namespace
    path: str

    @property
    def full_path(self) -> str:
        """Give the path as the root has it."""
        return self.namespace.path + self.path


def check(ctx: SystemContext, source: str, target: str) -> tuple[Place, Place]:
    """Check a move in OpenBao's order; give both places. Raises: InvalidRequest."""
    if not source or not target:
        raise InvalidRequest("both 'from' and 'to' path must be specified as a string")
    for name, path in (("from", source), ("to", target)):
        if path != path.strip():
            raise InvalidRequest(f"'{name}' path cannot contain trailing whitespace")
    namespaces, table = ctx.session.namespaces, ctx.session.mounts
    _check_target_form(namespaces, ctx.namespace, target)
    old, new = (Place(*namespaces.descend(ctx.namespace, paths.mount_path(path))) for path in (source, target))
    _check_protected(old.path, new.path)
    if not old.path or table.serving(old.path, old.namespace.id) is None:
        raise InvalidRequest(f'no matching mount at "{paths.mount_path(source)}"')
    taken = taken_at(table, new)
    if taken:
        raise InvalidRequest(f'path already in use at "{taken}"')
    return old, new


def taken_at(table: MountTable, place: Place) -> str | None:
    """Give the full path of the mount at, above or below a place. A namespace's own path is above all its mounts."""
    id_ = place.namespace.id
    found = table.conflicting(place.path, id_) if place.path else next(table.within(id_), None)
    return place.namespace.path + found.path if found else None


def _check_target_form(namespaces: NamespaceTable, namespace: Namespace, target: str) -> None:
    if target == "/" or namespaces.at(namespace.path + target) is not None:
        raise InvalidRequest(f'invalid destination mount path "{target}"')
    stripped = _within(namespaces, namespace.path + target)
    cleaned = paths.clean(stripped) if stripped else "/"
    if stripped != cleaned:
        raise InvalidRequest(f"invalid destination mount: path '{stripped}/' does not match cleaned path '{cleaned}/'")
    if not paths.is_printable(stripped):
        raise InvalidRequest("invalid destination mount: path cannot contain non-printable characters")


def _within(namespaces: NamespaceTable, full: str) -> str:
    """Give a full path as it is within the namespace that it leads to, or whole if it leaves that one on the way."""
    owner, _ = namespaces.descend(ROOT, paths.clean(full) + "/")
    within = full.removeprefix(owner.path).strip("/")
    leaves = within and paths.clean(within).partition("/")[0] in (".", "..")
    return full.strip("/") if leaves else within


def _check_protected(old: str, new: str) -> None:
    if old.startswith("auth/"):
        if not new.startswith("auth/"):
            raise InvalidRequest(f'cannot remount auth mount to non-auth mount "{new}"')
        if old.startswith("auth/token/"):
            raise InvalidRequest(f'cannot remount "{old}"')
        if new == "auth/" or new.startswith("auth/token/"):
            raise InvalidRequest(f'cannot remount to destination "{new}"')
        return
    if mounts.protects(old):
        raise InvalidRequest(f'cannot remount "{old}"')
    if mounts.protects(new):
        raise InvalidRequest(f"cannot remount to destination {new}")


def step(session: Session, job: Job) -> Job:
    """Revoke a batch of what the mount leased; after the last give it its new path.

    Its data stays where it is, under the mount's uuid. If a lease cannot be revoked, the mount stays, and is in use.
    """
    source = job.params["source"]
    mount = session.mounts.get(job.params.get("uuid", ""))
    if mount is None or _place_of(session, mount).full_path != source:
        return job.failed(f"no mount is enabled at {source} itself")
    obstacle = _obstacle(session, job)
    if obstacle:
        session.put_mount(mount._replace(tainted=False))
        return job.failed(obstacle)
    if mount.is_auth:
        mount, job = _revoke_tokens(session, mount, job)
    else:
        job = leases.go_on(session, job, [(mount.uuid, "")], Mode.KEEP)
        if job.phase != leases.REVOKED:
            return job
    if job.failures:
        session.put_mount(mount._replace(tainted=False))
        return job.failed(leases.reason(job))
    target = _target_of(job)
    session.put_mount(mount._replace(namespace=target[0], path=target[1], tainted=False))
    return job.succeeded()


def _revoke_tokens(session: Session, mount: Mount, job: Job) -> tuple[Mount, Job]:
    """Revoke what an auth method gave, all of it at once; what is left of it is removed by a job of its own.

    Batch tokens live on: nothing is stored of them. Source: OpenBao 2.7.
    """
    from hashlib import sha256

    from vaultctl.core.token_store import sweep

    count = sweep.count_of(session, mount)
    if count:
        job_id = new_uuid(lambda size: sha256(f"tokens of {job.id}".encode()).digest()[:size])
        jobs.enqueue(session.view, sweep.removal(job_id, 0, job.updated_ns))
    return sweep.revoke_source(session, mount), job._replace(done=count, total=count)


def _place_of(session: Session, mount: Mount) -> Place:
    return Place(session.namespaces.get(mount.namespace) or ROOT, mount.path)


def _target_of(job: Job) -> tuple[str, str]:
    """Give the namespace and the path; a job of a version without namespaces has the path alone."""
    return job.params.get("namespace", ROOT.id), job.params.get("path", job.params["target"])


def _obstacle(session: Session, job: Job) -> str:
    """Say why a mount cannot come to its target any more, or give ""."""
    id_, path = _target_of(job)
    namespace = session.namespaces.get(id_)
    if namespace is None or namespace.tainted:
        return f"the namespace of {job.params['target']} is gone"
    taken = taken_at(session.mounts, Place(*session.namespaces.descend(namespace, path)))
    return f"path already in use at {taken}" if taken else ""


def read_status(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Tell how a move stands."""
    job = jobs.find(ctx.session.view, fields["migration_id"])
    if job is None or job.kind != KIND:
        return None
    return Response(data={"migration_id": job.id, "migration_info": _info(job)})


def list_status(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give the history of moves, the oldest first. OpenBao has no such list."""
    moves = [job for job in jobs.history(ctx.session.view) if job.kind == KIND]
    if not moves:
        return None
    return Response(data={"keys": [job.id for job in moves], "key_info": {job.id: _info(job) for job in moves}})


def _info(job: Job) -> dict[str, Any]:
    return {
        "source_mount": job.params["source"],
        "target_mount": job.params["target"],
        "status": job.status,
        **job.describe(),
    }


ENDPOINTS = (
    Endpoint(
        "remount",
        {Operation.UPDATE: start},
        "Move a mount to another path.",
        "The data, the accessor and the configuration go with the mount. Leases and tokens that it gave out are"
        " revoked, and policies are not rewritten. The answer names a migration, whose status can be read.",
        {"from": Field("string", "The mount's path now."), "to": Field("string", "The path it shall have.")},
        sudo=True,
        mirrored=True,
    ),
    Endpoint(
        "remount/status/{migration_id+}",
        {Operation.READ: read_status},
        "Tell how a move of a mount stands.",
        "The status is in-progress, success or failure. It is kept with the state, and says why a move failed.",
        {"migration_id": Field("string", "The id that the move was answered with.")},
    ),
    Endpoint("remount/status", {Operation.LIST: list_status}, "List the moves that were made here."),
)
