"""Namespaces: one record each, and the table that finds the one a request is for.

A namespace has mounts, policies and tokens of its own; its path is the full one, with a slash behind. The root has no
record. Requests name theirs by a header, by a prefix of the path, or by both together. Source: OpenBao 2.7.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.logical import paths
from vaultctl.logical.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vaultctl.core.views import View
    from vaultctl.logical.storage import Storage

PREFIX = "core/namespaces/"


class Namespace(NamedTuple):
    """One namespace. `lock` is a fingerprint of the key that unlocks it; a tainted one is being deleted."""

    id: str
    uuid: str
    path: str
    custom_metadata: Mapping[str, str] = {}
    lock: str = ""
    tainted: bool = False

    def __repr__(self) -> str:
        """Name it by its path."""
        return f"Namespace({self.path or 'root'})"

    @property
    def is_root(self) -> bool:
        """Tell whether this is the one that every state has."""
        return not self.path

    @property
    def parent_path(self) -> str:
        """Give the path of the namespace that this one is in."""
        return self.path[: self.path.rstrip("/").rfind("/") + 1]

    def holds(self, other: Namespace) -> bool:
        """Tell whether the other one is this one, or is somewhere in it."""
        return other.path.startswith(self.path)


ROOT = Namespace("root", "", "")


class NamespaceTable:
    """All namespaces; it never changes."""

    def __init__(self, namespaces: Iterable[Namespace] = ()) -> None:
        self._by_path = {"": ROOT} | {namespace.path: namespace for namespace in namespaces}
        self._by_id = {namespace.id: namespace for namespace in self._by_path.values()}

    def get(self, id_: str) -> Namespace | None:
        """Find a namespace by its id."""
        return self._by_id.get(id_)

    def at(self, path: str) -> Namespace | None:
        """Find the namespace with exactly this full path."""
        return self._by_path.get(path)

    def named(self, header: str) -> Namespace:
        """Give the namespace that a request's header names, as a clean path or not. Raises: NotFound."""
        name = paths.clean(header.strip(" ").strip("/"))
        found = ROOT if name in (".", "root") else self._by_path.get(name + "/")
        if found is None or found.tainted:
            raise NotFound("namespace not found")
        return found

    def descend(self, namespace: Namespace, path: str) -> tuple[Namespace, str]:
        """Give the namespace that a path within another one leads to, and what is left of the path there."""
        while len(self._by_path) > 1:
            first, slash, rest = path.partition("/")
            child = self._by_path.get(f"{namespace.path}{first}/") if slash and first else None
            if child is None or child.tainted:
                break
            namespace, path = child, rest
        return namespace, path

    def below(self, namespace: Namespace) -> list[Namespace]:
        """Give all that are in a namespace, however deep, by path."""
        return [self._by_path[path] for path in sorted(self._by_path) if _is_below(path, namespace.path)]

    def children(self, namespace: Namespace) -> list[Namespace]:
        """Give those that are directly in a namespace, by path."""
        return [found for found in self.below(namespace) if found.parent_path == namespace.path]

    def locked(self, namespace: Namespace) -> Namespace | None:
        """Give the outermost namespace that is locked, of this one and those that it is in."""
        if len(self._by_path) == 1:
            return None
        end = namespace.path.find("/") + 1
        while end:
            found = self._by_path[namespace.path[:end]]
            if found.lock:
                return found
            end = namespace.path.find("/", end) + 1
        return None

    def replaced(self, path: str, namespace: Namespace | None) -> NamespaceTable:
        """Give a table with the namespace of this path put in, changed or taken out."""
        kept = [found for found in self._by_path.values() if found.path not in ("", path)]
        return NamespaceTable([*kept, namespace] if namespace else kept)


def _is_below(path: str, above: str) -> bool:
    return path.startswith(above) and path != above


def load_table(view: View) -> NamespaceTable:
    """Read all records."""
    return NamespaceTable(Namespace(**json.loads(data)) for _, data in view.entries(PREFIX))


def store(storage: Storage, namespace: Namespace) -> None:
    """Write one record."""
    record: dict[str, Any] = namespace._asdict()
    storage.put(PREFIX + namespace.id, json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
