"""sys/rotate/root/… and sys/rotate/recovery/…: new shares. And sys/rekey/…, the same without a token.

The latter is refused unless whoever serves the state lets it be asked for: who gets that far without a token can keep
others from rekeying. Source: OpenBao 2.7, both in their shapes and words, but for Go's formatting errors in some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vaultctl.core import quorum, records
from vaultctl.core.quorum import read_share
from vaultctl.core.rekeying import BARRIER, RECOVERY, Asked, New, Rekeying, Words, backup_name
from vaultctl.core.system.rotate import sealable
from vaultctl.framework.endpoint import ROOT_ONLY, Endpoint, Handler
from vaultctl.framework.fields import Field, convert
from vaultctl.logical.errors import InvalidRequest, UnsupportedOperation, VaultError
from vaultctl.logical.json_text import base64_text
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

if TYPE_CHECKING:
    from vaultctl.core.attempts import Attempt
    from vaultctl.core.exchange import SystemContext

ROTATE = Words(
    name="rotate",
    nothing_begun="no rotation in progress",
    in_progress="rotation already in progress",
    wrong_nonce="incorrect nonce supplied; nonce for rotation is",
    repeated="given key has already been provided during this rotation",
    invalid="invalid rotate seal configuration",
    wrong_number="count mismatch between number of provided PGP keys and number of shares",
    not_possible="recovery keys not supported",
    no_verification="no rotation in progress",
    finished=(
        'rotation already finished; verification must be performed; nonce for the verification operation is "{}"'
    ),
    no_config="no rotation configuration found",
    not_verified="rotation verification failed; incorrect key shares supplied",
    no_key="failed to compute key",
    wrong_key="failed to read root key",
    asks_first=True,
    alone=(1, 1),
    error=InvalidRequest,
)
REKEY = Words(
    name="rekey",
    nothing_begun="no {} rekey in progress",
    in_progress="rekey already in progress",
    wrong_nonce="incorrect nonce supplied; nonce for this rekey operation is",
    repeated="given key has already been provided during this generation operation",
    invalid="invalid rekey seal configuration",
    wrong_number="incorrect number of PGP keys for rekey",
    not_possible="recovery rekeying not supported",
    no_verification="no rekey in progress",
    finished=(
        'rekey operation already finished; verification must be performed; nonce for the verification operation is "{}"'
    ),
    no_config="no rekey configuration found",
    not_verified="rekey verification failed; incorrect key shares supplied",
    no_key="failed to compute root key",
    wrong_key="failed to read root key",
    asks_first=False,
    alone=(0, 0),
    error=VaultError,
)
_MISSING = "'key' must be specified in request body as JSON"

_ASKED = {
    "secret_shares": Field("int", "How many shares to make."),
    "secret_threshold": Field("int", "How many of them it takes."),
    "pgp_keys": Field("strings", "A PGP key for each share, in base64: it is encrypted for that one."),
    "backup": Field("bool", "Keep the encrypted shares, for those who lose theirs."),
    "require_verification": Field("bool", "New shares count only once they were entered again."),
}
_SHARE = {
    "key": Field("string", "A share, in hex or base64."),
    "nonce": Field("string", "The nonce of the attempt."),
}
Open = Callable[["SystemContext"], Rekeying]
"""Gives the attempt that a path is about. It raises what the path is refused with."""


def _rotating(target: str) -> Open:
    return lambda ctx: Rekeying(ctx, ROTATE, target)


def _rekeying(target: str) -> Open:
    words = REKEY._replace(nothing_begun=REKEY.nothing_begun.format(target))

    def opened(ctx: SystemContext) -> Rekeying:
        if not ctx.host.unauthenticated.rekey:
            if target == RECOVERY:
                raise NoSuchRekey("unsupported path")
            raise UnsupportedOperation("unsupported operation")
        found = Rekeying(ctx, words, target)
        if target == RECOVERY and not found.quorum.is_recovery:
            raise InvalidRequest(words.not_possible)
        return found

    return opened


def _asked(fields: Mapping[str, Any]) -> Asked:
    return Asked(
        fields.get("secret_shares", 0),
        fields.get("secret_threshold", 0),
        fields.get("pgp_keys") or (),
        fields.get("backup", False),
        fields.get("require_verification", False),
    )


def _required(fields: Mapping[str, Any]) -> tuple[bytearray, str]:
    """Give the share and the nonce, both of which must be there. Raises: InvalidRequest."""
    for name in ("key", "nonce"):
        if not fields.get(name):
            raise InvalidRequest(f"missing required field '{name}'")
    return read_share(fields["key"]), fields["nonce"]


def _given(fields: Mapping[str, Any]) -> tuple[bytearray, str]:
    if not fields.get("key"):
        raise InvalidRequest(_MISSING)
    return read_share(fields["key"]), fields.get("nonce", "")


def _rotate_status(found: Rekeying, attempt: Attempt | None) -> dict[str, Any]:
    """Tell how an attempt stands, as sys/rotate does."""
    required = found.quorum.threshold
    if attempt is None:
        return {"started": False, "t": 0, "n": 0, "required": required}
    asked = attempt.asked
    pgp = {"pgp_fingerprints": asked["fingerprints"], "backup": asked["backup"]} if asked["fingerprints"] else {}
    return {
        "started": True,
        "nonce": attempt.nonce,
        "t": asked["threshold"],
        "n": asked["shares"],
        "progress": 0 if attempt.verification else len(attempt.entered),
        "required": required,
        "verification_required": asked["verify"],
        "verification_nonce": attempt.verification,
        **pgp,
    }


def _rekey_status(found: Rekeying, attempt: Attempt | None) -> dict[str, Any]:
    """Tell how an attempt stands, as sys/rekey does."""
    asked = attempt.asked if attempt else {}
    status = {
        "nonce": attempt.nonce if attempt else "",
        "started": attempt is not None,
        "t": asked.get("threshold", 0),
        "n": asked.get("shares", 0),
        "progress": len(attempt.entered) if attempt and not attempt.verification else 0,
        "required": found.quorum.threshold,
        "pgp_fingerprints": asked.get("fingerprints") or None,
        "backup": asked.get("backup", False),
        "verification_required": asked.get("verify", False),
    }
    return {**status, "verification_nonce": attempt.verification} if attempt and attempt.verification else status


def _handed_out(new: New) -> dict[str, Any]:
    """Give the new shares, and what else is told with them."""
    asked = new.attempt.asked
    return {
        "nonce": new.attempt.nonce,
        "complete": True,
        "keys": [share.hex() for share in new.shares],
        "keys_base64": [base64_text(share) for share in new.shares],
        "pgp_fingerprints": list(new.fingerprints) or None,
        "backup": asked["backup"],
        "verification_required": asked["verify"],
    }


def _verify_status(attempt: Attempt) -> dict[str, Any]:
    """Tell how far a verification is."""
    return {
        "nonce": attempt.verification,
        "started": bool(attempt.verification),
        "t": attempt.asked["threshold"],
        "n": attempt.asked["shares"],
        "progress": len(attempt.entered) if attempt.verification else 0,
    }


def rotate_root(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Make a new root key, under the seal as it is. Raises: InvalidRequest, where that takes shares."""
    if not quorum.load(ctx.session.view).is_recovery:
        raise InvalidRequest("the root key of this state is under the key that people share: rotate it with its shares")
    ctx.session.transaction.replace_root_key()
    return EMPTY


class NoSuchRekey(VaultError):
    """Nobody is let ask for it. Source: OpenBao 2.7, which says so in these words of the recovery key alone."""

    status = 404


class _Paths:
    """The handlers of one API at one target."""

    def __init__(self, opened: Open, *, in_data: bool) -> None:
        """`in_data` says where answers stand: in the data of an envelope, or without one."""
        self._open = opened
        self._in_data = in_data
        self._status = _rotate_status if in_data else _rekey_status
        self._share = _required if in_data else _given

    def _converting(self, handler: Handler) -> Handler:
        """Give the handler of a path that may be refused before anybody looks at what was sent. Source: OpenBao 2.7."""

        def handle(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
            self._open(ctx)
            return handler(ctx, convert({**_ASKED, **_SHARE}, ctx.request.data))

        return handle

    def _told(self, what: Mapping[str, Any]) -> Response:
        return Response(data=what) if self._in_data else Response(raw=dict(what))

    def read(self, ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
        """Tell how the attempt stands."""
        found = self._open(ctx)
        if found.target == RECOVERY and not found.quorum.is_recovery:
            raise InvalidRequest("unable to look up config: recovery not supported")
        return self._told(self._status(found, found.attempt))

    def begin(self, ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
        """Begin an attempt."""
        found, asked = self._open(ctx), _asked(fields)
        if not self._in_data and asked.backup and not asked.pgp_keys:
            raise InvalidRequest("cannot request a backup of the new keys without providing PGP keys for encryption")
        return self._told(self._status(found, found.begin(asked)))

    def cancel(self, ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
        """Forget the attempt."""
        self._open(ctx).cancel()
        return EMPTY

    def enter(self, ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
        """Take a share."""
        found, given = self._open(ctx), self._share(fields)
        if self._in_data and found.target == RECOVERY and not found.quorum.is_recovery:
            raise InvalidRequest("failed to fetch existing config: recovery not supported")
        result = found.enter(*given)
        if not isinstance(result, New):
            return self._told(self._status(found, result))
        told, nonce = _handed_out(result), result.attempt.verification
        return self._told({**told, "verification_nonce": nonce} if nonce or self._in_data else told)

    def read_verification(self, ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
        """Tell how far the verification is."""
        return self._told(_verify_status(self._open(ctx).verifying()))

    def verify(self, ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
        """Take one of the new shares."""
        found = self._open(ctx)
        share, nonce = self._share(fields)
        attempt = found.verify(share, nonce)
        return self._told({"nonce": nonce, "complete": True} if attempt is None else _verify_status(attempt))

    def cancel_verification(self, ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
        """Forget the new shares that were entered; others are not made."""
        return self._told(_verify_status(self._open(ctx).verify_anew()))

    def endpoints(self, prefix: str, made_of: str) -> tuple[Endpoint, ...]:
        """Give the endpoints below a path."""
        wrap: Callable[[Handler], Handler] = sealable if self._in_data else self._converting
        free, elsewhere = not self._in_data, "" if self._in_data else ROOT_ONLY
        return (
            Endpoint(
                f"{prefix}/init",
                {
                    Operation.READ: wrap(self.read),
                    Operation.UPDATE: wrap(self.begin),
                    Operation.DELETE: wrap(self.cancel),
                },
                f"Begin to make new shares of the {made_of}, see how far that is, or end it.",
                fields=_ASKED,
                unauthenticated=free,
                outside_namespaces=elsewhere,
                strict=free,
            ),
            Endpoint(
                f"{prefix}/update",
                {Operation.UPDATE: wrap(self.enter)},
                "Enter a share; with enough of them, new ones are made.",
                fields=_SHARE,
                unauthenticated=free,
                outside_namespaces=elsewhere,
                strict=free,
            ),
            Endpoint(
                f"{prefix}/verify",
                {
                    Operation.READ: wrap(self.read_verification),
                    Operation.UPDATE: wrap(self.verify),
                    Operation.DELETE: wrap(self.cancel_verification),
                },
                "Enter a new share: with enough of them, they count from then on.",
                fields=_SHARE,
                unauthenticated=free,
                outside_namespaces=elsewhere,
                strict=free,
            ),
        )


def _backup(pattern: str, target: str, *, in_envelope: bool, **more: Any) -> Endpoint:
    """Give the endpoint for what was kept of new shares."""

    def read(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
        kept = records.load(ctx.session.view, backup_name(target)) if ctx.namespace.is_root else None
        if kept is None:
            raise InvalidRequest("no backed-up keys found")
        in_base64 = {name: [base64_text(bytes.fromhex(key)) for key in keys] for name, keys in kept["keys"].items()}
        return Response(data={**kept, "keys_base64": in_base64})

    def delete(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
        ctx.session.view.delete(backup_name(target))
        return EMPTY

    return Endpoint(
        pattern,
        {Operation.READ: read, Operation.DELETE: sealable(delete)},
        "Read or remove what was kept of new shares, encrypted for those who have them.",
        mirrored=in_envelope,
        **more,
    )


ENDPOINTS = (
    Endpoint(
        "rotate/root",
        {Operation.UPDATE: sealable(rotate_root)},
        "Replace the root key, which the keyring is encrypted under.",
        sudo=True,
    ),
    *_Paths(_rotating(BARRIER), in_data=True).endpoints("rotate/root", "unseal key"),
    *_Paths(_rotating(RECOVERY), in_data=True).endpoints("rotate/recovery", "recovery key"),
    *_Paths(_rekeying(BARRIER), in_data=False).endpoints("rekey", "unseal key"),
    *_Paths(_rekeying(RECOVERY), in_data=False).endpoints("rekey-recovery-key", "recovery key"),
    _backup("rotate/root/backup", BARRIER, in_envelope=True),
    _backup("rotate/recovery/backup", RECOVERY, in_envelope=True),
    _backup("rekey/backup", BARRIER, in_envelope=True, outside_namespaces=ROOT_ONLY),
    _backup("rekey/recovery-key-backup", RECOVERY, in_envelope=True, outside_namespaces=ROOT_ONLY),
)
