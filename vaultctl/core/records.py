"""How the core's own records are stored: JSON under the barrier."""

import json
from typing import Any

from vaultctl.logical import json_text
from vaultctl.logical.storage import Reading, Storage


def load(storage: Reading, name: str) -> dict[str, Any] | None:
    """Read a record, or None."""
    data = storage.get(name)
    return None if data is None else json.loads(data)


def save(storage: Storage, name: str, record: dict[str, Any]) -> None:
    """Store a record."""
    storage.put(name, to_bytes(record))


def to_bytes(record: dict[str, Any]) -> bytes:
    """Give a record as it is stored."""
    return _WRITE(record).encode()


_WRITE = json_text.compact_writer()
