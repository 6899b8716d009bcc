"""Namespaces and mounts as a token sees them: enough of them to check a move as the engine does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vaultctl.logical import paths

if TYPE_CHECKING:
    from vaultctl.client.checks.sight import Sight
    from vaultctl.logical.remounting import Place

Table = Mapping[str, Mapping[str, Any]]
"""Mounts by their paths in a namespace, those of auth methods with `auth/` in front."""


def chain(namespace: str) -> list[str]:
    """Give the namespaces that one is in, from the root down to itself, by full paths."""
    return ["", *(namespace[: at + 1] for at, char in enumerate(namespace) if char == "/")]


class Seen:
    """What is seen of namespaces and mounts; it is looked at when it is first asked for."""

    def __init__(self, sight: Sight, *typed: str) -> None:
        """Look for the namespaces that paths lead through. Raises: VaultError where nobody answers."""
        self._sight = sight
        self._tables: dict[str, Table] = {}
        self.hidden: set[str] = set()
        """Namespaces that may have mounts which are not seen."""
        self._children: dict[str, list[str]] = {}
        self._namespaces = set(chain(sight.namespace))
        of_methods = ["auth" in path.split("/") for path in typed]
        self._wants_methods, self._wants_engines = any(of_methods), not all(of_methods)
        for path in typed:
            self._explore(paths.clean(path))

    def _explore(self, path: str) -> None:
        namespace = self._sight.namespace
        for part in path.split("/"):
            if namespace not in self._children:
                what = f"namespaces in {namespace or 'root'}"
                self._children[namespace] = self._sight.keys(namespace, "sys/namespaces", what) or []
            if f"{part}/" not in self._children[namespace]:
                return
            namespace += f"{part}/"
            self._namespaces.add(namespace)

    def has_namespace(self, full: str) -> bool:
        """Tell whether there is such a namespace."""
        return full in self._namespaces

    def descend(self, namespace: str, path: str) -> tuple[str, str]:
        """Give the namespace that a path within another one leads to, and what is left of the path there."""
        while True:
            first, slash, rest = path.partition("/")
            if not (first and slash and f"{namespace}{first}/" in self._namespaces):
                return namespace, path
            namespace, path = f"{namespace}{first}/", rest

    def serving(self, place: Place) -> bool:
        """Tell whether there is a mount at a place, or above it."""
        return any(place.path.startswith(mount) for mount in self.table(place.namespace))

    def taken(self, place: Place) -> str | None:
        """Give the full path of the mount at, above or below a place."""
        mounts = sorted(self.table(place.namespace), key=len)
        above = [mount for mount in reversed(mounts) if place.path.startswith(mount)]
        below = sorted(mount for mount in mounts if mount.startswith(place.path))
        found = next(iter(above + below), None)
        return None if found is None else place.namespace + found

    def mount(self, place: Place) -> Mapping[str, Any] | None:
        """Give what is seen of the mount at exactly this place."""
        return self.table(place.namespace).get(place.path)

    def table(self, namespace: str) -> Table:
        """Give the mounts that are seen in a namespace. Raises: VaultError where nobody answers."""
        if namespace not in self._tables:
            self._tables[namespace] = dict(self._look(namespace))
        return self._tables[namespace]

    def _look(self, namespace: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        engines = self._sight.look("GET", namespace, "sys/mounts", "") if self._wants_engines else {}
        methods = self._sight.look("GET", namespace, "sys/auth", "") if self._wants_methods else {}
        if engines is None or methods is None:
            self.hidden.add(namespace)
            what = f"all mounts of namespace {namespace or 'root'}"
            listed = self._sight.look("GET", namespace, "sys/internal/ui/mounts", what)
            if listed is not None:
                path = f"{namespace}{'sys/mounts' if engines is None else 'sys/auth'}"
                self._sight.note(what, path, "permission denied: only those are seen that the token may use")
            engines = (listed or {}).get("secret", {}) if engines is None else engines
            methods = (listed or {}).get("auth", {}) if methods is None else methods
        for prefix, table in (("", engines), ("auth/", methods)):
            for path, mount in table.items():
                if isinstance(mount, Mapping) and "accessor" in mount:
                    yield prefix + path, mount
