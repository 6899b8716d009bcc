"""sys/leader and sys/ha-status: that this server is the only one."""

import socket
from collections.abc import Mapping
from typing import Any

from vaultctl import __version__
from vaultctl.core.exchange import SystemContext
from vaultctl.framework.endpoint import Endpoint
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


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


def leader(_ctx: Any, _fields: Mapping[str, Any]) -> Response:
    """There is no other node to lead."""
    return Response(raw={"ha_enabled": False})


def cluster_name(cluster_id: str) -> str:
    """Give the name that goes with a cluster's id."""
    return "vault-cluster-" + cluster_id[:8]


ENDPOINTS = (
    Endpoint(
        "leader",
        {Operation.READ: leader},
        "Tell which node leads.",
        unauthenticated=True,
        bare=True,
        when_locked=True,
        when_sealed={Operation.READ: leader},
    ),
    Endpoint("ha-status", {Operation.READ: ha_status}, "List the nodes of the cluster.", mirrored=True),
)
