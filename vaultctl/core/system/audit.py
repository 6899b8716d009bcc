"""sys/audit, sys/audit-hash and sys/config/auditing: which devices record requests, and which headers of them.

Source: OpenBao 2.7 for messages and the order of checks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from vaultctl.core.audit import entries, table
from vaultctl.core.audit.table import Device, Table
from vaultctl.core.exchange import SystemContext
from vaultctl.core.mounts import new_uuid
from vaultctl.framework.endpoint import ROOT_ONLY, Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import go_bools, paths
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

_REFUSED = "cannot enable audit device via API; use declarative, config-based audit device management instead"
_SALT_B = 32


def list_devices(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give every device by its path."""
    return Response(data={device.path: _describe(device) for device in _table(ctx).devices})


def enable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Enable a device, once it has taken a test entry. Raises: InvalidRequest."""
    auditing = ctx.host.auditing
    if not auditing.rules.may_enable:
        raise InvalidRequest(_REFUSED)
    path = paths.mount_path(fields["path"])
    if _table(ctx).conflicting(path):
        raise InvalidRequest("path already in use")
    options = {name: str(value) for name, value in (fields.get("options") or {}).items()}
    type_ = fields.get("type", "")
    device = Device(
        new_uuid(ctx.random),
        path,
        type_,
        fields.get("description", ""),
        _in_place(options) if type_ == "file" else options,
        fields.get("local", False),
        ctx.random(_SALT_B).hex(),
    )
    auditing.check(device)
    try:
        _try(ctx, device)
    except InvalidRequest:
        auditing.forget(device)
        raise
    table.store_device(ctx.session.view, device)
    return EMPTY


def disable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Disable a device, if there is one."""
    device = _table(ctx).at(paths.mount_path(fields["path"]))
    if device:
        table.remove_device(ctx.session.view, device)
    return EMPTY


def hash_input(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give the HMAC that a text has in a device's entries. Raises: InvalidRequest."""
    text, path = fields.get("input", ""), paths.mount_path(fields["path"])
    if not text:
        raise InvalidRequest('the "input" parameter is empty')
    device = _table(ctx).at(path)
    if device is None:
        raise InvalidRequest(f"unknown audit backend {quoted(path)}")
    return Response(data={"hash": ctx.host.auditing.opened(device).ink.hashed(text)})


def read_headers(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give the audited headers of requests."""
    headers = _table(ctx).headers
    return Response(data={"headers": {name: {"hmac": headers[name]} for name in sorted(headers)}})


def read_header(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give one audited header, by the name that was asked for. Raises: InvalidRequest."""
    headers, name = _table(ctx).headers, fields["header"]
    if name.lower() not in headers:
        raise InvalidRequest("Could not find header in config")
    return Response(data={name: {"hmac": headers[name.lower()]}})


def write_header(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Have a header audited."""
    headers = {**_table(ctx).headers, fields["header"].lower(): fields.get("hmac", False)}
    table.store_headers(ctx.session.view, headers)
    return EMPTY


def delete_header(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Have a header audited no more."""
    headers, name = dict(_table(ctx).headers), fields["header"].lower()
    if name in headers:
        del headers[name]
        table.store_headers(ctx.session.view, headers)
    return EMPTY


def _table(ctx: SystemContext) -> Table:
    return ctx.host.auditing.table(ctx.session.view)


def _describe(device: Device) -> dict[str, Any]:
    return {
        "description": device.description,
        "local": device.local,
        "options": dict(device.options),
        "path": device.path,
        "type": device.type,
    }


def _in_place(options: Mapping[str, str]) -> dict[str, str]:
    """Give a file's options with its whole path: other processes work in other folders."""
    placed = dict(options)
    for name in ("file_path", "path"):
        if name in placed and placed[name] not in ("stdout", "discard"):
            placed[name] = os.path.abspath(placed[name]) if placed[name] else placed[name]
    return placed


def _try(ctx: SystemContext, device: Device) -> None:
    """Open a device and, unless it is told not to, write a test entry. Raises: InvalidRequest."""
    opened = ctx.host.auditing.opened(device)
    try:
        opened.sink.check()
    except OSError as error:
        cause = error.strerror or str(error)
        if device.type != "file":
            raise InvalidRequest(cause) from None
        path = device.options.get("file_path", device.options.get("path"))
        raise InvalidRequest(f"sanity check failed; unable to open {quoted(path or '')} for writing: {cause}") from None
    if device.options.get("skip_test") in go_bools.TRUE:
        return
    entry = entries.test_entry(new_uuid(ctx.random), rfc3339(ctx.now_ns))
    try:
        opened.sink.write(entries.line(entry, opened.form.prefix))
    except OSError as error:
        raise InvalidRequest(f"audit backend failed test message: {error.strerror or error}") from None


_PATH = {"path": Field("string", "The path of the device, which by custom is that of its type.")}
_HEADER = {"header": Field("string", "The name of the header; capitals do not count.")}

ENDPOINTS = (
    Endpoint(
        "audit",
        {Operation.READ: list_devices},
        "List the audit devices.",
        sudo=True,
        mirrored=True,
        outside_namespaces=ROOT_ONLY,
    ),
    Endpoint(
        "audit/{path+}",
        {Operation.UPDATE: enable, Operation.DELETE: disable},
        "Enable or disable an audit device.",
        "Every request and every answer is recorded on each device. When none of them can be written to, requests are"
        " refused. Over HTTP no device can be enabled, unless the server's config file allows it.",
        _PATH
        | {
            "type": Field("string", "file, socket or syslog."),
            "description": Field("string", "What people are told of it."),
            "options": Field("keypair", "What the type needs: file_path, or address; log_raw, hmac_accessor, mode …"),
            "local": Field("bool", "Keep it out of replication. It is stored and shown."),
        },
        sudo=True,
        outside_namespaces=ROOT_ONLY,
    ),
    Endpoint(
        "audit-hash/{path+}",
        {Operation.UPDATE: hash_input},
        "Give the HMAC that a text has on an audit device.",
        "With it one finds in a device's entries what one knows already.",
        _PATH | {"input": Field("string", "The text.")},
        mirrored=True,
        outside_namespaces=ROOT_ONLY,
    ),
    Endpoint(
        "config/auditing/request-headers",
        {Operation.READ: read_headers},
        "List the headers of requests that are audited.",
        sudo=True,
        mirrored=True,
        outside_namespaces=ROOT_ONLY,
    ),
    Endpoint(
        "config/auditing/request-headers/{header+}",
        {Operation.READ: read_header, Operation.UPDATE: write_header, Operation.DELETE: delete_header},
        "Read, write or delete a header of requests that is audited.",
        fields=_HEADER | {"hmac": Field("bool", "Whether its values are hashed.")},
        sudo=True,
        mirrored=True,
        outside_namespaces=ROOT_ONLY,
    ),
)
