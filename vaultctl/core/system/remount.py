"""sys/remount: moving a mount, as a stored job, and how it went.

Source: the API document of /sys/remount, and OpenBao 2.7 for the order of checks and the messages. Unlike OpenBao's,
the status survives the process, says why a move failed, and the source is put back in use when one does.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.core import jobs
from vaultctl.core.exchange import SystemContext
from vaultctl.core.jobs import Job
from vaultctl.core.leases import job as leases
from vaultctl.core.leases.revoke import Mode
from vaultctl.core.mounts import Mount, new_uuid
from vaultctl.core.namespaces import ROOT, Namespace
from vaultctl.core.session import Session
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import remounting
from vaultctl.logical.errors import VaultError
from vaultctl.logical.remounting import Place
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

KIND = "remount"
_QUEUED = (
    "Mount move has been queued. Progress will be reported in OpenBao's server log,"
    " tagged with the returned migration_id"
)


def start(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Check a move, take the source out of use, and store the job. Raises: InvalidRequest."""
    tables = _Tables(ctx.session)
    source, target = remounting.check(tables, ctx.namespace.path, fields.get("from", ""), fields.get("to", ""))
    params: dict[str, Any] = {
        "source": source.full_path,
        "target": target.full_path,
        "namespace": _id_of(ctx.session, target),
        "path": target.path,
    }
    if fields.get("rewrite_policies"):
        from vaultctl.core.policies import moved

        params["policies"] = moved.admitted(ctx, source, target)
    job = Job(new_uuid(ctx.random), KIND, params, ctx.now_ns, ctx.now_ns)
    mount = ctx.session.mounts.at(source.path, _id_of(ctx.session, source))
    if mount:
        ctx.session.put_mount(mount._replace(tainted=True))
        job = job._replace(params={**params, "uuid": mount.uuid})
    jobs.enqueue(ctx.session.view, job)
    return Response(data={"migration_id": job.id, **_taken_along(ctx, job)}, warnings=(_QUEUED,))


class _Tables:
    """The landscape of a session: its namespaces and mounts."""

    def __init__(self, session: Session) -> None:
        self._namespaces = session.namespaces
        self._mounts = session.mounts

    def has_namespace(self, full: str) -> bool:
        return self._namespaces.at(full) is not None

    def descend(self, namespace: str, path: str) -> tuple[str, str]:
        found, rest = self._namespaces.descend(self._at(namespace), path)
        return found.path, rest

    def serving(self, place: Place) -> bool:
        return self._mounts.serving(place.path, self._at(place.namespace).id) is not None

    def taken(self, place: Place) -> str | None:
        id_ = self._at(place.namespace).id
        found = self._mounts.conflicting(place.path, id_) if place.path else next(self._mounts.within(id_), None)
        return place.namespace + found.path if found else None

    def _at(self, namespace: str) -> Namespace:
        return self._namespaces.at(namespace) or ROOT


def step(session: Session, job: Job) -> Job:
    """Revoke a batch of what the mount leased; after the last give it its new path.

    Its data stays where it is, under the mount's uuid. If a lease cannot be revoked, the mount stays, and is in use.
    """
    source = job.params["source"]
    mount = session.mounts.get(job.params.get("uuid", ""))
    if mount is None or _place_of(session, mount).full_path != source:
        return job.failed(remounting.no_mount(Place("", source)))
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
        mount = session.mounts.get(mount.uuid) or mount  # it is another one where all its leases ended at once
    if job.failures:
        session.put_mount(mount._replace(tainted=False))
        return job.failed(leases.reason(job))
    target = _target_of(job)
    if job.params.get("policies"):
        problem = _rewrite_policies(session, mount, job)
        if problem:
            session.put_mount(mount._replace(tainted=False))
            return job.failed(problem)
    session.put_mount(mount._replace(namespace=target[0], path=target[1], tainted=False))
    return job.succeeded()


def _rewrite_policies(session: Session, mount: Mount, job: Job) -> str:
    """Rewrite the policies that the move takes along, all of them; or say why one of them cannot be, and none is."""
    from vaultctl.core.policies import moved

    namespace = session.namespaces.get(_target_of(job)[0]) or ROOT
    target = Place(namespace.path, _target_of(job)[1])
    try:
        moved.rewrite(session, job.params["policies"], _place_of(session, mount), target)
    except VaultError as error:
        return f"a policy cannot be rewritten: {'; '.join(error.errors)}"
    return ""


def _id_of(session: Session, place: Place) -> str:
    return (session.namespaces.at(place.namespace) or ROOT).id


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
    return Place((session.namespaces.get(mount.namespace) or ROOT).path, mount.path)


def _target_of(job: Job) -> tuple[str, str]:
    """Give the namespace and the path; a job of a version without namespaces has the path alone."""
    return job.params.get("namespace", ROOT.id), job.params.get("path", job.params["target"])


def _obstacle(session: Session, job: Job) -> str:
    """Say why a mount cannot come to its target any more, or give ""."""
    id_, path = _target_of(job)
    namespace = session.namespaces.get(id_)
    if namespace is None or namespace.tainted:
        return f"the namespace of {job.params['target']} is gone"
    tables = _Tables(session)
    taken = tables.taken(Place(*tables.descend(namespace.path, path)))
    return f"path already in use at {taken}" if taken else ""


def read_status(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Tell how a move stands: whoever has the id, as OpenBao does; the rest where the move comes from or goes to."""
    job = jobs.find(ctx.session.view, fields["migration_id"])
    if job is None or job.kind != KIND:
        return None
    return Response(data={"migration_id": job.id, "migration_info": _info(ctx, job)})


def list_status(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give the moves from or to the namespace, or what is in it, the oldest first. OpenBao has no such list."""
    moves = [job for job in jobs.history(ctx.session.view) if job.kind == KIND and _touches(job, ctx.namespace)]
    if not moves:
        return None
    return Response(data={"keys": [job.id for job in moves], "key_info": {job.id: _info(ctx, job) for job in moves}})


def _touches(job: Job, namespace: Namespace) -> bool:
    return any(job.params[place].startswith(namespace.path) for place in ("source", "target"))


def _info(ctx: SystemContext, job: Job) -> dict[str, Any]:
    told = {"source_mount": job.params["source"], "target_mount": job.params["target"], "status": job.status}
    return {**told, **job.describe(), **_taken_along(ctx, job)} if _touches(job, ctx.namespace) else told


def _taken_along(ctx: SystemContext, job: Job) -> dict[str, list[str]]:
    """Name the policies that a move takes along, in full, where that was asked for, but for those above the token."""
    if "policies" not in job.params:
        return {}
    own = ctx.session.namespaces.get(ctx.token.namespace) if ctx.token else None
    found = [policy for policy in job.params["policies"] if own and policy["namespace"].startswith(own.path)]
    return {"policies": [policy["namespace"] + policy["name"] for policy in found]}


ENDPOINTS = (
    Endpoint(
        "remount",
        {Operation.UPDATE: start},
        "Move a mount to another path.",
        "The data, the accessor and the configuration go with the mount. Leases and tokens that it gave out are"
        " revoked, and policies are rewritten only where that is asked for. The answer names a migration, whose status"
        " can be read.",
        {
            "from": Field("string", "The mount's path now."),
            "to": Field("string", "The path it shall have."),
            "rewrite_policies": Field(
                "bool", "Have the policies that spell the old path out say the new one, all of them with the move."
            ),
        },
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
