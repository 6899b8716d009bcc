"""sys/internal/specs/openapi: a description of every path, made from the endpoints of the mounts that are there."""

from collections.abc import Iterator, Mapping
from typing import Any

from vaultctl import __version__
from vaultctl.core.exchange import SystemContext, endpoints_of
from vaultctl.core.system.internal_ui import anybody_sees, may_see
from vaultctl.framework import openapi
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


def read_openapi(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Describe all endpoints of the mounts that who asks may see.

    Source: OpenBao 2.7, which answers without the envelope, and without a token tells of no path.
    """
    return Response(raw=openapi.document(_mounts(ctx), version=__version__))


def _mounts(ctx: SystemContext) -> Iterator[tuple[str, str, list[Endpoint]]]:
    for mount in ctx.mounts:
        if not may_see(ctx, mount) and not anybody_sees(mount):
            continue
        if mount.type != "token" and ctx.host.kinds(mount).serves(mount.type) and not mount.tainted:
            yield mount.path, mount.type, list(endpoints_of(ctx.host, mount, ""))


ENDPOINTS = (
    Endpoint(
        "internal/specs/openapi",
        {Operation.READ: read_openapi, Operation.UPDATE: read_openapi},
        "Describe every path, as OpenAPI.",
        fields={
            "context": Field("string", "It is ignored."),
            "generic_mount_paths": Field("bool", "It is ignored: paths are those of the mounts."),
        },
        token_optional=True,
    ),
)
