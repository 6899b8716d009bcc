"""The state as the core sees it: names and plain values, over a backend that holds ciphertext.

The keys come from the seal when the state is first read, and are dropped as soon as the header says that the keyring,
the seal or the epoch changed. Nothing is decrypted from a snapshot that was not verified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vaultctl.core.views import KEYRING, KEYS, ROOT_KEY, Transaction, Unsealed, View, required
from vaultctl.crypto.aead import KEY_B, Random
from vaultctl.crypto.barrier import Barrier, damaged, open_keyring
from vaultctl.crypto.keyring import new_keyring
from vaultctl.logical.errors import IntegrityError, NoState, Sealed, SealKeyError, SealKeyGone
from vaultctl.storage.header import Header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.backend import Backend, Snapshot, Writer

_Made = TypeVar("_Made")
_Next = TypeVar("_Next")

AT_HAND = ("static", "shamir")
"""The seals that ask nobody."""


class Opened(Generic[_Made]):
    """What is made of something for as long as that is open: a view of a snapshot, a session over a view.

    A class, because a generator takes twice as long, in every request.
    """

    def __init__(self, found: AbstractContextManager[Any], *steps: Callable[[Any], Any]) -> None:
        """Make something in these steps, each from what the one before made."""
        self._found = found
        self._steps = steps

    def __enter__(self) -> _Made:
        made = self._found.__enter__()
        try:
            for step in self._steps:
                made = step(made)
        except BaseException as error:
            self._found.__exit__(type(error), error, error.__traceback__)
            raise
        opened: _Made = made
        return opened

    def then(self, make: Callable[[_Made], _Next]) -> Opened[_Next]:
        """Give what is made of that in its turn."""
        return Opened(self._found, *self._steps, make)

    def __exit__(self, *what: Any) -> None:
        self._found.__exit__(*what)


class State:
    """An encrypted state, whatever keeps it."""

    def __init__(
        self,
        backend: Backend,
        seal_for: Callable[[Header], Seal],
        *,
        random: Random,
        now: Callable[[], str],
        wraps: bool = True,
    ) -> None:
        """`seal_for` finds the seal that a header names; `now` gives RFC 3339.

        Without `wraps` no entry is wrapped by the seal any more, whatever asks for it: `disable_sealwrap`.
        """
        self._wraps = wraps
        self.backend = backend
        self._seal_for = seal_for
        self._random = random
        self._now = now
        self._unsealed: Unsealed | None = None
        self._verified: tuple[Snapshot, Unsealed] | None = None
        """The newest snapshot that was verified, and its keys."""

    def reader(self, *, waits: bool = True) -> Opened[View]:
        """Open the newest generation for reading. Raises: StateError, Sealed.

        With `waits` false that is Sealed, too, where a seal would have to be waited for.
        """
        unseal = self._unseal if waits else self._unseal_at_once
        return Opened(self.backend.reader(), lambda snapshot: View(snapshot, unseal(snapshot)))

    def writer(self, *, synced: bool = True) -> Opened[Transaction]:
        """Take the lock and open the newest generation for writing. Raises: StateError, Sealed.

        Without `synced` a power failure may take the commit back; see `Backend.writer`.
        """
        if not self.backend.exists():  # a folder that is gone is not made again: whoever moved it may bring it back
            raise NoState(f"there is no state at {self.backend.location}")
        if self._unsealed is None or self._unsealed.seal.kind not in AT_HAND:
            self._ask_seal_first()
        return Opened(self.backend.writer(synced=synced), self._begin)

    def _begin(self, writer: Writer) -> Transaction:
        """Open what a writer found. Raises: StateError, Sealed."""
        if writer.snapshot is None:
            raise NoState(f"there is no state at {self.backend.location}")
        unsealed = self._unseal(writer.snapshot)
        transaction = Transaction(writer, writer.snapshot.header, unsealed, self._random, self._now)
        transaction.committed = self._keep
        return transaction

    def _keep(self, snapshot: Snapshot, unsealed: Unsealed) -> None:
        """Take what was just committed for verified, where the same keys open it."""
        if unsealed.version == _version(snapshot.header):
            self._verified = snapshot, unsealed

    def initialise(self, cluster_id: str, find_seal: Callable[[], Seal], fill: Callable[[Transaction], None]) -> bool:
        """Make the state, unless somebody did so first; `find_seal` is called with the lock held.

        The commit is the last thing that happens. Returns whether this call made it. Raises: StateError.
        """
        with self.backend.writer() as writer:
            if writer.snapshot is not None:
                return False
            seal, created = find_seal(), self._now()
            header = Header(cluster_id, created, 0, {}, seal.describe(), sealed=False, epoch=0, encryptions={})
            keyring = new_keyring(self._random, created)
            unsealed = Unsealed(seal, Barrier(keyring, self._random), _version(header))
            transaction = Transaction(writer, header, unsealed, self._random, self._now)
            transaction.put_keys(self._random(KEY_B))
            fill(transaction)
            transaction.commit()
        return True

    def over(self, backend: Backend) -> State:
        """Give the state in another backend, under the same seal."""
        return State(backend, self._seal_for, random=self._random, now=self._now, wraps=self._wraps)

    def keys_of(self, snapshot: Snapshot) -> Unsealed:
        """Unseal a snapshot without verifying it. Raises: Sealed, SealKeyError, IntegrityError."""
        if snapshot.header.sealed:
            raise Sealed
        return self.keys_under(self._seal_for(snapshot.header), snapshot)

    def keys_under(self, seal: Seal, snapshot: Snapshot) -> Unsealed:
        """Unseal a snapshot by this seal, whatever mark it has, without verifying it. Raises: IntegrityError."""
        root_key = seal.unwrap(ROOT_KEY, required(snapshot, ROOT_KEY))
        if len(root_key) != KEY_B:
            raise damaged(ROOT_KEY)
        keyring = open_keyring(root_key, KEYRING, required(snapshot, KEYRING), self._random)
        return Unsealed(seal, Barrier(keyring, self._random), _version(snapshot.header), wraps=self._wraps)

    def seal_of(self, header: Header) -> Seal:
        """Find the seal of a header, where no people are needed for that. Raises: Sealed, SealKeyError."""
        return self._seal_for(header)

    def unseal(self, seal_for: Callable[[Header], Seal]) -> tuple[Header, bytes]:
        """Clear the mark of `operator seal`, if it is there; give the header, and the root key.

        Nothing is written where there is no mark. Raises: StateError.
        """
        with self.backend.reader() as snapshot:
            header, unsealed = snapshot.header, self.verified_under(seal_for, snapshot)
            root_key = View(snapshot, unsealed).root_key()
        if not header.sealed:
            return header, root_key
        with self.backend.writer() as writer:
            if writer.snapshot is None:
                raise NoState(f"there is no state at {self.backend.location}")
            unsealed = self.verified_under(seal_for, writer.snapshot)
            found = writer.snapshot.header
            transaction = Transaction(writer, found, unsealed, self._random, self._now)
            root_key = transaction.root_key()
            if found.sealed:
                transaction.mark_sealed(sealed=False)
                found = transaction.commit()
        return found, root_key

    @property
    def has_keys(self) -> bool:
        """Tell whether the keys are held here."""
        return self._unsealed is not None

    def forget(self) -> None:
        """Drop all keys that are held here."""
        self._unsealed = self._verified = None

    def verified_under(self, seal_for: Callable[[Header], Seal], snapshot: Snapshot) -> Unsealed:
        """Unseal a snapshot by a seal, whatever mark it has, and verify it. Raises: StateError."""
        unsealed = self.keys_under(seal_for(snapshot.header), snapshot)
        _verify(snapshot, unsealed)
        return unsealed

    def _ask_seal_first(self) -> None:
        """Get the keys before the lock is taken, where a seal may have to be waited for. Raises: StateError, Sealed."""
        with self.backend.reader() as snapshot:
            if self._must_ask(snapshot.header):
                self._unseal(snapshot)

    def _must_ask(self, header: Header) -> bool:
        has_keys = self._unsealed is not None and self._unsealed.version == _version(header)
        return not has_keys and header.seal.get("type") not in AT_HAND

    def _unseal_at_once(self, snapshot: Snapshot) -> Unsealed:
        if self._must_ask(snapshot.header):
            raise Sealed
        return self._unseal(snapshot)

    def _unseal(self, snapshot: Snapshot) -> Unsealed:
        verified = self._verified
        if verified and verified[0] is snapshot:
            return verified[1]
        unsealed = self._unsealed
        if unsealed is None or unsealed.version != _version(snapshot.header):
            self.forget()  # keys of another epoch are dropped, whether there are others or not
            unsealed = self.keys_of(snapshot)
        _verify(snapshot, unsealed)
        self._unsealed = unsealed
        self._verified = snapshot, unsealed
        return unsealed


def check_key_id(header: Header, key_id: str, source: str) -> None:
    """Refuse a key that is not the one the state was sealed with. Raises: SealKeyError."""
    wanted = header.seal.get("key_id")
    if wanted != key_id:
        raise wrong_key(wanted, key_id, source)


def wrong_key(wanted: str | None, key_id: str, source: str) -> SealKeyError:
    """Say which key was wanted, and which was found."""
    return SealKeyGone(
        f"the seal key from {source} has the id {key_id}, and the state was sealed with {wanted}",
        hint="put the key that was made with this state in its place, or name it with VAULTCTL_SEAL_KEY,"
        " or with VAULTCTL_SEAL_KEY_PREVIOUS if another is to take its place",
    )


def damaged_entries(snapshot: Snapshot, unsealed: Unsealed) -> Iterator[str]:
    """Give the names of all entries that do not decrypt."""
    view = View(snapshot, unsealed)
    for name in snapshot.names(""):
        if name in KEYS:
            continue
        try:
            view.get(name)
        except IntegrityError:
            yield name


def _verify(snapshot: Snapshot, unsealed: Unsealed) -> None:
    """Check what one read can check. Raises: IntegrityError, which names the entry if there is one to name."""
    try:
        snapshot.verify(unsealed.barrier)
    except IntegrityError as error:
        raise _named(error, snapshot, unsealed) from error


def _named(error: IntegrityError, snapshot: Snapshot, unsealed: Unsealed) -> IntegrityError:
    """Name the entry that was damaged, where one can be named."""
    try:
        name = next(damaged_entries(snapshot, unsealed), None)
    except IntegrityError as worse:
        return worse
    if name:
        return IntegrityError(f"{error.errors[0]}; the entry {name} is damaged", hint=error.hint)
    return IntegrityError(
        f"{error.errors[0]}; each entry decrypts, so one was removed or put back from an older copy", hint=error.hint
    )


def _version(header: Header) -> tuple[str, int, int, int]:
    tables = header.tables
    return header.cluster_id, tables.get("keyring", 0), tables.get("seal", 0), header.epoch
