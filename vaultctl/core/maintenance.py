"""Work on a whole state from outside: verify it, save what is left of it, copy it, put a copy back.

Entries are copied as they are, under the keys that they have; only what proves the whole is made anew.
"""

from collections.abc import Callable
from typing import NamedTuple

from vaultctl.core.mounts import new_uuid
from vaultctl.core.state import State, damaged_entries
from vaultctl.core.views import KEYRING, KEYS, ROOT_KEY, decrypt
from vaultctl.crypto.aead import Random
from vaultctl.crypto.barrier import Barrier, open_keyring
from vaultctl.crypto.seals.seal import Seal
from vaultctl.logical.errors import IntegrityError, Sealed, SealKeyError, StateError, StateUnavailable
from vaultctl.storage.backend import Backend, Salvage, Snapshot
from vaultctl.storage.header import RESTORE, Commit, Header

_FAR = 1 << 20
"""How far the generation jumps where the one that was there cannot be read."""


class Report(NamedTuple):
    """What a check found: how many entries there are, and what is wrong, in words."""

    entries: int
    problems: list[str]


class Saved(NamedTuple):
    """What a salvage came to: how many entries were saved, and which were lost."""

    entries: int
    lost: list[str]


def check(state: State) -> Report:
    """Verify every entry, and the whole. Raises: StateError where the state cannot even be opened."""
    with state.backend.reader() as snapshot:
        unsealed = state.keys_of(snapshot)
        problems = [f"the entry {name} is damaged" for name in damaged_entries(snapshot, unsealed)]
        problems += snapshot.audit(unsealed.barrier)
        return Report(sum(1 for _ in snapshot.names("")), problems)


def salvage(source: Backend, find_seal: Callable[[Header | None], Seal], target: Backend, random: Random) -> Saved:
    """Write all that still decrypts into a new state. Raises: StateError where nothing does, or the target is taken."""
    found = source.salvage()
    blobs, lost = _read_all(found)
    seal = find_seal(found.header)
    barrier = _open_keys(seal, blobs, random)
    kept: dict[str, bytes | None] = {name: blobs[name] for name in KEYS}
    for name in sorted(set(blobs) - KEYS):
        try:
            decrypt(seal, barrier, name, blobs[name])
            kept[name] = blobs[name]
        except (IntegrityError, SealKeyError):  # without its key an entry is lost, too
            lost.append(name)
    header = _salvaged_header(found.header, seal, kept, random)
    with target.writer() as writer:
        if writer.snapshot is not None:
            raise StateUnavailable(f"{target.location} is there already", hint="name a file that is not there yet")
        writer.commit(Commit(header, kept, whole=True), barrier)
    return Saved(len(kept), lost)


def migrate(state: State, target: Backend, kept: str) -> int:
    """Move the state to another backend, which must hold none; the old file gets the name `kept`.

    Returns how many entries it has. Raises: StateError; then the state is where it was.
    """
    with state.backend.locked():
        with state.reader() as view:
            barrier = state.keys_of(view.snapshot).barrier
            changes = _entries_of(view.snapshot, barrier)
            with target.writer() as writer:
                if writer.snapshot is not None:
                    raise StateUnavailable(
                        f"there is a state at {target.location} already", hint="remove it, or choose another backend"
                    )
                writer.commit(Commit(view.header, changes, whole=True), barrier)
        try:
            state.backend.retire(kept)
        except StateError as error:
            raise StateUnavailable(
                f"{error.errors[0]}; the state is at {state.backend.location} still, and at {target.location} too",
                hint="remove one of the two, they are the same; until then commands ask which one is meant",
            ) from error
    return len(changes)


def save(state: State, target: Backend) -> int:
    """Write a consistent copy of the state into a file: a new one, or over an older copy. Raises: StateError."""
    with state.reader() as view:
        barrier = state.keys_of(view.snapshot).barrier
        changes = _entries_of(view.snapshot, barrier)
        _check_takes_copy(target, view.header)
        with target.overwriter() as writer:
            writer.commit(Commit(view.header, changes, whole=True), barrier)
    return len(changes)


def _check_takes_copy(target: Backend, header: Header) -> None:
    """Refuse to write over anything but an older copy of the same state. Raises: StateUnavailable."""
    if not target.exists():
        return
    try:
        with target.reader() as there:
            is_copy = there.header.cluster_id == header.cluster_id
    except IntegrityError:
        is_copy = False
    if not is_copy:
        raise StateUnavailable(
            f"{target.location} is there already, and is no snapshot of this state",
            hint="name a file that is not there yet",
        )


def restore(saved: State, target: Backend, *, force: bool = False) -> tuple[int, Header]:
    """Put a saved state in the place of the one that is there; give how many entries it has, and its header.

    One that is sealed is not replaced: unsealing it comes first. Raises: Sealed, StateError.
    """
    with saved.backend.reader() as snapshot:
        header = snapshot.header
        barrier = saved.verified_under(saved.seal_of, snapshot).barrier
        changes = _entries_of(snapshot, barrier)
        with target.overwriter() as writer:
            current = writer.snapshot.header if writer.snapshot else None
            if current and current.sealed:
                raise Sealed
            if current and current.cluster_id != header.cluster_id and not force:
                raise StateUnavailable(
                    f"the snapshot is of the state {header.cluster_id}, and the one here is {current.cluster_id}",
                    hint="say -force to put it in the place of this one all the same",
                )
            restored = _restored_header(header, current)
            writer.commit(Commit(restored, changes, whole=True), barrier)
    return len(changes), restored


def _read_all(found: Salvage) -> tuple[dict[str, bytes], list[str]]:
    blobs: dict[str, bytes] = {}
    lost = []
    for name, blob in found.entries:
        if blob is None:
            lost.append(name)
        else:
            blobs[name] = blob
    return blobs, lost


def _open_keys(seal: Seal, blobs: dict[str, bytes], random: Random) -> Barrier:
    try:
        root_key = seal.unwrap(ROOT_KEY, blobs.get(ROOT_KEY, b""))
        keyring = open_keyring(root_key, KEYRING, blobs.get(KEYRING, b""), random)
    except IntegrityError as error:
        raise StateError(
            f"nothing can be saved: {error.errors[0]}, and without it no entry decrypts",
            hint="restore a backup with 'vaultctl operator snapshot restore FILE'",
        ) from error
    return Barrier(keyring, random)


def _salvaged_header(header: Header | None, seal: Seal, kept: dict[str, bytes | None], random: Random) -> Header:
    if header is None:
        header = Header(new_uuid(random), "", _FAR, {}, seal.describe(), sealed=False, epoch=0, encryptions={})
    return header._replace(generation=header.generation + 1, tables=_tables(kept, header.generation + 1))


def _restored_header(header: Header, current: Header | None) -> Header:
    """Give a header that every process takes for a newer one, whatever it has in its caches.

    Its epoch is a new one: keys that somebody holds may not be those of the copy.
    """
    generation = max(header.generation, current.generation if current else header.generation + _FAR) + 1
    tables = dict.fromkeys(header.tables, generation)
    counts = dict(header.encryptions)
    if current and current.cluster_id == header.cluster_id:  # the same keys: what was encrypted since counts too
        counts.update({term: max(count, counts.get(term, 0)) for term, count in current.encryptions.items()})
    epoch = max(header.epoch, current.epoch if current else header.epoch) + 1
    return header._replace(generation=generation, tables=tables, encryptions=counts, sealed=False, epoch=epoch)


def _tables(entries: dict[str, bytes | None], generation: int) -> dict[str, int]:
    return {name.split("/", 2)[1]: generation for name in entries if name.startswith("core/")}


def _entries_of(snapshot: Snapshot, barrier: Barrier) -> dict[str, bytes | None]:
    """Give all entries of a state that is whole: a copy must not make damage look good. Raises: IntegrityError."""
    problems = snapshot.audit(barrier)
    if problems:
        raise IntegrityError(problems[0], hint=RESTORE)
    return dict(snapshot.entries(""))
