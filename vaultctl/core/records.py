"""How the core's own records are stored: JSON under the barrier."""

import json
from typing import Any

from vaultctl.logical.storage import Reading, Storage


def load(storage: Reading, name: str) -> dict[str, Any] | None:
    """Read a record, or None."""
    data = storage.get(name)
    return None if data is None else json.loads(data)


def save(storage: Storage, name: str, record: dict[str, Any]) -> None:
    """Store a record."""
    storage.put(name, json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
