"""sys/host-info: the machine this runs on, as far as the standard library knows it."""

import os
import platform
import shutil
from collections.abc import Mapping
from typing import Any

from vaultctl.core.exchange import SystemContext
from vaultctl.framework.endpoint import ROOT_ONLY, Endpoint
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

_PAGE, _PAGES, _FREE = "SC_PAGE_SIZE", "SC_PHYS_PAGES", "SC_AVPHYS_PAGES"


def read_host_info(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give processors, memory, the disk at the root, and the system. Names are OpenBao's."""
    names = platform.uname()
    disk = shutil.disk_usage("/")
    return Response(
        data={
            "timestamp": rfc3339(ctx.now_ns),
            "host": {
                "hostname": names.node,
                "os": names.system.lower(),
                "platform": names.system.lower(),
                "kernelVersion": names.release,
                "kernelArch": names.machine,
            },
            "cpu": [{"cpu": number, "modelName": names.processor} for number in range(os.cpu_count() or 1)],
            "memory": _memory(),
            "disk": [{"path": "/", "total": disk.total, "used": disk.used, "free": disk.free}],
        }
    )


def _memory() -> dict[str, int]:
    """Give the memory where the system tells of it; macOS does not tell what is free."""
    known = os.sysconf_names
    page_b = os.sysconf(_PAGE)
    sizes = {"total": _PAGES, "available": _FREE}
    return {name: os.sysconf(key) * page_b for name, key in sizes.items() if key in known}


ENDPOINTS = (
    Endpoint(
        "host-info",
        {Operation.READ: read_host_info},
        "Tell about the machine that this server runs on.",
        outside_namespaces=ROOT_ONLY,
    ),
)
