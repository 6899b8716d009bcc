"""sys/health: whether this server takes requests, for load balancers, which choose the status code themselves.

Source: OpenBao 2.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaultctl import __version__
from vaultctl.core.system.status import cluster_name
from vaultctl.framework.endpoint import UNAVAILABLE, Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import go_bools
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from vaultctl.core.exchange import SystemContext
    from vaultctl.core.sealed import SealedContext
    from vaultctl.core.views import View

_CODES = ("activecode", "sealedcode", "standbycode", "uninitcode")


def read_health(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell that all is well, with the status that was asked for. Raises: InvalidRequest, which has no text."""
    codes = _codes(fields)
    view: View = ctx.session.view
    header = view.header
    return Response(
        codes.get("activecode", 200),
        raw={
            "initialized": True,
            "sealed": False,
            "standby": False,
            "replication_performance_mode": "disabled",
            "replication_dr_mode": "disabled",
            "server_time_utc": ctx.now_ns // 1_000_000_000,
            "version": __version__,
            "cluster_name": cluster_name(header.cluster_id),
            "cluster_id": header.cluster_id,
        },
    )


def read_health_sealed(ctx: SealedContext, fields: Mapping[str, Any]) -> Response:
    """Tell that no request is taken, with the status that was asked for. Raises: InvalidRequest, which has no text."""
    codes, is_there = _codes(fields), ctx.header is not None
    return Response(
        codes.get("sealedcode", 503) if is_there else codes.get("uninitcode", 501),
        raw={
            "initialized": is_there,
            "sealed": True,
            "standby": True,
            "replication_performance_mode": "unknown",
            "replication_dr_mode": "unknown",
            "server_time_utc": ctx.now_ns // 1_000_000_000,
            "version": __version__,
        },
    )


def _codes(fields: Mapping[str, Any]) -> dict[str, int]:
    """Read the statuses that were asked for. Raises: InvalidRequest."""
    codes = {name: _code(str(fields[name])) for name in _CODES if name in fields}
    if fields.get("standbyok", "") not in {"", *go_bools.TRUE, *go_bools.FALSE}:
        raise InvalidRequest
    return codes


def _code(text: str) -> int:
    """Read a status that HTTP has; OpenBao itself falls over others."""
    if not (text.isascii() and text.isdigit() and len(text) == 3 and int(text) >= 200):
        raise InvalidRequest
    return int(text)


ENDPOINTS = (
    Endpoint(
        "health",
        {Operation.READ: read_health, Operation.HEAD: read_health},
        "Tell whether this server takes requests.",
        fields={
            **{name: Field("string", "The status to answer with, instead of the usual one.") for name in _CODES},
            "standbyok": Field("string", "Whether a standby is as good as the active node; there is none."),
        },
        unauthenticated=True,
        bare=True,
        outside_namespaces=UNAVAILABLE,
        when_sealed={Operation.READ: read_health_sealed, Operation.HEAD: read_health_sealed},
    ),
)
