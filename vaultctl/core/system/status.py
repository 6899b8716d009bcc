"""sys/seal-status, sys/leader, sys/init and sys/ha-status: what this server is, and that it is the only one.

All but the last answer without a token, and without the envelope.
"""

import socket
from collections.abc import Mapping
from typing import Any

from vaultctl import __version__
from vaultctl.core.exchange import SystemContext
from vaultctl.core.state import View
from vaultctl.framework.endpoint import UNAVAILABLE, Endpoint
from vaultctl.logical.errors import InvalidRequest
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


def init(_ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Where there is a state, it was initialised."""
    return Response(raw={"initialized": True})


def init_again(_ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Refuse to make another state in the place of the one that is there. Raises: InvalidRequest."""
    raise InvalidRequest("Vault is already initialized")


def ha_status(_ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Name the only node. The engine does not know under which address it is reached."""
    node = {
        "hostname": socket.gethostname(),
        "api_address": "",
        "cluster_address": "",
        "active_node": True,
        "last_echo": None,
        "version": __version__,
    }
    return Response(data={"nodes": [node]})


def leader(_ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """There is no other node to lead."""
    return Response(raw={"ha_enabled": False})


def cluster_name(cluster_id: str) -> str:
    """Give the name that goes with a cluster's id."""
    return "vault-cluster-" + cluster_id[:8]


ENDPOINTS = (
    Endpoint(
        "seal-status",
        {Operation.READ: seal_status},
        "Tell how the state is sealed.",
        unauthenticated=True,
        bare=True,
        when_locked=True,
    ),
    Endpoint(
        "leader",
        {Operation.READ: leader},
        "Tell which node leads.",
        unauthenticated=True,
        bare=True,
        when_locked=True,
    ),
    Endpoint(
        "init",
        {Operation.READ: init, Operation.UPDATE: init_again},
        "Tell whether there is a state.",
        unauthenticated=True,
        bare=True,
        outside_namespaces=UNAVAILABLE,
    ),
    Endpoint("ha-status", {Operation.READ: ha_status}, "List the nodes of the cluster.", mirrored=True),
)
