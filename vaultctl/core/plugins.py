"""Types of engines: which there are, which vaultctl serves, and where each comes from on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vaultctl.logical.errors import InvalidRequest, NotOffered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.framework.endpoint import Engine

MODULES = {
    "kv-v1": "vaultctl.engines.kv1",
    "kv-v2": "vaultctl.engines.kv2",
    "cubbyhole": "vaultctl.engines.cubbyhole",
    "ssh": "vaultctl.engines.ssh",
}
"""Built-in engines by name; each module has an ENGINE."""

ENTRY_POINTS = "vaultctl.engines"
"""Third parties add their engines by this group of entry points; the name is the type."""

LIFE_ONLY = frozenset({"database", "kubernetes", "pki", "rabbitmq", "totp", "transit"})
"""Types of OpenBao 2.7 whose mounts have a life here, and nothing below: a mount's life is the product."""

_KV = frozenset({"kv", "generic"})
_BY_NAME = frozenset({"cubbyhole", "ssh"})
_OWN = frozenset({"identity", "system", "token"})
_BUILT_IN = _BY_NAME | _OWN


class Catalogue:
    """The engines to be had: built in, installed beside vaultctl, or given by a test."""

    def __init__(self, given: Mapping[str, Engine] | None = None, methods: Mapping[str, Engine] | None = None) -> None:
        """Take further engines, and auth methods, by type; they are asked first."""
        self._engines: dict[str, Engine | None] = dict(given or {})
        self._loaded: dict[str, Engine] = {}
        self.given_methods = methods or {}

    def serves(self, type_: str) -> bool:
        """Tell whether requests below a mount of this type are answered."""
        return type_ in _KV or type_ in _BY_NAME or type_ in _OWN or self._other(type_) is not None

    def engine(self, type_: str, options: Mapping[str, str] | None) -> Engine:
        """Give the engine for a mount of this type with these options. Raises: NotOffered."""
        if type_ in _KV:
            return self._built_in("kv-v2" if (options or {}).get("version") == "2" else "kv-v1")
        if type_ in _BY_NAME:
            return self._built_in(type_)
        found = self._other(type_)
        if found is None:
            raise NotOffered(f"the {type_} engine is not part of vaultctl")
        return found

    def require_known(self, type_: str) -> None:
        """Refuse a type that cannot be enabled. Raises: InvalidRequest."""
        if type_ not in _KV and type_ not in _BY_NAME and type_ not in LIFE_ONLY and self._other(type_) is None:
            raise InvalidRequest(f"plugin not found in the catalog: {type_}")

    def _built_in(self, name: str) -> Engine:
        found = self._loaded.get(name)
        if found is None:
            found = self._loaded[name] = import_module(MODULES[name]).ENGINE
        return found

    def _other(self, type_: str) -> Engine | None:
        """Look among the engines that are not built in; packages are asked once, and only for an unknown type."""
        if type_ in LIFE_ONLY or type_ in _BUILT_IN:
            return self._engines.get(type_)
        if type_ not in self._engines:
            self._engines[type_] = _installed(type_)
        return self._engines[type_]


def types() -> list[str]:
    """Give every type that can be enabled, of packages installed beside vaultctl too."""
    from importlib.metadata import entry_points

    return sorted({"kv", *MODULES, *LIFE_ONLY, *entry_points(group=ENTRY_POINTS).names})


def _installed(type_: str) -> Engine | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS, name=type_):
        found: Engine = entry.load()
        return found
    return None
