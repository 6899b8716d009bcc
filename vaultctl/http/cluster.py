"""The nodes of the cluster that a door asks, and which of them leads.

Every node here was addressed by the user, or named by one that was, and has the same scheme: a token may go there.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vaultctl.http import address as addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vaultctl.http.address import Address
    from vaultctl.http.remote import RemoteDoor

_PAUSE_S = 0.2


class Cluster:
    """Finds the leader, and has the door ask it."""

    def __init__(self, door: RemoteDoor, *, stays: bool) -> None:
        """Begin with the node that was addressed. `stays` is that no other may be asked: an agent stands between."""
        self._door = door
        self._stays = stays
        self._nodes = [door.address]
        self._found = False
        """That the door asks a leader, and not just whoever was addressed."""

    def learn(self, named: Iterable[str]) -> None:
        """Take note of nodes that a node named."""
        for text in named:
            self._add(text)

    def knows_one(self) -> bool:
        """Tell whether no other node than the first is known."""
        return len(self._nodes) == 1

    def is_first_silent(self) -> bool:
        """Tell whether the node that was addressed does not answer, while another one does."""
        first = self._nodes[0]
        return first.origin != self._door.address.origin and self._door.ask_openly(first, "sys/leader") is None

    @contextmanager
    def back_at_first(self) -> Iterator[bool]:
        """Have the door ask the node that was addressed for a while; tell whether that is another than the leader."""
        leader, first = self._door.address, self._nodes[0]
        self._door.address = first
        self._door.forget_index()  # or else a node that is behind would let the leader answer
        try:
            yield first.origin != leader.origin
        finally:
            self._door.address = leader

    def go_to_leader(self) -> bool:
        """Have the door ask the leader from now on; tell whether the node that it asks now answers at all."""
        said = self._door.ask_openly(self._door.address, "sys/leader")
        leader = self._leader_by(said or {})
        if leader:
            self._door.address = leader
        self._found = leader is not None or (said or {}).get("is_self") is True
        return said is not None

    def lost_leader(self) -> bool:
        """Tell whether the leader that the door asked says that it leads no more."""
        if not self._found:
            return False
        said = self._door.ask_openly(self._door.address, "sys/leader") or {}
        return said.get("ha_enabled") is True and said.get("is_self") is False

    def seek(self, until_s: float) -> bool:
        """Have the door ask whichever node leads, as soon as there is one; tell whether there was in time."""
        while True:
            for node in list(self._nodes):
                said = self._door.ask_openly(node, "sys/leader")
                if said is None:
                    continue
                leads = said.get("is_self") is True or said.get("ha_enabled") is False or self._stays
                leader = node if leads else self._leader_by(said)
                if leader and (leader == node or self._is_leader(leader)):
                    self._door.address = leader
                    return True
            if time.monotonic() + _PAUSE_S >= until_s:
                return False
            time.sleep(_PAUSE_S)

    def _is_leader(self, node: Address) -> bool:
        """Ask a node that another calls the leader: it may be gone, or not know of it yet."""
        return (self._door.ask_openly(node, "sys/leader") or {}).get("is_self") is True

    def _leader_by(self, said: object) -> Address | None:
        """Give the leader that a node names, if that is another one and may be asked."""
        if not isinstance(said, dict) or said.get("is_self") is not False or not said.get("ha_enabled"):
            return None
        return self._add(str(said.get("leader_address") or ""))

    def _add(self, text: str) -> Address | None:
        try:
            node = addresses.parse(text)
        except ValueError:
            return None
        if self._stays or node.socket_path or node.scheme != self._door.address.scheme:
            return None
        known = next((other for other in self._nodes if other.origin == node.origin), None)
        if known is None:
            self._nodes.append(node)
        return known or node
