"""How the core's own records are stored: JSON under the barrier."""

import json
from typing import Any

from vaultctl.logical import json_text
from vaultctl.logical.storage import Reading, Storage


def load(storage: Reading, name: str) -> dict[str, Any] | None:
    """Read a record, or None."""
    data = storage.get(name)
    return None if data is None else from_bytes(data)


def from_bytes(data: bytes) -> dict[str, Any]:
    """Give a record that was stored: no space is in front of it, or behind."""
    record: dict[str, Any] = _READER.raw_decode(data.decode())[0]
    return record


def save(storage: Storage, name: str, record: dict[str, Any]) -> None:
    """Store a record."""
    storage.put(name, to_bytes(record))


def to_bytes(record: dict[str, Any]) -> bytes:
    """Give a record as it is stored."""
    return _WRITE(record).encode()


_READER = json.JSONDecoder()
_WRITE = json_text.compact_writer()
