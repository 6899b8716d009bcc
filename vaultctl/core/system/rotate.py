"""sys/rotate, sys/rotate/config and sys/key-status: the barrier's key, and when it is replaced. Source: OpenBao 2.7.

`rotate/keyring` is another name. What is below `rotate/root` and `rotate/recovery` is in `rekey`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaultctl.core import rotation
from vaultctl.core.exchange import SystemContext
from vaultctl.core.rotation import Config
from vaultctl.framework.endpoint import Endpoint, Handler
from vaultctl.framework.fields import Field
from vaultctl.logical.durations import go_text
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response


def sealable(handler: Handler) -> Handler:
    """Give the handler for the root namespace alone: the others have no keys of their own. Source: OpenBao 2.7."""

    def handle(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
        if not ctx.namespace.is_root:
            raise InvalidRequest("namespace is not sealable")
        return handler(ctx, fields)

    return handle


def rotate(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Begin a new term of the keyring, which encrypts from now on."""
    ctx.session.transaction.rotate()
    return EMPTY


def key_status(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell which term encrypts, since when, and how often it did."""
    number, created = ctx.session.view.term
    count = ctx.session.view.header.encryptions.get(str(number), 0)
    return Response(data={"term": number, "install_time": created, "encryptions": count})


def read_config(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell when a term is replaced by itself."""
    config = rotation.load(ctx.session.view)
    interval = go_text(config.interval_s) if config.interval_s else 0
    data = {"max_operations": config.max_operations, "interval": interval, "enabled": config.enabled}
    return Response(data=data)


def write_config(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Say when a term is replaced by itself; what is not given stays. Raises: InvalidRequest."""
    config = rotation.load(ctx.session.view)
    changed = Config(
        fields.get("max_operations", config.max_operations),
        int(fields.get("interval", config.interval_s)),
        fields.get("enabled", config.enabled),
    )
    rotation.save(ctx.session.view, changed)
    return EMPTY


ENDPOINTS = (
    *(
        Endpoint(
            pattern,
            {Operation.UPDATE: sealable(rotate)},
            "Replace the key that encrypts.",
            "A new term of the keyring encrypts from now on; older ones decrypt what they encrypted.",
            sudo=True,
        )
        for pattern in ("rotate", "rotate/keyring")
    ),
    *(
        Endpoint(
            pattern,
            {Operation.READ: sealable(read_config), Operation.UPDATE: sealable(write_config)},
            "Read or say when the key that encrypts is replaced by itself.",
            fields={
                "max_operations": Field("int64", "After so many encryptions."),
                "interval": Field("duration", "At this age, at least 24h; 0 for no age."),
                "enabled": Field("bool", "Whether it is replaced by itself at all."),
            },
        )
        for pattern in ("rotate/config", "rotate/keyring/config")
    ),
    Endpoint(
        "key-status",
        {Operation.READ: sealable(key_status)},
        "Tell which key encrypts, since when, and how often it did.",
        mirrored=True,
    ),
)
