"""New shares of the unseal key or of the recovery key, and a new root key: one attempt, from its beginning to its end.

    begun ──share by share──→ proven ──→ new shares are handed out, and count
                                 └─────→ new shares are handed out ──share by share──→ verified, and count

Until new shares count the former shares open the state, and nothing else does. Shares that prove wrong are
forgotten, and people begin again under the same nonce. OpenBao has two APIs for this, which differ in their words
alone: `rekey`, for which no token is needed, and `rotate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import attempts, quorum, records, recovery
from vaultctl.core.attempts import Attempt
from vaultctl.core.mounts import new_uuid
from vaultctl.core.quorum import WrongKey
from vaultctl.crypto import shamir
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.shamir import ShamirSeal
from vaultctl.logical.errors import InvalidRequest, VaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultctl.core.exchange import SystemContext

BARRIER, RECOVERY = "barrier", "recovery"
"""What new shares are made of."""


class Words(NamedTuple):
    """How one of the two APIs speaks. Source: OpenBao 2.7."""

    name: str
    nothing_begun: str
    in_progress: str
    wrong_nonce: str
    repeated: str
    invalid: str
    wrong_number: str
    not_possible: str
    no_verification: str
    finished: str
    no_config: str
    not_verified: str
    no_key: str
    wrong_key: str
    asks_first: bool
    """That it is told first that there is an attempt, and then what is wrong with another one."""
    alone: tuple[int, int]
    """The numbers of shares that are told where none are made."""
    error: type[VaultError]
    """What numbers that cannot be, and shares that prove wrong, are answered with."""


class Asked(NamedTuple):
    """What is to be made: so many shares, for whom, and whether they are to be verified before they count."""

    shares: int
    threshold: int
    pgp_keys: Sequence[str] = ()
    backup: bool = False
    verify: bool = False


class New(NamedTuple):
    """New shares, as they are handed out: encrypted for those with these fingerprints, if any are named."""

    attempt: Attempt
    shares: Sequence[bytes]
    fingerprints: Sequence[str]

    def __repr__(self) -> str:
        """Show how many there are, and none of them."""
        return f"New({len(self.shares)} shares)"


class Rekeying:
    """The attempt of one API at one target, in one request."""

    def __init__(self, ctx: SystemContext, words: Words, target: str) -> None:
        """Find out whose shares it takes. Raises: InvalidRequest, where the state has no such shares."""
        self.words = words
        self.target = target
        self._ctx = ctx
        self._kind = f"{words.name}-{target}"
        self._header = ctx.session.view.header
        self._attempts = ctx.host.attempts
        self.quorum = quorum.load(ctx.session.view)

    @property
    def attempt(self) -> Attempt | None:
        """The attempt as it stands."""
        return attempts.find(self._attempts, self._header, self._kind)

    @property
    def makes_shares(self) -> bool:
        """Tell whether new shares are made: a seal that opens by itself gets a new root key alone."""
        return self.target == RECOVERY or not self.quorum.is_recovery

    def begin(self, asked: Asked) -> Attempt:
        """Begin an attempt. Raises: InvalidRequest, VaultError for what the words say."""
        if self.target == RECOVERY and not self.quorum.is_recovery:
            raise InvalidRequest(self.words.not_possible)
        if self.words.asks_first and self.attempt is not None:
            raise InvalidRequest(self.words.in_progress)
        if self.makes_shares:
            self._check(asked)
        else:
            asked = self._check_alone(asked)
        if self.attempt is not None:
            raise InvalidRequest(self.words.in_progress)
        record = {**asked._asdict(), "pgp_keys": list(asked.pgp_keys)}
        record["fingerprints"] = [_fingerprint(key) for key in asked.pgp_keys]
        return self._remember(Attempt(self._new_nonce(), attempts.stands(self._header), record))

    def cancel(self) -> None:
        """Forget the attempt, if there is one."""
        self._attempts.drop(self._header.cluster_id, self._kind)

    def enter(self, share: bytearray, nonce: str) -> Attempt | New:
        """Take a share; give the new ones where that is the last it takes. Raises: InvalidRequest."""
        attempt = self.attempt
        if attempt is None:
            raise InvalidRequest(self.words.nothing_begun)
        if attempt.verification:
            raise InvalidRequest(self.words.finished.format(attempt.verification))
        attempt = self._with_share(attempt, share, nonce, attempt.nonce, self.words.wrong_nonce, self.words.repeated)
        if len(attempt.entered) < self.quorum.threshold:
            return attempt
        self._prove(attempt)
        return self._make(attempt.anew())

    def verifying(self) -> Attempt:
        """Give the attempt whose new shares are to be verified. Raises: InvalidRequest, where there is none."""
        attempt = self.attempt
        if attempt is None:
            raise InvalidRequest(self.words.no_config)
        return attempt

    def verify(self, share: bytearray, nonce: str) -> Attempt | None:
        """Take a new share; give None once they are verified, and count. Raises: InvalidRequest."""
        attempt = self.attempt
        made = attempt.made if attempt else None
        if attempt is None or made is None:
            raise InvalidRequest(self.words.no_verification)
        attempt = self._with_share(
            attempt,
            share,
            nonce,
            attempt.verification,
            "incorrect nonce supplied; nonce for this verify operation is",
            "given key has already been provided during this verify operation",
        )
        if len(attempt.entered) < attempt.asked["threshold"]:
            return attempt
        if not _gives(attempt.entered, made):
            self._remember(attempt.anew(verification=self._new_nonce()))
            raise InvalidRequest(self.words.not_verified)
        self._replace(bytes(made), attempt)
        return None

    def verify_anew(self) -> Attempt:
        """Forget the new shares that were entered. Raises: InvalidRequest."""
        attempt = self.verifying()
        if attempt.made is None:
            return attempt
        return self._remember(attempt.anew(verification=self._new_nonce()))

    def _check(self, asked: Asked) -> None:
        """Refuse numbers that cannot be. Raises: VaultError."""
        try:
            shamir.check_numbers(asked.shares, asked.threshold)
            if asked.pgp_keys and len(asked.pgp_keys) != asked.shares:
                raise InvalidRequest(self.words.wrong_number)
            for key in asked.pgp_keys:
                _fingerprint(key)
        except InvalidRequest as error:
            raise self.words.error(f"{self.words.invalid}: {error.errors[0]}") from None

    def _check_alone(self, asked: Asked) -> Asked:
        """Refuse what makes no sense where no shares are made; give what is left. Raises: InvalidRequest."""
        if asked.verify:
            doing = "rekeying" if self.words.name == "rekey" else "rotating"
            raise InvalidRequest(
                f"requiring verification not supported when {doing} the barrier key with recovery keys"
            )
        if asked.backup:
            raise InvalidRequest("key backup not supported when using stored keys")
        return Asked(*self.words.alone)

    def _with_share(
        self, attempt: Attempt, share: bytearray, nonce: str, wanted: str, wrong_nonce: str, repeated: str
    ) -> Attempt:
        if nonce != wanted:
            raise InvalidRequest(f'{wrong_nonce} "{wanted}"')
        quorum.check_length(share)
        if share in attempt.entered:
            raise InvalidRequest(repeated)
        return self._remember(attempt.with_share(share))

    def _prove(self, attempt: Attempt) -> None:
        """Make sure that the shares are the state's; else people begin again. Raises: InvalidRequest."""
        try:
            quorum.prove(self._ctx.session.transaction, self.quorum, attempt.entered, self._ctx.random)
        except InvalidRequest as error:
            self._remember(attempt.anew())
            raise self.words.error(f"{self.words.no_key}: {error.errors[0]}") from None
        except WrongKey as error:
            self._remember(attempt.anew())
            if self.quorum.of == "recovery":
                raise InvalidRequest(str(error)) from None
            raise self.words.error(f"{self.words.wrong_key}: {error}") from None

    def _make(self, attempt: Attempt) -> New:
        """Make new shares; they count at once unless they are to be verified."""
        asked = attempt.asked
        if not self.makes_shares:
            self._replace(b"", attempt)
            return New(attempt, (), ())
        key = bytearray(self._ctx.random(KEY_B))
        shares: Sequence[bytes] = shamir.split(key, asked["shares"], asked["threshold"], self._ctx.random)
        if asked["pgp_keys"]:
            shares = [_encrypted(share, to) for share, to in zip(shares, asked["pgp_keys"], strict=True)]
            if asked["backup"]:
                store_backup(self._ctx, self.target, attempt, shares)
        if asked["verify"]:
            attempt = self._remember(attempt._replace(made=key, verification=self._new_nonce()))
        else:
            self._replace(bytes(key), attempt)
            shamir.wipe(key)
        return New(attempt, shares, asked["fingerprints"])

    def _replace(self, key: bytes, attempt: Attempt) -> None:
        """Have the new shares count from this commit on, and no others."""
        transaction, asked = self._ctx.session.transaction, attempt.asked
        shares, threshold = asked["shares"], asked["threshold"]
        if self.target == RECOVERY:
            recovery.store(transaction, key, recovery.Recovery(shares, threshold))
        elif self.quorum.is_recovery:
            transaction.replace_root_key()
        else:
            transaction.replace_root_key(ShamirSeal(key, shares, threshold, self._ctx.random))
        attempts.drop_all(self._attempts, self._header)  # none of them stands after this

    def _remember(self, attempt: Attempt) -> Attempt:
        self._attempts.put(self._header.cluster_id, self._kind, attempt)
        return attempt

    def _new_nonce(self) -> str:
        return new_uuid(self._ctx.random)


def backup_name(target: str) -> str:
    """Name the entry that holds the newest shares, encrypted for those who are to have them."""
    return f"core/rekey/backup/{target}"


def store_backup(ctx: SystemContext, target: str, attempt: Attempt, shares: Sequence[bytes]) -> None:
    """Keep new shares as they were encrypted, for those who lose theirs on the way."""
    keys: dict[str, list[str]] = {}
    for name, share in zip(attempt.asked["fingerprints"], shares, strict=True):
        keys.setdefault(name, []).append(share.hex())
    records.save(ctx.session.view, backup_name(target), {"nonce": attempt.nonce, "keys": keys})


def _gives(shares: Sequence[bytearray], key: bytearray) -> bool:
    """Tell whether shares give a key."""
    from cryptography.hazmat.primitives.constant_time import bytes_eq

    try:
        found = shamir.combine(shares)
    except InvalidRequest:
        return False
    is_it = bytes_eq(bytes(found), bytes(key))
    shamir.wipe(found)
    return is_it


def _fingerprint(text: str) -> str:
    from vaultctl.crypto import pgp

    return pgp.fingerprint(pgp.read_key(text))


def _encrypted(share: bytes, to: str) -> bytes:
    """Encrypt a share in hex, as OpenBao does, for what people decrypt by hand."""
    from vaultctl.crypto import pgp

    return pgp.encrypt(pgp.read_key(to), share.hex().encode())
