"""What every backend offers, and what it asks of the keys above it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from vaultctl.logical.storage import Replaced, Stored
from vaultctl.storage.header import Commit, Header


class Integrity(Protocol):
    """The keyed functions by which a backend shows that nobody else wrote its state."""

    def mac(self, data: bytes, /) -> bytes:
        """Authenticate the bytes; the tag differs each time."""
        ...

    def is_authentic(self, data: bytes | memoryview, tag: bytes, /) -> bool:
        """Tell whether the tag was made for these bytes."""
        ...

    def fingerprint(self, name: str, blob: bytes, /) -> int:
        """Give the entry's part in the set digest: 256 bits that only a holder of the keys can tell."""
        ...

    def fingerprints(self, replaced: Iterable[Replaced], /) -> int:
        """Give by how much the sum of the fingerprints grows when these ciphertexts take the place of others."""
        ...

    def hide(self, data: bytes, /) -> bytes:
        """Encrypt bookkeeping of the backend's own."""
        ...

    def reveal(self, blob: bytes, /) -> bytes:
        """Decrypt it. Raises: IntegrityError."""
        ...


class Snapshot(Protocol):
    """One generation of a state; it never changes."""

    @property
    def header(self) -> Header:
        """The header, not yet verified."""
        ...

    def get(self, name: str, /) -> bytes | None:
        """Return the entry's ciphertext, or None."""
        ...

    def names(self, start: str, /) -> Iterator[str]:
        """Give all names from `start` on (itself included) in byte order."""
        ...

    def count(self, start: str, end: str, /) -> int:
        """Count the names from `start` on (itself included) and before `end`; that takes less than to walk them."""
        ...

    def entries(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on, with their ciphertext."""
        ...

    def heads(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give the same with the first bytes of each ciphertext, `HEAD_B` at most: who wrapped it stands there."""
        ...

    def verify(self, integrity: Integrity, /) -> None:
        """Check what one read can check. Raises: IntegrityError."""
        ...

    def audit(self, integrity: Integrity, /) -> list[str]:
        """Check the whole state, entry by entry where that says more than `verify`; give what is wrong, in words."""
        ...


class Salvage(NamedTuple):
    """What can still be read of a damaged state: its header, if at all, and each entry; None for one that cannot be."""

    header: Header | None
    entries: Iterator[tuple[str, bytes | None]]


class Writer(Protocol):
    """A held lock over the newest generation."""

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest generation, or None where there is no state yet."""
        ...

    def stored(self, start: str, limit: int, /) -> Sequence[Stored]:
        """Give so many entries from the name `start` on, for `replace`."""
        ...

    def replace(self, replaced: Sequence[Replaced], integrity: Integrity, /) -> bool:
        """Put other ciphertexts in the place of those, within this transaction; `commit` makes that durable.

        Returns False where nothing was done, because all changes have to come with the commit.
        """
        ...

    def commit(self, commit: Commit, integrity: Integrity, /) -> None:
        """Make it durable. When this returns it is on disk; when it raises, nothing changed.

        One error says of itself that the change was made: where only the folder's names could not be synced.

        Raises: StateError.
        """
        ...


class JobLock(Protocol):
    """Held by whoever steps a job. A free lock is a dead owner."""

    def release(self) -> None:
        """Let it go."""
        ...


class Backend(Protocol):
    """A place where one state is kept."""

    @property
    def kind(self) -> str:
        """Its name in VAULTCTL_STORAGE and in `status`: memory, json, toml, sqlite."""
        ...

    @property
    def location(self) -> str:
        """The file, for messages."""
        ...

    def exists(self) -> bool:
        """Tell whether a state is there."""
        ...

    def reader(self) -> AbstractContextManager[Snapshot]:
        """Give the newest generation, without a lock; nearly free while it is the last one. Raises: StateError."""
        ...

    def writer(self, *, synced: bool = True) -> AbstractContextManager[Writer]:
        """Take the lock and give the newest generation; one commit at most. Raises: StateLocked, other StateErrors.

        Without `synced` a power failure may take the commit back, with all behind it, until one is synced again.
        """
        ...

    def overwriter(self) -> AbstractContextManager[Writer]:
        """Take the lock for a commit of a whole state; what is there and cannot be read is kept under another name.

        Raises: NewerFormat, StateLocked, other StateErrors.
        """
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep all writers out; what is there can be read meanwhile. Raises: StateLocked and other StateErrors."""
        ...

    def is_awaited(self) -> bool:
        """Tell whether somebody waits for the lock; who writes much lets others in then. Raises: StateUnavailable."""
        ...

    def retire(self, path: str, /) -> None:
        """Give the state's file another name, whole in itself. Only with the lock held. Raises: StateUnavailable."""
        ...

    def salvage(self) -> Salvage:
        """Read what can be read, whatever the damage. Raises: StateError where that is nothing."""
        ...

    def job_lock(self, job_id: str, /) -> JobLock | None:
        """Take a job's lock, or return None where somebody else has it."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...
