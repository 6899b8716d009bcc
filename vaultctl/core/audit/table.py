"""The audit devices that are enabled, and the headers of requests that are audited: records of the root namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.views import Transaction, View
    from vaultctl.logical.storage import Storage

TABLE = "audit"
PREFIX = "core/audit/"
_DEVICES = PREFIX + "devices/"
_HEADERS = PREFIX + "headers"


class Device(NamedTuple):
    """One device. `salt` (hex) is the key of its HMACs; `path` ends in a slash."""

    uuid: str
    path: str
    type: str
    description: str
    options: Mapping[str, str]
    local: bool
    salt: str

    def __repr__(self) -> str:
        """Name it by its path."""
        return f"Device({self.path})"


class Table(NamedTuple):
    """All devices by path, and for each audited header, in lower case, whether its values are hashed."""

    devices: tuple[Device, ...] = ()
    headers: Mapping[str, bool] = {}

    def at(self, path: str) -> Device | None:
        """Find the device at exactly this path."""
        return next((device for device in self.devices if device.path == path), None)

    def conflicting(self, path: str) -> Device | None:
        """Find a device at, above or below a path."""
        return next((d for d in self.devices if path.startswith(d.path) or d.path.startswith(path)), None)


def load_table(view: View) -> Table:
    """Read all records."""
    names = list(view.below(_DEVICES))
    devices = [Device(**(records.load(view, name) or {})) for name in names]
    return Table(tuple(sorted(devices, key=lambda device: device.path)), records.load(view, _HEADERS) or {})


def store_device(storage: Storage, device: Device) -> None:
    """Add or change a device."""
    records.save(storage, _DEVICES + device.uuid, device._asdict())


def remove_device(storage: Storage, device: Device) -> None:
    """Take a device out of the table."""
    storage.delete(_DEVICES + device.uuid)


def remove_all(view: Transaction) -> None:
    """Take all devices out of the table: of a copy of a state, whose requests are none of the state's."""
    for name in list(view.below(_DEVICES)):
        view.delete(name)


def store_headers(storage: Storage, headers: Mapping[str, bool]) -> None:
    """Store which headers are audited."""
    records.save(storage, _HEADERS, dict(headers))
