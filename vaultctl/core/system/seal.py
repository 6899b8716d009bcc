"""sys/seal-status, sys/seal and sys/unseal: whether the keys are at hand, and how they come to be.

All but sys/seal answer without a token, and all of them where the keys are not at hand. Source: OpenBao 2.7, its words.
There a state whose seal opens by itself is unsealed again after some seconds; here it stays sealed until somebody says
so who has its recovery shares, or owns its files.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl import __commit_date__, __version__
from vaultctl.core import quorum, recovery
from vaultctl.core.mounts import new_uuid
from vaultctl.core.sealing import Progress
from vaultctl.core.system.status import cluster_name
from vaultctl.core.views import View
from vaultctl.crypto import shamir
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.shamir import ShamirSeal
from vaultctl.framework import strict
from vaultctl.framework.endpoint import UNAVAILABLE, Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest, Sealed, StateUnavailable, VaultError
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.exchange import Host, SystemContext
    from vaultctl.core.sealed import SealedContext
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header

_NO_KEY = "'key' must be specified in request body as JSON, or 'reset' set to true"
_WRONG_KEY = (
    "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage:"
    " cipher: message authentication failed"
)
_NO_SHARES = "this state has no recovery shares: it opens by itself, and its owner unseals it without any"
_ONLY_OWNER = "run 'vaultctl operator unseal' as the owner of the state's files"
_NO_KEYS_HERE = (
    "the keys are not at hand here, and without them the state takes no mark: a server that is unsealed stays so;"
    " seal it by its -address, or unseal here first"
)


_AES_B = (16, 24, 32)


class _Numbers(NamedTuple):
    """How many shares there are, and how many open."""

    shares: int = 0
    threshold: int = 0


# --- how it stands ---


def seal_status(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell what keeps the keys, and which state this is."""
    return _unsealed_status(ctx.host, ctx.session.view)


def seal_status_sealed(ctx: SealedContext, _fields: Mapping[str, Any]) -> Response:
    """Tell how far unsealing is."""
    return _sealed_status(ctx)


def _unsealed_status(host: Host, view: View) -> Response:
    header = view.header
    is_auto = _is_auto(header)
    numbers = _Numbers(*recovery.load(view)) if is_auto else _shamir_numbers(header)
    return Response(
        raw={
            **_standing(header.seal["type"], numbers, Progress(), sealed=False, is_auto=is_auto),
            "migration": _is_migrating(header),
            "cluster_name": cluster_name(header.cluster_id),
            "cluster_id": header.cluster_id,
            "storage_type": storage_type(host),
        }
    )


def _sealed_status(ctx: SealedContext) -> Response:
    header, maker = ctx.header, ctx.host.sealing.maker
    if header is None:
        kind = maker.kind if maker else "shamir"
        standing = _standing(kind, _Numbers(), Progress(), sealed=True, is_auto=kind != ShamirSeal.kind)
    else:
        is_auto = _is_auto(header)
        numbers = _recovery_numbers(ctx, header) if is_auto else _shamir_numbers(header)
        progress = ctx.host.sealing.keeper.progress(header)
        standing = _standing(header.seal["type"], numbers, progress, sealed=True, is_auto=is_auto)
    return Response(raw={**standing, "initialized": header is not None, "storage_type": storage_type(ctx.host)})


def _standing(kind: str, numbers: _Numbers, progress: Progress, *, sealed: bool, is_auto: bool) -> dict[str, Any]:
    return {
        "type": kind,
        "initialized": True,
        "sealed": sealed,
        "t": numbers.threshold,
        "n": numbers.shares,
        "progress": len(progress.shares),
        "nonce": progress.nonce,
        "recovery_seal": is_auto,
        **({"recovery_seal_type": ShamirSeal.kind} if is_auto else {}),
        "version": __version__,
        "commit_date": __commit_date__,
        "migration": False,
    }


def _is_migrating(header: Header) -> bool:
    """Tell whether entries may still be wrapped by a seal of another type."""
    return any(each["type"] != header.seal["type"] for each in header.seal.get("previous", ()))


def storage_type(host: Host) -> str:
    """Name the storage as OpenBao does."""
    return "inmem" if host.storage == "memory" else host.storage


def _is_auto(header: Header) -> bool:
    return header.seal.get("type") != ShamirSeal.kind


def _shamir_numbers(header: Header) -> _Numbers:
    return _Numbers(header.seal.get("shares", 0), header.seal.get("threshold", 0))


def _recovery_numbers(ctx: SealedContext, header: Header) -> _Numbers:
    """Give the numbers of the recovery key, which lie under the barrier: a seal out of reach keeps it shut."""
    try:
        with ctx.state.backend.reader() as snapshot:
            view = View(snapshot, ctx.state.keys_under(ctx.state.seal_of(header), snapshot))
            return _Numbers(*recovery.load(view))
    except VaultError:
        return _Numbers()


# --- sealing and unsealing ---


def step_down(_ctx: SystemContext | SealedContext, _fields: Mapping[str, Any]) -> Response:
    """Go on: there is no other node. Source: OpenBao 2.7, where a single one does not look at the token for that."""
    return EMPTY


def seal(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Set the mark: every process drops its keys when it sees it."""
    ctx.session.view.mark_sealed(sealed=True)  # type: ignore[attr-defined]  # an update is in a transaction
    return EMPTY


def seal_again(ctx: SealedContext, _fields: Mapping[str, Any]) -> Response:
    """Leave it as it is. Raises: Sealed where other processes may have the keys."""
    if ctx.host.sealing.is_owner and ctx.header and not ctx.header.sealed:
        error = Sealed()
        error.hint = _NO_KEYS_HERE
        raise error
    return EMPTY


def unseal_again(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Take no share: it is unsealed. Raises: InvalidRequest."""
    wanted = _read_unseal(ctx.request.data, needs_key=not ctx.host.sealing.is_owner)
    if wanted.reset:
        raise InvalidRequest("vault is unsealed")
    if wanted.migrate:
        raise _no_migration()
    return _unsealed_status(ctx.host, ctx.session.view)


def unseal(ctx: SealedContext, _fields: Mapping[str, Any]) -> Response:
    """Take a share of the key, and unseal where that makes enough of them. Raises: VaultError."""
    sealing = ctx.host.sealing
    wanted = _read_unseal(ctx.request.data, needs_key=not sealing.is_owner)
    header = ctx.header
    if wanted.reset:
        if header:
            sealing.keeper.reset(header.cluster_id)
        return _sealed_status(ctx)
    if wanted.migrate:
        raise _no_migration()
    if header is None:
        raise InvalidRequest("Vault is not initialized")
    if wanted.share is None:
        return _unseal_as_owner(ctx)
    quorum.check_length(wanted.share, "invalid key: ")
    numbers = _recovery_numbers(ctx, header) if _is_auto(header) else _shamir_numbers(header)
    if not numbers.shares:
        raise InvalidRequest(_NO_SHARES, hint=_ONLY_OWNER)
    sealing.keeper.check()
    progress = sealing.keeper.enter(header, wanted.share, new_uuid(ctx.random))
    if len(progress.shares) < numbers.threshold:
        return _sealed_status(ctx)
    sealing.keeper.reset(header.cluster_id)
    key = _combined(progress)
    try:
        _open(ctx, header, key, numbers)
    finally:
        shamir.wipe(key)
    return _opened(ctx)


def _no_migration() -> VaultError:
    error = VaultError("can't perform a seal migration, no migration seal found")
    error.hint = "the seal of a state is changed with: vaultctl operator seal-migrate"
    return error


def _combined(progress: Progress) -> bytearray:
    try:
        return shamir.combine(progress.shares)
    except InvalidRequest as error:
        raise InvalidRequest(f"invalid key: failed to compute combined key: {error.errors[0]}") from None


def _open(ctx: SealedContext, header: Header, key: bytearray, numbers: _Numbers) -> None:
    """Unseal the state, by the key that the shares made. Raises: InvalidRequest where it is not the one, StateError."""
    if _is_auto(header):
        _check_recovery_key(ctx, header, key)
        ctx.state.unseal(ctx.state.seal_of)
        return
    if len(key) not in _AES_B:
        raise InvalidRequest(f"invalid key: failed to setup unseal key: crypto/aes: invalid key size {len(key)}")
    found = ShamirSeal(key, *numbers, ctx.random) if len(key) == KEY_B else None
    if found is None or found.key_id != header.seal.get("key_id"):
        raise InvalidRequest(_WRONG_KEY)

    def seal_for(_header: Header) -> Seal:
        return found

    now, root_key = ctx.state.unseal(seal_for)
    ctx.host.sealing.keeper.keep(now, root_key)


def _check_recovery_key(ctx: SealedContext, header: Header, key: bytearray) -> None:
    with ctx.state.backend.reader() as snapshot:
        view = View(snapshot, ctx.state.keys_under(ctx.state.seal_of(header), snapshot))
        if not hmac.compare_digest(recovery.load_key(view), bytes(key)):
            raise InvalidRequest("invalid key: recovery key does not match submitted values")


def _unseal_as_owner(ctx: SealedContext) -> Response:
    """Clear the mark, where the seal opens by itself or the command was given the key. Raises: InvalidRequest."""
    try:
        ctx.state.unseal(ctx.state.seal_of)
    except Sealed:
        raise InvalidRequest(_NO_KEY) from None
    return _opened(ctx)


def _opened(ctx: SealedContext) -> Response:
    with suppress(StateUnavailable):  # a state that cannot be written to is opened all the same
        ctx.host.sealing.seen()
    with ctx.state.reader() as view:
        return _unsealed_status(ctx.host, view)


class _Unseal(NamedTuple):
    """What is asked of sys/unseal."""

    share: bytes | None
    reset: bool
    migrate: bool


def _read_unseal(data: Mapping[str, Any], *, needs_key: bool) -> _Unseal:
    """Read the body. Raises: InvalidRequest."""
    found = strict.read(data, "UnsealRequest", {"key": str, "reset": bool, "migrate": bool})
    text = found.get("key") or ""
    if found.get("reset"):
        return _Unseal(None, reset=True, migrate=False)
    if not text:
        if needs_key:
            raise InvalidRequest(_NO_KEY)
        return _Unseal(None, reset=False, migrate=bool(found.get("migrate")))
    return _Unseal(bytes(quorum.read_share(text)), reset=False, migrate=bool(found.get("migrate")))


ENDPOINTS = (
    Endpoint(
        "step-down",
        {Operation.UPDATE: step_down},
        "Have another node take over; there is none.",
        unauthenticated=True,
        bare=True,
        outside_namespaces=UNAVAILABLE,
        when_sealed={Operation.UPDATE: step_down},
    ),
    Endpoint(
        "seal-status",
        {Operation.READ: seal_status},
        "Tell how the state is sealed.",
        unauthenticated=True,
        bare=True,
        when_locked=True,
        when_sealed={Operation.READ: seal_status_sealed},
    ),
    Endpoint(
        "seal",
        {Operation.UPDATE: seal},
        "Seal the state: all keys are dropped.",
        sudo=True,
        bare=True,
        outside_namespaces=UNAVAILABLE,
        when_sealed={Operation.UPDATE: seal_again},
    ),
    Endpoint(
        "unseal",
        {Operation.UPDATE: unseal_again},
        "Take a share of the key, to unseal the state.",
        fields={
            "key": Field("string", "A share, in hex or base64."),
            "reset": Field("bool", "Forget the shares that were entered."),
            "migrate": Field("bool", "Accepted where there is a seal to migrate to, which is never so here."),
        },
        unauthenticated=True,
        bare=True,
        outside_namespaces=UNAVAILABLE,
        when_sealed={Operation.UPDATE: unseal},
        strict=True,
    ),
)
