"""sys/init: whether there is a state, and how one is made by hand. It answers without a token. Source: OpenBao 2.7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core.sealing import Made, Plan
from vaultctl.crypto import shamir
from vaultctl.crypto.seals.shamir import ShamirSeal
from vaultctl.framework import strict
from vaultctl.framework.endpoint import UNAVAILABLE, Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.json_text import base64_text
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaultctl.core.exchange import Host, SystemContext
    from vaultctl.core.sealed import SealedContext
    from vaultctl.storage.header import Header


def is_made(_ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Where there is a state, it was initialised."""
    return Response(raw={"initialized": True})


def is_made_sealed(ctx: SealedContext, _fields: Mapping[str, Any]) -> Response:
    """Tell whether there is a state."""
    return Response(raw={"initialized": ctx.header is not None})


def make_again(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Refuse to make another state in the place of the one that is there. Raises: InvalidRequest."""
    header: Header = ctx.session.view.header
    _read_plan(ctx.request.data, header.seal["type"])
    raise _made_already(ctx.host)


def make(ctx: SealedContext, _fields: Mapping[str, Any]) -> Response:
    """Make a state; give the shares of its keys, and a root token. Raises: InvalidRequest, StateError."""
    maker = ctx.host.sealing.maker
    if ctx.header is not None or maker is None:
        _read_plan(ctx.request.data, ctx.header.seal["type"] if ctx.header else ShamirSeal.kind)
        raise _made_already(ctx.host)
    plan = _read_plan(ctx.request.data, maker.kind)
    made = maker.make(plan)
    if made is None:
        raise _made_already(ctx.host)
    return Response(raw=_given_out(made))


def _made_already(host: Host) -> InvalidRequest:
    return InvalidRequest("Vault is already initialized", hint=host.sealing.unseen())


def _given_out(made: Made) -> dict[str, Any]:
    given = {"keys": _hex(made.shares), "keys_base64": _base64(made.shares)}
    if made.recovery_shares:
        given["recovery_keys"] = _hex(made.recovery_shares)
        given["recovery_keys_base64"] = _base64(made.recovery_shares)
    return {**given, "root_token": made.root_token}


def _hex(shares: Sequence[bytes]) -> list[str]:
    return [share.hex() for share in shares]


def _base64(shares: Sequence[bytes]) -> list[str]:
    return [base64_text(share) for share in shares]


_INIT = {
    "secret_shares": int,
    "secret_threshold": int,
    "stored_shares": int,
    "pgp_keys": list,
    "recovery_shares": int,
    "recovery_threshold": int,
    "recovery_pgp_keys": list,
    "root_token_pgp_key": str,
}
_OF_SECRET = ("secret_shares", "secret_threshold", "pgp_keys")
_OF_RECOVERY = ("recovery_shares", "recovery_threshold", "recovery_pgp_keys")


def _read_plan(data: Mapping[str, Any], kind: str) -> Plan:
    """Read what a state is to be like. Raises: InvalidRequest."""
    found = strict.read(data, "InitRequest", _INIT)
    is_auto = kind != ShamirSeal.kind
    wrong = [name for name in (_OF_SECRET if is_auto else _OF_RECOVERY) if found.get(name)]
    if wrong:
        raise InvalidRequest(f"parameters {','.join(wrong)} not applicable to seal type {kind}")
    root_token_key = _pgp_key(found["root_token_pgp_key"]) if found.get("root_token_pgp_key") else b""
    if is_auto:
        shares, threshold = found.get("recovery_shares") or 0, found.get("recovery_threshold") or 0
        if shares or threshold:
            _check_numbers("recovery", shares, threshold)
        pgp_keys = _pgp_keys("recovery", found.get("recovery_pgp_keys"), shares)
        return Plan(0, 0, shares, threshold, pgp_keys, root_token_key)
    shares, threshold = found.get("secret_shares") or 0, found.get("secret_threshold") or 0
    _check_numbers("seal", shares, threshold)
    return Plan(shares, threshold, 0, 0, _pgp_keys("seal", found.get("pgp_keys"), shares), root_token_key)


def _pgp_keys(what: str, texts: list[str] | None, shares: int) -> tuple[bytes, ...]:
    """Read a PGP key for each share, or none. Raises: InvalidRequest, NotOffered."""
    if not texts:
        return ()
    if len(texts) != shares:
        raise InvalidRequest(
            f"invalid {what} configuration: count mismatch between number of provided PGP keys and number of shares"
        )
    try:
        return tuple(map(_pgp_key, texts))
    except InvalidRequest as error:
        raise InvalidRequest(f"invalid {what} configuration: {error.errors[0]}") from None


def _pgp_key(text: str) -> bytes:
    from vaultctl.crypto import pgp

    return pgp.read_key(text)


def _check_numbers(what: str, shares: int, threshold: int) -> None:
    try:
        if what == "recovery" and shares == 0:
            raise InvalidRequest("threshold cannot be larger than shares")
        shamir.check_numbers(shares, threshold)
    except InvalidRequest as error:
        raise InvalidRequest(f"invalid {what} configuration: {error.errors[0]}") from None


ENDPOINTS = (
    Endpoint(
        "init",
        {Operation.READ: is_made, Operation.UPDATE: make_again},
        "Tell whether there is a state, and make it.",
        description="The answer has the shares of the unseal key, or of the recovery key, and the root token: they are"
        " shown this once.",
        fields={
            "secret_shares": Field("int", "Into how many shares the unseal key is split."),
            "secret_threshold": Field("int", "How many of them unseal."),
            "pgp_keys": Field("strings", "PGP keys that encrypt the shares."),
            "recovery_shares": Field("int", "Into how many shares the recovery key is split."),
            "recovery_threshold": Field("int", "How many of them make it."),
            "recovery_pgp_keys": Field("strings", "PGP keys that encrypt these shares."),
            "root_token_pgp_key": Field("string", "A PGP key that encrypts the root token."),
            "stored_shares": Field("int", "Accepted, and without effect."),
        },
        unauthenticated=True,
        bare=True,
        outside_namespaces=UNAVAILABLE,
        when_sealed={Operation.READ: is_made_sealed, Operation.UPDATE: make},
        strict=True,
    ),
)
