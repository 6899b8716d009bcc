"""A new key for a seal that opens by itself: first the key, then one commit that puts the root key under it.

The rewrap begins in that commit.

Of a static seal it is a file (`seal_files`), of a pkcs11 seal another key of the token, of a transit seal another
version of its key. A key that was made for nothing, because the commit did not come, does no harm.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.connect import keys, local, seal_files
from vaultctl.connect.attempts import AttemptFiles
from vaultctl.connect.settings import SettingError
from vaultctl.core import attempts, rewrap, seal_change
from vaultctl.core.core import Core
from vaultctl.crypto.seals.several import current_of
from vaultctl.logical.errors import SealKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.connect.seals import Elsewhere
    from vaultctl.connect.settings import Settings
    from vaultctl.core.state import State
    from vaultctl.core.views import Transaction
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header


class Wanted(NamedTuple):
    """Which key a seal shall have. `key_label` and `generates` are of pkcs11, `rotates` is of transit.

    `tell` says to the user what could not be found out.
    """

    key_label: str
    generates: bool
    rotates: bool
    tell: Callable[[str], None]


class Rotated(NamedTuple):
    """The ids of the key that was, and of the one that is now, and where that one is."""

    old: str
    new: str
    source: str


def rotate(settings: Settings, environ: Mapping[str, str], state: State, wanted: Wanted) -> Rotated:
    """Give the seal a new key, and begin a rewrap. Raises: SettingError, StateError."""
    with local.making(settings.data_dir, settings.lock_timeout_s):
        core = Core(state)
        with core.sessions.writing() as session:
            transaction = session.transaction
            _check(transaction)
            old = current_of(transaction.seal)
            seal, source = new_seal(old.kind, settings, environ, transaction.header, wanted)
            seal_change.put_under(transaction, seal, lambda one: keys.find_seal(settings, environ, one))
            rewrap.start(session, time.time_ns(), os.urandom)
            session.commit()
        settle(settings, environ, transaction.header, seal.kind, seal.key_id)
        return Rotated(old.key_id, seal.key_id, source)


def settle(settings: Settings, environ: Mapping[str, str], before: Header, kind: str, key_id: str) -> None:
    """Behind the commit that went over to a key: files get their names, and attempts under the old one end.

    Raises: StateUnavailable.
    """
    attempts.drop_all(AttemptFiles(environ, settings.lock_timeout_s), before)
    if kind == "static":
        seal_files.put_in_place(settings, key_id)


def _check(transaction: Transaction) -> None:
    """Refuse what cannot be rotated, or not now. Raises: SettingError, StateUnavailable."""
    if not transaction.seal.is_auto:
        raise SettingError(
            f"the state is sealed by {transaction.seal.kind}, whose key nobody has but in shares",
            hint="new key shares are made with: vaultctl operator rotate-keys",
        )
    seal_change.check_no_rewrap(transaction)


def new_seal(
    kind: str, settings: Settings, environ: Mapping[str, str], header: Header, wanted: Wanted
) -> tuple[Seal, str]:
    """Give the seal to go over to, and where its key is. Raises: SettingError, StateError."""
    if kind != "pkcs11" and (wanted.key_label or wanted.generates):
        raise SettingError(f"-key-label and -generate are for a pkcs11 seal, and this is {kind}")
    if kind == "static":
        return seal_files.new_key(settings, environ, header)
    from vaultctl.connect.seals import Elsewhere

    elsewhere = Elsewhere(settings, environ)
    return _of_hsm(elsewhere, header, wanted) if kind == "pkcs11" else _of_transit(elsewhere, header, wanted)


def _of_hsm(elsewhere: Elsewhere, header: Header, wanted: Wanted) -> tuple[Seal, str]:
    from vaultctl.connect.seals import good_name

    label = good_name(wanted.key_label, "-key-label") if wanted.key_label else elsewhere.key_label()
    if label == header.seal.get("key_id"):
        raise SettingError(
            f"the key {label} is the one that the state has",
            hint="name another key of the token with -key-label; -generate makes it there",
        )
    hsm = elsewhere.hsm()
    if wanted.generates:
        try:
            hsm.generate(label)
        except SealKeyError as error:
            error.hint = error.hint or "leave -generate away, and that key is taken"
            raise
    return elsewhere.under(label), f"the token {hsm.shown}"


def _of_transit(elsewhere: Elsewhere, header: Header, wanted: Wanted) -> tuple[Seal, str]:
    key = elsewhere.transit_key()
    if wanted.rotates:
        key.rotate()
    is_known = header.seal.get("type") == "transit"
    seal = elsewhere.newest("transit") if is_known else elsewhere.first("transit", wanted.tell)
    if seal.key_id == header.seal.get("key_id"):
        raise SettingError(
            f"the newest version of the transit key {key.name} is the one that the state has",
            hint="rotate it over there, or leave -no-rotate away",
        )
    return seal, f"{key.mount}keys/{key.name}"
