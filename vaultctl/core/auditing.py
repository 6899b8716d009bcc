"""What keeps audit devices open in a process, and finds out whether a request is audited.

As long as no device was ever enabled, that costs one look at the state's header.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from vaultctl.logical.errors import InvalidRequest

if TYPE_CHECKING:
    from vaultctl.core.audit.devices import Sink
    from vaultctl.core.audit.ink import Ink
    from vaultctl.core.audit.options import Form
    from vaultctl.core.audit.table import Device, Table
    from vaultctl.core.audit.trail import Trail
    from vaultctl.core.exchange import Exchange
    from vaultctl.core.views import View

_OWN_PATHS = "audit/"


class Rules:
    """What those who ask this core may do with devices. `stdout_fd` is where the device "stdout" writes.

    An owner, who has the state and its key, may also disable a device that cannot be written to.
    """

    def __init__(
        self, *, may_enable: bool = False, may_prefix: bool = False, is_owner: bool = False, stdout_fd: int = 1
    ) -> None:
        self.may_enable = may_enable
        self.may_prefix = may_prefix
        self.is_owner = is_owner
        self.stdout_fd = stdout_fd


SERVED = Rules()
"""For clients of a server whose config says nothing of it."""

OWNER = Rules(may_enable=True, may_prefix=True, is_owner=True, stdout_fd=2)
"""For commands on a state of one's own."""


class Open:
    """A device that is open, and how its lines are written."""

    def __init__(self, sink: Sink, form: Form, ink: Ink) -> None:
        self.sink = sink
        self.form = form
        self.ink = ink


class Auditing:
    """The devices of one state. Many threads may ask."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._kept: tuple[tuple[str, int], Table] | None = None
        self._open: dict[str, Open] = {}
        self._lock = threading.Lock()

    @property
    def has_devices(self) -> bool:
        """Tell whether the request before was audited: writing may take a while."""
        return self._kept is not None and bool(self._kept[1].devices)

    def trail(self, exchange: Exchange) -> Trail | None:
        """Give what records a request, or None where nothing does."""
        view = exchange.session.view
        if "audit" not in view.header.tables and not exchange.path.startswith(_OWN_PATHS):
            return None
        # A request that enables the first device has its answer recorded on it.
        is_own = exchange.path.startswith(_OWN_PATHS) and exchange.mount is not None and exchange.mount.type == "system"
        table = self.table(view)
        if not table.devices and not is_own:
            return None
        if exchange.match and exchange.match.endpoint.bare:  # Source: OpenBao 2.7 answers these before it audits
            return None
        from vaultctl.core.audit.trail import Trail

        return Trail(self, exchange, table)

    def table(self, view: View) -> Table:
        """Give the devices of a generation; a transaction's own changes do not count."""
        version = (view.header.cluster_id, view.header.tables.get("audit", 0))
        kept = self._kept
        if kept and kept[0] == version:
            return kept[1]
        from vaultctl.core.audit.table import load_table

        table = load_table(view)
        self._kept = (version, table)
        return table

    def opened(self, device: Device) -> Open:
        """Give a device that can be written to; it stays open. Raises: InvalidRequest for bad options."""
        with self._lock:
            found = self._open.get(device.uuid)
            if found is None:
                found = self._open[device.uuid] = self._opened(device)
            return found

    def close_others(self, table: Table) -> None:
        """Let go of devices that are enabled no more."""
        with self._lock:
            for uuid in self._open.keys() - {device.uuid for device in table.devices}:
                self._open.pop(uuid).sink.close()

    def close(self) -> None:
        """Let go of all devices; what is written to again is opened again."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].sink.close()

    def forget(self, device: Device) -> None:
        """Let go of a device that did not come to be enabled."""
        with self._lock:
            found = self._open.pop(device.uuid, None)
            if found:
                found.sink.close()

    def _opened(self, device: Device) -> Open:
        from vaultctl.core.audit import devices, options
        from vaultctl.core.audit.ink import Ink

        form = options.form(device.options, may_prefix=True)
        sink = devices.open_device(device.type, device.options, stdout_fd=self.rules.stdout_fd)
        return Open(sink, form, Ink(bytes.fromhex(device.salt), form))

    def check(self, device: Device) -> None:
        """Refuse options that are no good, in OpenBao's words. Raises: InvalidRequest."""
        from vaultctl.core.audit import options

        if device.type in ("file", "socket", "syslog"):
            options.form(device.options, may_prefix=self.rules.may_prefix)
        if not device.type:
            raise InvalidRequest('unknown backend type: ""')
