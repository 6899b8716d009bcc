"""sys/sealwrap/rewrap and sys/seal-backend-status: how what the seal wraps stands, and bringing it to the seal's key.

Source: Vault's API documents. OpenBao has neither. What Vault does not tell stands beside what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core import rewrap, seal_looks
from vaultctl.core.namespaces import ROOT
from vaultctl.core.state import AT_HAND
from vaultctl.crypto.seals.several import PREVIOUS
from vaultctl.framework.endpoint import UNAVAILABLE, Endpoint
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import Sealed, StateError
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, NO_BODY, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vaultctl.core.exchange import SystemContext
    from vaultctl.core.sealed import SealedContext
    from vaultctl.core.session import Session
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header


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
    view = ctx.session.view
    if ctx.host.asks_seals:
        for key_id in seal_looks.keys_of(view.seal):
            ctx.host.looks.look(view.seal, key_id)

    def ill_since_ns(key_id: str) -> int:
        return ctx.host.looks.ill_since_ns(view.seal, key_id)

    return _told(
        _described(view.seal.describe()), ill_since_ns, wraps=view.wraps, is_whole=rewrap.is_whole(ctx.session)
    )


def backend_status_sealed(ctx: SealedContext, _fields: Mapping[str, Any]) -> Response:
    """Tell the same where the seal does not give the keys. Raises: Sealed where it was not asked for them."""
    header = ctx.header
    if header is None or header.sealed or header.seal.get("type") in AT_HAND:
        raise Sealed
    seal = _found(ctx, header)

    def ill_since_ns(key_id: str) -> int:
        if seal is None:
            return ctx.now_ns
        if ctx.host.asks_seals:
            ctx.host.looks.look(seal, key_id)
        return ctx.host.looks.ill_since_ns(seal, key_id)

    described = _described(header.seal)
    return _told(described, ill_since_ns, wraps=True, is_whole=len(described) == 1)


def _found(ctx: SealedContext, header: Header) -> Seal | None:
    try:
        return ctx.state.seal_of(header)
    except StateError:
        return None


def _described(described: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give what is known of the current key, and then of the previous ones."""
    return [described, *described.get(PREVIOUS, ())]


def _told(
    described: Sequence[Mapping[str, Any]], ill_since_ns: Callable[[str], int], *, wraps: bool, is_whole: bool
) -> Response:
    backends = [
        _backend(each, ill_since_ns(str(each["key_id"])), is_previous=number > 0, wraps=wraps and not number)
        for number, each in enumerate(described)
    ]
    ill = sorted(each["unhealthy_since"] for each in backends if "unhealthy_since" in each)
    told = {"healthy": not ill, "fully_wrapped": is_whole, "backends": backends}
    return Response(raw={**told, "unhealthy_since": ill[0]} if ill else told)


def _backend(described: Mapping[str, Any], since_ns: int, *, is_previous: bool, wraps: bool) -> dict[str, Any]:
    """Give one seal: a previous one is `disabled`, which in Vault's words decrypts only."""
    told = {
        "name": str(described["type"]),
        "key_id": str(described["key_id"]),
        "healthy": not since_ns,
        "configured": True,
        "disabled": is_previous,
        "wraps": wraps,
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
        when_sealed={Operation.READ: backend_status_sealed},
    ),
)
