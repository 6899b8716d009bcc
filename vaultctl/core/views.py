"""One generation of the state, for reading and for writing: names and plain values over ciphertext.

Whoever opens a generation gives its keys; where those come from is `state`'s matter.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from vaultctl.crypto.aead import KEY_B, Random
from vaultctl.crypto.barrier import ROTATE_AFTER, SEALED, Barrier, seal_keyring
from vaultctl.logical.errors import IntegrityError, SealKeyError, StateError
from vaultctl.storage.header import RESTORE, Commit, Header, next_header
from vaultctl.storage.names import below, children, past
from vaultctl.storage.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.logical.storage import Replaced, Stored
    from vaultctl.storage.backend import Snapshot, Writer

Savepoint = tuple[int, Header]
"""How many changes there were, and how the header stood."""

KEYRING = "core/keyring"
ROOT_KEY = "core/seal/root-key"
_SEALED = bytes([SEALED])
KEYS = frozenset({KEYRING, ROOT_KEY})
"""The entries that no barrier term encrypts."""


_OWN = "core/"
_BOTH_WAYS = "a seal's key has to decrypt what it encrypts: name another one, or see to its rights"


class Unsealed:
    """The keys of a state, and the versions in its header that they go with."""

    def __init__(self, seal: Seal, barrier: Barrier, version: tuple[str, int, int, int], *, wraps: bool = True) -> None:
        """Without `wraps` no entry is wrapped by the seal any more."""
        self.memo: dict[str, Any] = {}
        """What was decoded under these keys, each with the version in the header that it goes with.

        It goes with the keys, for what is of one state must never be taken for another's that has come in its place.
        """
        self.wraps = wraps
        self.seal = seal
        self.barrier = barrier
        self.version = version


class View:
    """One generation, for reading."""

    def __init__(self, snapshot: Snapshot, unsealed: Unsealed, header: Header | None = None) -> None:
        self.header = header or snapshot.header
        """The header of the generation; of a transaction, that of the generation that it follows."""

        self.snapshot = snapshot
        self.memo = unsealed.memo
        self.before_seal: Callable[[Seal], None] | None = None
        """Called with the seal before it is asked; it may raise."""
        self._unsealed = unsealed
        self._seal = unsealed.seal
        self._barrier = unsealed.barrier

    @property
    def seal(self) -> Seal:
        """What keeps the root key, and wraps entries."""
        return self._seal

    @property
    def wraps(self) -> bool:
        """Tell whether entries that ask for it are wrapped: a seal that needs people to open wraps none."""
        return self._unsealed.wraps and self._seal.is_auto

    def get(self, name: str, /) -> bytes | None:
        """Return an entry's value. Raises: IntegrityError."""
        blob = self.snapshot.get(name)
        return None if blob is None else self.decrypt(name, blob)

    def list(self, prefix: str, /, *, after: str = "", limit: int | None = None) -> list[str]:
        """Return what stands directly below the prefix."""
        return children(self.snapshot.names, prefix, after, limit)

    def below(self, prefix: str, after: str = "") -> Iterator[str]:
        """Give every name that begins with the prefix, and sorts after another."""
        return below(self.snapshot.names, prefix, after)

    def first_found(self, prefix: str) -> str | None:
        """Give the first name that begins with the prefix, as it was before this write."""
        return next(self.below(prefix), None)

    def count_below(self, folder: str) -> int:
        """Count the names that begin with a folder, whose own ends in a slash."""
        return self.snapshot.count(folder, past(folder))

    def entries(self, prefix: str, /, *, deep: bool = True) -> Iterator[tuple[str, bytes]]:
        """Give every entry whose name begins with the prefix, or of those not `deep` the direct ones.

        Raises: IntegrityError.
        """
        for name, blob in self.snapshot.entries(prefix):
            if not name.startswith(prefix):
                return
            if deep or "/" not in name[len(prefix) :]:
                yield name, self.decrypt(name, blob)

    def changed_below(self, _prefix: str) -> bool:
        """Tell that nothing changed: this is a generation as it was committed."""
        return False

    def put(self, name: str, value: bytes, /, *, seal_wrap: bool = False) -> None:
        """Refuse: a request that writes must be opened for writing."""
        raise RuntimeError("a write on a snapshot")

    def delete(self, name: str, /) -> None:
        """Refuse: a request that writes must be opened for writing."""
        raise RuntimeError("a write on a snapshot")

    def root_key(self) -> bytes:
        """Give the root key, from under the seal. Raises: IntegrityError."""
        if self.before_seal is not None:
            self.before_seal(self._seal)
        wrapped = self.snapshot.get(ROOT_KEY)
        if wrapped is None:
            raise IntegrityError("the state has no root key")
        return self._seal.unwrap(ROOT_KEY, wrapped)

    def encrypt_token(self, plain: bytes) -> bytes:
        """Encrypt what a batch token holds."""
        return self._barrier.encrypt_token(plain)

    def decrypt_token(self, blob: bytes) -> bytes | None:
        """Decrypt what a batch token holds, or return None where it is none of this state's."""
        return self._barrier.decrypt_token(blob)

    def decrypt(self, name: str, blob: bytes) -> bytes:
        """Decrypt an entry, from under the seal too where it wrapped it. Raises: IntegrityError."""
        if self.before_seal is not None and blob[:1] == bytes([SEALED]):
            self.before_seal(self._seal)
        return decrypt(self._seal, self._barrier, name, blob)

    @property
    def term(self) -> tuple[int, str]:
        """The keyring term that encrypts, and when it was made (RFC 3339)."""
        keyring = self._barrier.keyring
        return keyring.active, keyring.terms[keyring.active].created


class Transaction(View):
    """One write: an overlay over the newest generation, and a held lock. It commits once, or never."""

    def __init__(
        self,
        writer: Writer,
        header: Header,
        unsealed: Unsealed,
        random: Random,
        now: Callable[[], str],
    ) -> None:
        self._overlay = Overlay(writer.snapshot)
        self._writer = writer
        self._random = random
        self._now = now
        self._stands = header
        """The header with what this write changes of the seal, and of whether the state is sealed."""

        self._encrypted = 0
        """How many entries the active term of the keyring encrypted here; it must not be used for ever."""

        self._encrypted_before: dict[str, int] = {}
        """The same, by term, of those that were replaced here."""

        self.committed: Callable[[Snapshot, Unsealed], None] | None = None
        """Called with the generation that the commit made, and the keys that this one was opened with."""

        self.new_root_key: bytes | None = None
        """The root key that this write makes, where no seal opens it without people: somebody must keep it."""
        super().__init__(self._overlay, unsealed, header)  # type: ignore[arg-type]  # it reads as a snapshot does

    @property
    def changed(self) -> bool:
        """Tell whether there is anything to commit."""
        return bool(self._overlay.changes) or self._stands is not self.header

    def changed_below(self, prefix: str) -> bool:
        """Tell whether anything changed whose name begins with the prefix."""
        return self._overlay.changed_below(prefix)

    def first_stored(self, prefix: str) -> str | None:
        """Give the first name below the prefix that this transaction stored."""
        return self._overlay.first_stored(prefix)

    def put(self, name: str, value: bytes, /, *, seal_wrap: bool = False) -> None:
        """Store an entry. Raises: SealUnavailable, where it has to be wrapped and cannot be."""
        if seal_wrap and self.wraps and self.before_seal is not None:
            self.before_seal(self._seal)
        self._encrypted += 1
        blob = self._barrier.encrypt(name, value)
        self._overlay.put(name, self._seal.wrap(name, blob) if seal_wrap and self.wraps else blob)

    def first_found(self, prefix: str) -> str | None:
        """Give the first name that begins with the prefix, as it was before this transaction."""
        base = self._writer.snapshot
        return next(below(base.names, prefix), None) if base else None

    def stored_heads(self, after: str) -> Iterator[tuple[str, bytes]]:
        """Give the first bytes of every entry's ciphertext behind a name, as it was before this transaction."""
        base = self._writer.snapshot
        return base.heads(past_name(after)) if base else iter(())

    def stored(self, after: str, limit: int) -> Sequence[Stored]:
        """Give the ciphertext of so many entries behind a name, as it lies there; for a step that puts nothing else."""
        return self._writer.stored(past_name(after), limit)

    def replace(self, replaced: Sequence[Replaced]) -> None:
        """Put other ciphertexts in the place of what `stored` gave, in order: the seal's layer was changed.

        No rollback to a savepoint undoes it; without a commit nothing of it stays.
        """
        own: Sequence[Replaced] = []
        others = replaced
        if replaced[0][1] < past(_OWN):  # in order, so that those come first of whose tables the header tells
            own = [each for each in replaced if each[1].startswith(_OWN)]
            others = [each for each in replaced if not each[1].startswith(_OWN)]
        if others and not self._writer.replace(others, self._barrier):
            own = [*own, *others]
        for _, name, _, blob in own:
            self._overlay.put(name, blob)

    def delete(self, name: str, /) -> None:
        """Remove an entry if it is there."""
        self._overlay.delete(name)

    def mark(self) -> Savepoint:
        """Give a savepoint."""
        return len(self._overlay.undo), self._stands

    def rollback(self, mark: Savepoint) -> None:
        """Undo every change since the savepoint."""
        changes, self._stands = mark
        self._overlay.rollback(changes)
        self.new_root_key = None

    def put_keys(self, root_key: bytes) -> None:
        """Store the root key under the seal, and the keyring under the root key.

        Raises: SealKeyError where the seal does not give it back: what is committed under it would be lost.
        """
        wrapped = self._seal.wrap(ROOT_KEY, root_key)
        _check_opens(self._seal, wrapped, root_key)
        self._overlay.put(ROOT_KEY, wrapped)
        self._overlay.put(KEYRING, seal_keyring(root_key, KEYRING, self._barrier.keyring, self._random))

    def drop_previous(self) -> None:
        """Know of no earlier seal and key any more; the root key stays as the current one wrapped it."""
        from vaultctl.crypto.seals.several import current_of

        self._seal = current_of(self._seal)
        self._stands = self._stands._replace(seal=self._seal.describe())
        self._overlay.put(ROOT_KEY, self._overlay.get(ROOT_KEY) or b"")  # as it is: who kept the keys looks again

    @property
    def stands(self) -> Header:
        """The header of the generation that this one follows, with the seal, the mark and the epoch of this one."""
        return self._stands

    def opens(self, seal: Seal) -> bool:
        """Tell whether a seal opens the root key as it stands."""
        try:
            seal.unwrap(ROOT_KEY, self._overlay.get(ROOT_KEY) or b"")
        except (IntegrityError, SealKeyError):
            return False
        return True

    def replace_root_key(self, seal: Seal | None = None) -> None:
        """Make a new root key, under the seal as it is or under another; the keyring goes under it as it stands."""
        root_key = self._random(KEY_B)
        if seal is not None:
            from vaultctl.crypto.seals.several import in_front_of

            self._seal = in_front_of(self._seal, seal)
            self._stands = self._stands._replace(seal=self._seal.describe())
        if not self._seal.is_auto:
            # Whoever else keeps the root key keeps one that opens nothing any more: with the epoch that is told.
            self.mark_sealed(sealed=False)
            self.new_root_key = root_key
        self.put_keys(root_key)

    def mark_sealed(self, *, sealed: bool) -> None:
        """Set or clear the mark of `operator seal`; every process drops its keys when it sees the new epoch."""
        self._stands = self._stands._replace(sealed=sealed, epoch=self._stands.epoch + 1)

    def rotate(self) -> None:
        """Begin a new keyring term, which encrypts from now on."""
        root_key = self.root_key()
        self._encrypted_before, self._encrypted = self._encryptions, 0
        self._barrier = Barrier(self._barrier.keyring.rotated(self._random, self._now()), self._random)
        self._overlay.put(KEYRING, seal_keyring(root_key, KEYRING, self._barrier.keyring, self._random))

    def commit(self, *, rotate_after: float = ROTATE_AFTER) -> Header:
        """Make the changes durable and return their header. Raises: StateError; then nothing changed."""
        if self.header.encryptions.get(self._barrier.term, 0) >= rotate_after:
            self.rotate()
        header = next_header(self._stands, self._overlay.changes, self._encryptions)
        self._writer.commit(Commit(header, self._overlay.changes), self._barrier)
        self._encrypted_before, self._encrypted = {}, 0
        if self.committed and self._writer.snapshot:
            self.committed(self._writer.snapshot, self._unsealed)
        return header

    @property
    def _encryptions(self) -> dict[str, int]:
        """How many entries were encrypted here, by term."""
        now = {self._barrier.term: self._encrypted} if self._encrypted else {}
        return {**self._encrypted_before, **now}


def decrypt(seal: Seal, barrier: Barrier, name: str, blob: bytes) -> bytes:
    """Decrypt an entry, from under the seal too where it wrapped it. Raises: IntegrityError."""
    return barrier.decrypt(name, seal.unwrap(name, blob) if blob[:1] == _SEALED else blob)


def past_name(after: str) -> str:
    """Give where the names behind a name begin."""
    return after + "\0" if after else ""


def _check_opens(seal: Seal, wrapped: bytes, root_key: bytes) -> None:
    """Have the seal open what it wrapped: it may be allowed to encrypt alone. Raises: SealKeyError."""
    hint = _BOTH_WAYS
    try:
        if hmac.compare_digest(seal.unwrap(ROOT_KEY, wrapped), root_key):
            return
        reason = "what it gave back is something else"
    except IntegrityError as error:
        reason = "; ".join(error.errors)
    except StateError as error:
        reason, hint = "; ".join(error.errors), error.hint or hint
    raise SealKeyError(
        f"the {seal.kind} seal does not open what it wrapped just now, and nothing was changed: {reason}", hint=hint
    )


def required(snapshot: Snapshot, name: str) -> bytes:
    """Give a stored entry that no state can be without. Raises: IntegrityError."""
    blob = snapshot.get(name)
    if blob is None:
        raise IntegrityError(f"the state has no entry {name}, and cannot be opened without it", hint=RESTORE)
    return blob
