"""sys/policies/password: how passwords are made, and a password made so. Source: OpenBao 2.7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaultctl.core import records
from vaultctl.core.exchange import SystemContext
from vaultctl.core.policies import passwords
from vaultctl.core.policies.store import decoded, in_order
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest, VaultError, one_error
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

PREFIX = "core/policies/password/"


class NoPolicy(VaultError):
    """No password policy of that name. Source: OpenBao 2.7, 404 with a text."""

    status = 404


def read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give a password policy's text. Raises: NoPolicy."""
    return Response(data={"policy": _text(ctx, fields["name"])})


def write(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Store a password policy. Raises: InvalidRequest for one that no password satisfies."""
    text = fields.get("policy", "")
    if not text:
        raise InvalidRequest(one_error("missing policy"))
    text = decoded(text)
    passwords.parse(text)
    stored = text.encode("utf-8", "replace").decode()
    records.save(ctx.session.view, _key(ctx, fields["name"]), {"text": stored})
    return EMPTY


def delete(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove a password policy if it is there."""
    ctx.session.view.delete(_key(ctx, fields["name"]))
    return EMPTY


def list_names(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all password policies."""
    folder = _key(ctx, "")
    keys = in_order({name[len(folder) :] for name in ctx.session.view.below(folder)})
    return Response(data={"keys": keys}) if keys else None


def generate(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a password. Raises: NoPolicy."""
    return Response(data={"password": passwords.parse(_text(ctx, fields["name"])).make(ctx.random)})


def _text(ctx: SystemContext, name: str) -> str:
    record = records.load(ctx.session.view, _key(ctx, name))
    if record is None:
        raise NoPolicy(one_error("policy does not exist"))
    text: str = record["text"]
    return text


def _key(ctx: SystemContext, name: str) -> str:
    return f"{PREFIX}{ctx.namespace.id}/{name}"


_NAME = {"name": Field("string", "The policy's name.")}

ENDPOINTS = (
    *(
        Endpoint(pattern, {Operation.LIST: list_names}, "List the password policies.")
        for pattern in ("policies/password", "policies/password/")
    ),
    Endpoint(
        "policies/password/{name+}/generate",
        {Operation.READ: generate},
        "Make a password by a policy.",
        fields=_NAME,
    ),
    Endpoint(
        "policies/password/{name+}",
        {Operation.READ: read, Operation.UPDATE: write, Operation.DELETE: delete},
        "Read, write or delete a password policy.",
        'For example: length = 20, rule "charset" { charset = "abcdefghij0123456789", min-chars = 1 }.',
        {**_NAME, "policy": Field("string", "Length and charsets, in HCL or JSON; it may be in base64.")},
    ),
)
