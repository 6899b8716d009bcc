"""sys/wrapping: wrap anything, look a wrapping token up, unwrap, rewrap; and verify, which OpenBao does not have.

The token that a request is about is found before anybody's rights are looked at (`core.wrapping.presented`). Source:
OpenBao 2.7; other than there, what is rewrapped keeps its path, and goes on ending with the mount that it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core.wrapping import stage, store
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, NotFound
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.exchange import SystemContext
    from vaultctl.core.tokens import Token
    from vaultctl.core.wrapping import past


class WrappedNothing(NotFound):
    """What was wrapped is the answer that nothing is there, with data. That it was given out stays."""

    keeps_changes = True


def wrap(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give the request's data as the answer, which is wrapped. Raises: InvalidRequest."""
    if not ctx.request.wrap_ttl_s:
        raise InvalidRequest("endpoint requires response wrapping to be used")
    return Response(data=dict(ctx.request.data))


def look_up(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell where a wrapping token came from, and when."""
    token = _presented(ctx)
    return Response(
        data={
            "creation_path": token.path,
            "creation_time": rfc3339(token.issue_ns),
            "creation_ttl": stage.as_whole(token.ttl_s),
        }
    )


def unwrap(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give what was wrapped, once. Raises: InvalidRequest, WrappedNothing."""
    token = _presented(ctx)
    response = store.open_content(ctx.session, token)
    if ctx.token is None or ctx.token.id_hash != token.id_hash:
        store.consume(ctx.session, token)  # one that asks itself has taken its use, and goes as every token does
    if response.status != NotFound.status:
        return response
    nothing = WrappedNothing(data=response.data, warnings=response.warnings)
    nothing.request_id = response.request_id
    raise nothing


def rewrap(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give the content a new token, which lives as long as the old one was to, or shorter if that is asked for.

    Raises: InvalidRequest.
    """
    old, request = _presented(ctx), ctx.request
    ttl_s = min(old.ttl_s, stage.as_whole(request.wrap_ttl_s) or old.ttl_s)
    made, text = store.reissue(ctx.session, old, random=ctx.random, now_ns=ctx.now_ns, ttl_s=ttl_s)
    if request.wrap_ttl_s and request.wrap_format == stage.JWT:
        text = stage.as_jwt(ctx.session, made, text)
    return Response(wrap_info=stage.info(made, text))


def verify(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell what became of a wrapping token, and whether it is what somebody expects. Raises: InvalidRequest.

    Raises: NoWrappingToken where none is named.
    """
    from vaultctl.core.namespaces import ROOT
    from vaultctl.core.wrapping import past, presented

    text = presented.given_text(ctx.request)
    try:
        named = presented.named_by(ctx.session.view, text)
    except presented.NoWrappingToken:
        named = text
    found = past.look_up(ctx.session, named, ctx.now_ns)
    namespace = ctx.session.namespaces.get(found.namespace) or ROOT
    shown = past.describe(found, namespace.path)
    if fields.keys() & _CHECKS:
        shown["matches"] = _is_as_expected(ctx, found, namespace.path + found.path, fields)
    return Response(data=shown)


def _is_as_expected(ctx: SystemContext, found: past.Found, made_at: str, fields: Mapping[str, Any]) -> bool:
    from vaultctl.core.wrapping import presented

    if "expect_path" in fields:
        expected = presented.checked_path(ctx.request.data["expect_path"])
        if not presented.matches(made_at, expected, ctx.namespace):
            return False
    if found.rewrapped and not fields.get("allow_rewrapped", True):
        return False
    before_ns = fields.get("issued_before")
    return bool(found.path) and (before_ns is None or found.issue_ns <= before_ns)


def _presented(ctx: SystemContext) -> Token:
    if ctx.wrapping is None:
        raise RuntimeError("the endpoint does not say that it is about a wrapping token")
    return ctx.wrapping


_TOKEN = {"token": Field("string", "The wrapping token; without one, the client's own.")}
_CHECKS = frozenset({"expect_path", "issued_before", "allow_rewrapped"})
_EXPECTED = {"expect_path": Field("string", "The path that the wrapped answer has to come from.")}

ENDPOINTS = (
    Endpoint(
        "wrapping/wrap",
        {Operation.UPDATE: wrap},
        "Wrap any data.",
        "The header X-Vault-Wrap-TTL says for how long. All that is in the body is wrapped, whatever it is called.",
        quiet=True,
    ),
    Endpoint(
        "wrapping/lookup",
        dict.fromkeys((Operation.READ, Operation.UPDATE), look_up),
        "Tell where a wrapping token came from, when, and for how long.",
        "Whoever has the token may ask; it is not used up.",
        fields=_TOKEN,
        unauthenticated=True,
        about_wrapping=True,
    ),
    Endpoint(
        "wrapping/unwrap",
        {Operation.UPDATE: unwrap},
        "Give what was wrapped: once, and never again.",
        "The use is stored before the answer is sent: if that is lost on its way, so is what was wrapped."
        " With expect_path, an answer that came from another path is refused, and the token stays as it is.",
        fields={**_TOKEN, **_EXPECTED},
        about_wrapping=True,
        quiet=True,
    ),
    Endpoint(
        "wrapping/rewrap",
        {Operation.UPDATE: rewrap},
        "Give what was wrapped a new token, which lives as long as the old one was to.",
        "The old token is good no more. Where the answer came from stays known.",
        fields=_TOKEN,
        about_wrapping=True,
        quiet=True,
    ),
    Endpoint(
        "wrapping/verify",
        {Operation.UPDATE: verify},
        "Tell whether a wrapping token is live, used, expired, revoked, or was never here.",
        "Whoever has the token may ask; it is not used up. Tokens that are gone are remembered for a while.",
        fields={
            **_TOKEN,
            **_EXPECTED,
            "issued_before": Field("time", "The moment after which it must not have been made."),
            "allow_rewrapped": Field("bool", "False: what was wrapped anew matches nothing."),
        },
        unauthenticated=True,
    ),
)
