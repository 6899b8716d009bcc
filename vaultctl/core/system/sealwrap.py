"""sys/sealwrap/rewrap and sys/seal-backend-status: how what the seal wraps stands, and bringing it to the seal's key.

Source: Vault's API documents. OpenBao has neither. What Vault does not tell stands beside what it does.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.core import rewrap, seal_looks
from vaultctl.core.exchange import SystemContext
from vaultctl.core.namespaces import ROOT
from vaultctl.core.session import Session
from vaultctl.crypto.seals.several import previous_of
from vaultctl.framework.endpoint import UNAVAILABLE, Endpoint
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, NO_BODY, Response


def start(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Start a rewrap: 204, or 200 where one is running. What is to be warned of is for doors without HTTP alone."""
    if not rewrap.start(ctx.session, ctx.now_ns, ctx.random):
        return Response(200, raw=NO_BODY)
    note = _note(ctx.session)
    return EMPTY._replace(status=204, warnings=(note,)) if note else EMPTY


def read(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell of the rewrap that was started last."""
    return Response(data=told_of(ctx.session))


def told_of(session: Session) -> dict[str, Any]:
    """Give what is told of the rewrap that was started last."""
    view = session.view
    job = rewrap.newest(view)
    told: dict[str, Any] = {
        "entries": {"processed": 0, "succeeded": 0, "failed": 0},
        "is_running": False,
        "total": 0,
        "phase": "",
        "started": "",
        "updated": "",
        "error": "",
        "failed_entries": [],
        "key_id": view.seal.key_id,
        "note": _note(session),
    }
    if job:
        told |= {
            "entries": rewrap.describe(job),
            "is_running": job.status == "in-progress",
            "total": job.total,
            "phase": job.phase,
            "started": rfc3339(job.started_ns),
            "updated": rfc3339(job.updated_ns),
            "error": job.error,
            "failed_entries": [
                {"entry": name, "mount": _mount_of(session, name), "error": why} for name, why in job.failed_leases
            ],
        }
    return told


def _note(session: Session) -> str:
    """Say why no entry is wrapped, where that is so."""
    seal = session.view.seal
    if not seal.is_auto:
        return f"a {seal.kind} seal wraps no entries: those of mounts with seal_wrap are under the barrier alone"
    return "" if session.view.wraps else "disable_sealwrap is set: no entries are wrapped but the root key"


def _mount_of(session: Session, name: str) -> str:
    """Give the path of the mount that an entry belongs to, as the root has it; "" for the core's own."""
    mount = session.mounts.get(name.split("/")[1]) if name.startswith("logical/") else None
    if mount is None:
        return ""
    return (session.namespaces.get(mount.namespace) or ROOT).path + mount.path


def list_mounts(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Count, for each mount that is seal-wrapped, the entries by the key that they are under."""
    wanted, info = rewrap.Wanted(ctx.session), {}
    for mount in ctx.session.mounts:
        if mount.seal_wrap and mount.type != "system":
            path = (ctx.session.namespaces.get(mount.namespace) or ROOT).path + mount.path
            counts = rewrap.count(ctx.session, mount.storage_prefix, wanted)
            info[path] = {"type": mount.type, "accessor": mount.accessor, **counts._asdict()}
    return Response(data={"keys": sorted(info), "key_info": info}) if info else None


def backend_status(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell whether each seal can be asked, and whether all that is wrapped is under the current key.

    Anybody may ask for it, of a server again and again: it has looked at its seals before.
    """
    seal = ctx.session.view.seal
    if ctx.host.asks_seals:
        for key_id in seal_looks.keys_of(seal):
            ctx.host.looks.look(seal, key_id)
    backends = [
        _backend(ctx, key_id, kind, is_previous=key_id != seal.key_id)
        for key_id, kind in [
            (seal.key_id, seal.kind),
            *((str(each["key_id"]), str(each["type"])) for each in previous_of(seal)),
        ]
    ]
    ill = sorted(each["unhealthy_since"] for each in backends if "unhealthy_since" in each)
    told = {"healthy": not ill, "fully_wrapped": rewrap.is_whole(ctx.session), "backends": backends}
    return Response(raw={**told, "unhealthy_since": ill[0]} if ill else told)


def _backend(ctx: SystemContext, key_id: str, kind: str, *, is_previous: bool) -> dict[str, Any]:
    """Give one seal: a previous one is `disabled`, which in Vault's words decrypts only."""
    since_ns = ctx.host.looks.ill_since_ns(ctx.session.view.seal, key_id)
    told = {
        "name": kind,
        "key_id": key_id,
        "healthy": not since_ns,
        "configured": True,
        "disabled": is_previous,
        "wraps": not is_previous and ctx.session.view.wraps,
    }
    return {**told, "unhealthy_since": rfc3339(since_ns)} if since_ns else told


ENDPOINTS = (
    Endpoint(
        "sealwrap/rewrap",
        {Operation.READ: read, Operation.UPDATE: start},
        "Bring every seal-wrapped entry to the seal's current key.",
        "A write starts it: 204, or 200 where it is running. A read tells how far it is, and what failed.",
        outside_namespaces=UNAVAILABLE,
    ),
    Endpoint(
        "sealwrap/mounts",
        {Operation.LIST: list_mounts},
        "Count the entries of each seal-wrapped mount, by the key that they are under.",
        outside_namespaces=UNAVAILABLE,
    ),
    Endpoint(
        "seal-backend-status",
        {Operation.READ: backend_status},
        "Tell whether each seal can be asked.",
        unauthenticated=True,
        outside_namespaces=UNAVAILABLE,
    ),
)
