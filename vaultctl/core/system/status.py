"""sys/seal-status and sys/leader: what `status` shows. Both answer without a token, and without the envelope."""

from collections.abc import Mapping
from typing import Any

from vaultctl import __version__
from vaultctl.core.pipeline import SystemContext
from vaultctl.core.state import View
from vaultctl.framework.endpoint import Endpoint
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


def seal_status(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell what keeps the keys, and which state this is."""
    view: View = ctx.session.view
    header = view.header
    return Response(
        raw={
            "type": header.seal["type"],
            "initialized": True,
            "sealed": False,
            "t": 0,
            "n": 0,
            "progress": 0,
            "nonce": "",
            "version": __version__,
            "migration": False,
            "cluster_name": cluster_name(header.cluster_id),
            "cluster_id": header.cluster_id,
            "recovery_seal": False,
        }
    )


def leader(_ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """There is no other node to lead."""
    return Response(raw={"ha_enabled": False})


def cluster_name(cluster_id: str) -> str:
    """Give the name that goes with a cluster's id."""
    return "vault-cluster-" + cluster_id[:8]


ENDPOINTS = (
    Endpoint(
        "seal-status", {Operation.READ: seal_status}, "Tell how the state is sealed.", unauthenticated=True, bare=True
    ),
    Endpoint("leader", {Operation.READ: leader}, "Tell which node leads.", unauthenticated=True, bare=True),
)
