"""sys/generate-root-token: a root token for those who hold enough shares. And sys/generate-root, which needs no token.

The latter is refused unless whoever serves the state lets it be asked for. The token that is made is never told as it
is: it is XORed with a one-time password that whoever began has, or encrypted for a PGP key. Source: OpenBao 2.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaultctl.core import attempts, mounts, quorum, tokens
from vaultctl.core.attempts import Attempt
from vaultctl.core.letters import random_text
from vaultctl.core.quorum import WrongKey, read_share
from vaultctl.core.system.rotate import sealable
from vaultctl.framework.endpoint import ROOT_ONLY, Endpoint
from vaultctl.framework.fields import Field, convert
from vaultctl.logical import one_time
from vaultctl.logical.errors import InvalidRequest, UnsupportedOperation, one_error
from vaultctl.logical.json_text import base64_text
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

if TYPE_CHECKING:
    from vaultctl.core.exchange import SystemContext

OTP_LENGTH = 26
"""As long as the token that is made."""

_KIND = "generate-root"


def read(ctx: SystemContext, _fields: Mapping[str, Any]) -> dict[str, Any]:
    """Tell how the attempt stands."""
    return {**_status(ctx, _find(ctx)), "otp": "", "otp_length": OTP_LENGTH}


def begin(ctx: SystemContext, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Begin an attempt; without a password or a PGP key, a password is made and told. Raises: InvalidRequest."""
    quorum.load(ctx.session.view)
    otp, made, pgp_key, fingerprint = fields.get("otp", ""), "", "", ""
    if otp and len(otp.encode()) != OTP_LENGTH:
        raise InvalidRequest("OTP string has incorrect length")
    if not otp and fields.get("pgp_key"):
        pgp_key, fingerprint = fields["pgp_key"], _fingerprint(fields["pgp_key"])
    elif not otp:
        otp = made = random_text(ctx.random, OTP_LENGTH)
    if _find(ctx) is not None:
        raise InvalidRequest("root generation already in progress for this namespace")
    asked = {"otp": otp, "pgp_key": pgp_key, "fingerprint": fingerprint}
    attempt = Attempt(mounts.new_uuid(ctx.random), attempts.stands(ctx.session.view.header), asked)
    return {**_status(ctx, _remember(ctx, attempt)), "otp": made, "otp_length": OTP_LENGTH}


def cancel(ctx: SystemContext) -> Response:
    """Forget the attempt, if there is one."""
    ctx.host.attempts.drop(ctx.session.view.header.cluster_id, _KIND)
    return EMPTY


def enter(ctx: SystemContext, share: bytearray, nonce: str) -> dict[str, Any]:
    """Take a share; with the last one it takes, the token is made. Raises: InvalidRequest."""
    attempt = _find(ctx)
    if attempt is None:
        raise InvalidRequest("no root generation in progress")
    if nonce != attempt.nonce:
        raise InvalidRequest(f'incorrect nonce supplied; nonce for this root generation operation is "{attempt.nonce}"')
    quorum.check_length(share, "invalid key: ")
    if share in attempt.entered:
        raise InvalidRequest("given key has already been provided during this generation operation")
    attempt = _remember(ctx, attempt.with_share(share))
    status = _status(ctx, attempt)
    needed = quorum.load(ctx.session.view)
    if len(attempt.entered) < needed.threshold:
        return status
    _prove(ctx, attempt, needed)
    encoded = _encoded(_make_token(ctx), attempt.asked)
    cancel(ctx)
    return {**status, "complete": True, "encoded_token": encoded}


def _find(ctx: SystemContext) -> Attempt | None:
    return attempts.find(ctx.host.attempts, ctx.session.view.header, _KIND)


def _remember(ctx: SystemContext, attempt: Attempt) -> Attempt:
    ctx.host.attempts.put(ctx.session.view.header.cluster_id, _KIND, attempt)
    return attempt


def _status(ctx: SystemContext, attempt: Attempt | None) -> dict[str, Any]:
    return {
        "nonce": attempt.nonce if attempt else "",
        "started": attempt is not None,
        "progress": len(attempt.entered) if attempt else 0,
        "required": quorum.load(ctx.session.view).threshold,
        "complete": False,
        "encoded_token": "",
        "pgp_fingerprint": attempt.asked["fingerprint"] if attempt else "",
    }


def _prove(ctx: SystemContext, attempt: Attempt, needed: quorum.Quorum) -> None:
    """Make sure that the shares are the state's; else people begin again. Raises: InvalidRequest."""
    try:
        quorum.prove(ctx.session.transaction, needed, attempt.entered, ctx.random)
    except InvalidRequest as error:
        _remember(ctx, attempt.anew())
        raise InvalidRequest(f"failed to compute root key: {error.errors[0]}") from None
    except WrongKey as error:
        _remember(ctx, attempt.anew())
        why = "" if needed.of == "recovery" else "unable to retrieve stored keys: "
        raise InvalidRequest(f"root generation aborted: unable to authenticate: {why}{error}") from None


def _make_token(ctx: SystemContext) -> str:
    """Make a root token that never ends."""
    token = tokens.new_token(ctx.random)
    made_by = ctx.session.mounts.at("auth/token/")
    tokens.create(
        ctx.session.view,
        token,
        policies=(tokens.ROOT_POLICY,),
        path=tokens.FIRST_PATH,
        display_name="root",
        creation_time_s=ctx.now_ns // tokens.SECOND_NS,
        mount=made_by.uuid if made_by else "",
        below="root",
    )
    return token


def _encoded(token: str, asked: Mapping[str, Any]) -> str:
    """Give the token as those alone can read it who are to have it."""
    if asked["pgp_key"]:
        from vaultctl.crypto import pgp

        return base64_text(pgp.encrypt(pgp.read_key(asked["pgp_key"]), token.encode()))
    return one_time.encode(token, asked["otp"])


def _fingerprint(text: str) -> str:
    from vaultctl.crypto import pgp

    try:
        return pgp.fingerprint(pgp.read_key(text))
    except InvalidRequest as error:
        raise InvalidRequest(f"error parsing PGP key: {error.errors[0]}") from None


def decode(_ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give a token from under its one-time password. Raises: InvalidRequest."""
    encoded, otp = fields.get("encoded_token", ""), fields.get("otp", "")
    if not encoded or not otp:
        raise InvalidRequest("provided 'encoded_token' or 'otp' is empty")
    try:
        return Response(data={"token": one_time.decode(encoded, otp)})
    except ValueError as error:
        raise InvalidRequest(str(error)) from None


def _check_open(ctx: SystemContext) -> None:
    if not ctx.host.unauthenticated.generate_root:
        raise UnsupportedOperation("unsupported operation")


def _free_read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    _check_open(ctx)
    return _free(read(ctx, fields))


def _free_begin(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    _check_open(ctx)
    return _free(begin(ctx, convert(_BEGIN, ctx.request.data)))


def _free_cancel(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    _check_open(ctx)
    return cancel(ctx)


def _free_enter(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    _check_open(ctx)
    fields = convert(_SHARE, ctx.request.data)
    if not fields.get("key"):
        raise InvalidRequest("'key' must be specified in request body as JSON")
    told = enter(ctx, read_share(fields["key"]), fields.get("nonce", ""))
    return _free({**told, "otp": "", "otp_length": 0})


def _free(told: Mapping[str, Any]) -> Response:
    """Answer without an envelope, with the token under its former name too."""
    return Response(raw={**told, "encoded_root_token": told["encoded_token"]})


def _read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    told = read(ctx, fields)
    return _without_token(
        told, ("encoded_token",) if told["started"] else ("encoded_token", "nonce", "pgp_fingerprint")
    )


def _begin(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    return _without_token(begin(ctx, fields), ("encoded_token",))


def _without_token(told: Mapping[str, Any], names: tuple[str, ...]) -> Response:
    return Response(data={name: value for name, value in told.items() if name not in names})


def _enter(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Take a share. Raises: InvalidRequest."""
    for name in ("nonce", "key"):
        if not fields.get(name):
            raise InvalidRequest(f"{name} is required")
    try:
        return Response(data=enter(ctx, read_share(fields["key"].strip()), fields["nonce"]))
    except InvalidRequest as error:
        raise InvalidRequest(one_error(error.errors[0])) from None


def _cancel(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    return cancel(ctx)


_BEGIN = {
    "otp": Field("string", "A one-time password, as long as the token that is made."),
    "pgp_key": Field("string", "A PGP key in base64, which the token is encrypted for, in the place of a password."),
}
_SHARE = {
    "key": Field("string", "A share, in hex or base64."),
    "nonce": Field("string", "The nonce of the attempt."),
}
_BEGINS = "Begin to make a root token, see how far that is, or end it."
_ENTERS = "Enter a share; with enough of them, a root token is made."

ENDPOINTS = (
    Endpoint(
        "generate-root-token/attempt",
        {Operation.READ: sealable(_read), Operation.UPDATE: sealable(_begin), Operation.DELETE: sealable(_cancel)},
        _BEGINS,
        fields=_BEGIN,
    ),
    Endpoint("generate-root-token/update", {Operation.UPDATE: sealable(_enter)}, _ENTERS, fields=_SHARE),
    Endpoint(
        "generate-root/attempt",
        {Operation.READ: _free_read, Operation.UPDATE: _free_begin, Operation.DELETE: _free_cancel},
        _BEGINS,
        fields=_BEGIN,
        unauthenticated=True,
        outside_namespaces=ROOT_ONLY,
        strict=True,
    ),
    Endpoint(
        "generate-root/update",
        {Operation.UPDATE: _free_enter},
        _ENTERS,
        fields=_SHARE,
        unauthenticated=True,
        outside_namespaces=ROOT_ONLY,
        strict=True,
    ),
    Endpoint("generate-root", {}, "See generate-root/attempt."),
    Endpoint(
        "decode-token",
        {Operation.UPDATE: decode},
        "Give a root token from under its one-time password.",
        fields={
            "encoded_token": Field("string", "The token, as it was made."),
            "otp": Field("string", "The one-time password."),
        },
        unauthenticated=True,
    ),
)
