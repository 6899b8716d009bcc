"""A state goes over to another key of its seal, or to another seal: what changes in the one commit that does it.

A new root key is put under the new one, and what the earlier ones wrapped is left to a rewrap, which begins in the same
commit; until it is over the header names the earlier ones. Whoever held shares holds them afterwards: those of an
unseal key become shares of the recovery key, and the other way round, for it is the same key. A state that has neither
gets an unseal key of its own, whose shares are made, stored and shown *before* the state goes over: where that is cut
short, the same shares are shown again.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import initialise, records, recovery, rewrap
from vaultctl.core.quorum import Quorum
from vaultctl.core.rekeying import backup_name
from vaultctl.crypto import shamir
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.several import Several, current_of, previous_of
from vaultctl.crypto.seals.shamir import ShamirSeal
from vaultctl.logical.errors import InvalidRequest, SealKeyError, StateUnavailable
from vaultctl.logical.json_text import base64_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from vaultctl.core.sealing import Plan
    from vaultctl.core.session import Session
    from vaultctl.core.views import Transaction, View
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header

PREPARED = "core/seal/migration"
"""The unseal key of a shamir seal that the state is about to go over to, and its shares; gone with that commit."""


class Prepared(NamedTuple):
    """An unseal key that was made for the state, with its shares as their holders get them."""

    key: bytes
    shares: Sequence[bytes]
    threshold: int

    def __repr__(self) -> str:
        """Show how many shares there are, and none of them."""
        return f"Prepared({len(self.shares)} shares)"


def check_no_rewrap(view: View) -> None:
    """Refuse to change the seal while its keys are needed as they are. Raises: StateUnavailable."""
    if rewrap.running(view):
        raise StateUnavailable(
            "a rewrap is running, and needs the keys as they are", hint="follow it to its end: vaultctl sealwrap rewrap"
        )


def put_under(transaction: Transaction, seal: Seal, find: Callable[[Mapping[str, Any]], Seal]) -> None:
    """Make a new root key, under this seal; earlier ones that wrap entries stay known. Raises: StateError.

    With the old seal and an old copy people have the old root key, which opens nothing that is written from now on.
    `find` gives an earlier seal by its description.
    """
    old = current_of(transaction.seal)
    earlier = [*([dict(old.describe())] if old.is_auto else []), *map(dict, previous_of(transaction.seal))]
    previous = [each for each in earlier if each["key_id"] != seal.key_id]
    transaction.replace_root_key(Several(seal, previous, find) if previous else current_of(seal))


def quorum_of(header: Header, load: Callable[[], recovery.Recovery]) -> Quorum | None:
    """Tell whose shares a change of the seal takes; None where nobody has any. `load` looks below the barrier."""
    seal = header.seal
    if seal["type"] == ShamirSeal.kind:
        return Quorum(seal["shares"], seal["threshold"], "unseal")
    found = load()
    return Quorum(found.shares, found.threshold, "recovery") if found.shares else None


def combined(shares: Sequence[bytes], number: int, threshold: int) -> bytearray:
    """Put shares together, of which there are so many. Raises: SealKeyError where they are too few, or do not fit."""
    distinct = list(dict.fromkeys(map(bytes, shares)))
    if len(distinct) < threshold:
        repeated = "; a share that is given twice counts once" if len(distinct) < len(shares) else ""
        were = "1 share was" if len(distinct) == 1 else f"{len(distinct)} shares were"
        raise SealKeyError(f"{were} given, and {threshold} of {number} are needed{repeated}")
    try:
        return shamir.combine(distinct[:threshold])
    except InvalidRequest as error:
        raise SealKeyError(f"the shares that were given do not go together: {error.errors[0]}") from None


def unseal_key(header: Header, shares: Sequence[bytes], random: Callable[[int], bytes]) -> ShamirSeal:
    """Give the shamir seal of a header by shares of its key. Raises: SealKeyError."""
    numbers = header.seal["shares"], header.seal["threshold"]
    key = combined(shares, *numbers)
    try:
        seal = ShamirSeal(key, *numbers, random) if len(key) == KEY_B else None
        if seal is None or seal.key_id != header.seal["key_id"]:
            raise _wrong()
        return seal
    finally:
        shamir.wipe(key)


def _wrong() -> SealKeyError:
    return SealKeyError(
        "the shares that were given are not those of this state", hint="one of them is of another state, or mistyped"
    )


def prepare(transaction: Transaction, plan: Plan, random: Callable[[int], bytes]) -> Prepared:
    """Make an unseal key and its shares, unless that was done for the same plan and then cut short.

    Raises: InvalidRequest where the numbers cannot be, StateError.
    """
    if plan.pgp_keys and len(plan.pgp_keys) != plan.shares:
        raise InvalidRequest("count mismatch between number of provided PGP keys and number of shares")
    wanted = [plan.shares, plan.threshold, hashlib.sha256(b"".join(map(_framed, plan.pgp_keys))).hexdigest()]
    before = records.load(transaction, PREPARED)
    if before and before["plan"] == wanted:
        return Prepared(_bytes(before["key"]), [_bytes(share) for share in before["shares"]], plan.threshold)
    key = random(KEY_B)
    shares = initialise.for_holders(shamir.split(key, plan.shares, plan.threshold, random), plan)
    record = {"plan": wanted, "key": base64_text(key), "shares": [base64_text(share) for share in shares]}
    transaction.put(PREPARED, records.to_bytes(record), seal_wrap=True)
    return Prepared(key, shares, plan.threshold)


def to_shamir(
    session: Session, find: Callable[[Mapping[str, Any]], Seal], shares: Sequence[bytes], prepared: Prepared | None
) -> ShamirSeal:
    """Go over to shares: those of the recovery key, which are given, or those that were prepared.

    Raises: SealKeyError where they are not the ones, StateError.
    """
    transaction, random = session.transaction, session.host.random
    if prepared is None:
        found = recovery.load(transaction)
        key = combined(shares, found.shares, found.threshold)
        if not found.shares or not hmac.compare_digest(bytes(key), recovery.load_key(transaction)):
            raise _wrong()
        seal = ShamirSeal(key, found.shares, found.threshold, random)
        shamir.wipe(key)
    else:
        stored = records.load(transaction, PREPARED)
        if stored is None or _bytes(stored["key"]) != prepared.key:
            raise StateUnavailable("another command prepared other shares meanwhile", hint="run it again")
        seal = ShamirSeal(prepared.key, len(prepared.shares), prepared.threshold, random)
    put_under(transaction, seal, find)
    recovery.remove(transaction)
    transaction.delete(PREPARED)
    _move_backup(transaction, "recovery", "barrier")
    return seal


def to_auto(session: Session, find: Callable[[Mapping[str, Any]], Seal], seal: Seal, shares: Sequence[bytes]) -> None:
    """Go over to a seal that opens by itself; shares of an unseal key, which are given, become recovery shares.

    Raises: SealKeyError where they are not the ones, StateError.
    """
    transaction = session.transaction
    header, was_auto = transaction.header, current_of(transaction.seal).is_auto
    if was_auto:
        put_under(transaction, seal, find)
    else:
        unseal_key(header, shares, session.host.random)
        key = combined(shares, header.seal["shares"], header.seal["threshold"])
        put_under(transaction, seal, find)
        recovery.store(transaction, bytes(key), recovery.Recovery(header.seal["shares"], header.seal["threshold"]))
        shamir.wipe(key)
        _move_backup(transaction, "barrier", "recovery")
    transaction.delete(PREPARED)


def _move_backup(transaction: Transaction, source: str, target: str) -> None:
    """Keep the backup of the shares, where somebody wanted one, with what they are shares of now."""
    backup = transaction.get(backup_name(source))
    if backup is not None:
        transaction.put(backup_name(target), backup)
        transaction.delete(backup_name(source))


def _framed(key: bytes) -> bytes:
    return len(key).to_bytes(8) + key


def _bytes(text: str) -> bytes:
    return binascii.a2b_base64(text)
