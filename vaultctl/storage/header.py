"""The header of a state, which must be readable before any key is at hand, and the commit that makes the next one.

It holds no secret. It is plain, and covered by the state's MAC.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vaultctl.logical.errors import IntegrityError, NewerFormat, NoState

FORMAT = 1
"""The state format that this version writes. Each format has a vector file in tests/vectors/."""

HEAD_B = 2 + 255
"""So long is the longest head of a ciphertext: its kind, and the id of a seal's key."""


class Header(NamedTuple):
    """What a state says of itself.

    `created` is RFC 3339. `generation` grows by one with each commit. `tables` gives, for each `core/<table>/…`, the
    generation that changed it last: caches hang on that. `seal` names the seal's type and its key's id. `sealed` is
    the mark that `operator seal` sets, `epoch` grows each time it changes. `encryptions` counts them by keyring term.
    """

    cluster_id: str
    created: str
    generation: int
    tables: Mapping[str, int]
    seal: Mapping[str, Any]
    sealed: bool
    epoch: int
    encryptions: Mapping[str, int]

    def to_record(self) -> dict[str, Any]:
        """Give the header as it is written."""
        return {
            "format": FORMAT,
            "cluster_id": self.cluster_id,
            "created": self.created,
            "generation": self.generation,
            "tables": dict(sorted(self.tables.items())),
            "seal": dict(self.seal),
            "sealed": self.sealed,
            "epoch": self.epoch,
            "encryptions": dict(self.encryptions),
        }


class Commit:
    """What a writer hands over: the next header, and each changed entry's ciphertext (None: gone).

    With `whole` the entries are all that the state holds from now on.
    """

    def __init__(
        self,
        header: Header,
        changes: Mapping[str, bytes | None],
        *,
        whole: bool = False,
    ) -> None:
        self.header = header
        self.changes = changes
        self.whole = whole


_FIELDS = {
    "cluster_id": str,
    "created": str,
    "generation": int,
    "tables": dict,
    "seal": dict,
    "sealed": bool,
    "epoch": int,
    "encryptions": dict,
}


def parse_json(text: str | bytes) -> Any:
    """Read JSON from a file that anybody may have written. Raises: ValueError, and nothing else."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def from_record(record: object, location: str) -> Header:
    """Read a header as written.

    Raises: NewerFormat, IntegrityError.
    """
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise IntegrityError(f"{location} does not begin with the header of a vaultctl state", hint=RESTORE)
    check_format(record["format"], location)
    for name, kind in _FIELDS.items():
        if not isinstance(record.get(name), kind):
            raise _without(name, location)
    if not _is_seal(record["seal"]):
        raise _without("seal", location)
    for name in ("tables", "encryptions"):
        if not all(type(number) is int for number in record[name].values()):
            raise _without(name, location)
    return Header(**{name: record[name] for name in _FIELDS})


def _without(name: str, location: str) -> IntegrityError:
    return IntegrityError(f"{location} has a header without a good {name}", hint=RESTORE)


def _is_seal(described: Mapping[str, Any], *, may_have_earlier: bool = True) -> bool:
    """Tell whether this may describe a seal: it is read before the key is there that proves it."""
    if not (isinstance(described.get("type"), str) and isinstance(described.get("key_id"), str)):
        return False
    if described["type"] == "shamir":
        shares, threshold = described.get("shares"), described.get("threshold")
        if type(shares) is not int or type(threshold) is not int or not 0 < threshold <= shares < 256:
            return False
    earlier = described.get("previous", [])
    return isinstance(earlier, list) and (
        not earlier or (may_have_earlier and all(isinstance(each, dict) and _is_earlier(each) for each in earlier))
    )


def _is_earlier(described: Mapping[str, Any]) -> bool:
    return _is_seal(described, may_have_earlier=False)


def no_state(location: str) -> NoState:
    """Say that no state is there."""
    return NoState(
        f"there is no state at {location}", hint="any writing command makes one, for example: secrets enable kv"
    )


def check_format(number: int, location: str) -> None:
    """Refuse what a newer vaultctl wrote. Raises: NewerFormat."""
    if number > FORMAT:
        raise NewerFormat(
            f"{location} has state format {number}, this vaultctl knows formats up to {FORMAT}",
            hint="install a newer vaultctl, or point VAULTCTL_DATA_DIR at another folder",
        )


def next_header(header: Header, changed: Iterable[str], encryptions: Mapping[str, int]) -> Header:
    """Give the header of the commit that changes the entries named."""
    generation = header.generation + 1
    tables = dict(header.tables)
    for name in changed:
        if name.startswith("core/"):
            tables[name.split("/", 2)[1]] = generation
    counts = dict(header.encryptions)
    for term, count in encryptions.items():
        counts[term] = counts.get(term, 0) + count
    return Header(
        header.cluster_id, header.created, generation, tables, header.seal, header.sealed, header.epoch, counts
    )


RESTORE = (
    "restore a backup with 'vaultctl operator snapshot restore FILE', "
    "or save what still decrypts with 'vaultctl operator check -salvage=FILE'"
)
