"""sys/config/state/sanitized: how this server is configured, without anything secret."""

from collections.abc import Mapping
from typing import Any

from vaultctl.core.exchange import SystemContext
from vaultctl.core.views import View
from vaultctl.framework.endpoint import ROOT_ONLY, Endpoint
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


def read_sanitized(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell of the storage and the seal. What the engine does not have, or does not know, is empty."""
    view: View = ctx.session.view
    return Response(
        data={
            "api_addr": "",
            "cache_size": 0,
            "cluster_addr": "",
            "cluster_name": "",
            "default_lease_ttl": 0,
            "disable_cache": False,
            "disable_clustering": True,
            "enable_ui": False,
            "listeners": [],
            "log_level": "",
            "max_lease_ttl": 0,
            "plugin_directory": "",
            "raw_storage_endpoint": False,
            "seals": [{"type": view.header.seal["type"], "disabled": False}],
            "storage": {"type": ctx.host.storage},
        }
    )


ENDPOINTS = (
    Endpoint(
        "config/state/sanitized",
        {Operation.READ: read_sanitized},
        "Tell how this server is configured.",
        outside_namespaces=ROOT_ONLY,
    ),
)
