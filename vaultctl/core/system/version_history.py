"""sys/version-history: which versions worked on this state. It keeps no record of them, so there is the present one."""

from collections.abc import Mapping
from typing import Any

from vaultctl import __commit_date__, __version__
from vaultctl.core.exchange import SystemContext
from vaultctl.core.views import View
from vaultctl.framework.endpoint import Endpoint
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


def list_versions(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give the running version, as if it had made the state."""
    view: View = ctx.session.view
    info = {"commit_date": __commit_date__, "previous_version": None, "timestamp_installed": view.header.created}
    return Response(data={"keys": [__version__], "key_info": {__version__: info}})


ENDPOINTS = (Endpoint("version-history", {Operation.LIST: list_versions}, "List the versions that worked here."),)
