"""Types of auth methods: which there are, which vaultctl serves, and where each comes from on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vaultctl.logical.errors import InvalidRequest, NotOffered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.framework.endpoint import Engine

MODULES = {
    "approle": "vaultctl.auth.approle",
    "userpass": "vaultctl.auth.userpass",
}
"""Built-in auth methods by name; each module has a METHOD."""

ENTRY_POINTS = "vaultctl.auth_methods"
"""Third parties add their auth methods by this group of entry points; the name is the type."""

LIFE_ONLY = frozenset({"cert", "jwt", "kubernetes", "oidc"})
"""Types of OpenBao 2.7 whose mounts have a life here, and nothing below: a mount's life is the product."""

LOCKING = frozenset({"approle", "ldap", "userpass"})
"""Types that can lock their users out. Source: OpenBao 2.7."""


class Methods:
    """The auth methods to be had: built in, installed beside vaultctl, or given by a test."""

    def __init__(self, given: Mapping[str, Engine]) -> None:
        """Take further auth methods by type; they are asked first."""
        self._methods: dict[str, Engine | None] = dict(given)

    def serves(self, type_: str) -> bool:
        """Tell whether requests below a mount of this type are answered."""
        return type_ == "token" or self._find(type_) is not None

    def engine(self, type_: str, _options: Mapping[str, str] | None) -> Engine:
        """Give the auth method for a mount of this type. Raises: NotOffered."""
        found = self._find(type_)
        if found is None:
            raise NotOffered(f"the {type_} auth method is not part of vaultctl")
        return found

    def require_known(self, type_: str) -> None:
        """Refuse a type that cannot be enabled. Raises: InvalidRequest."""
        if type_ not in LIFE_ONLY and self._find(type_) is None:
            raise InvalidRequest(f"plugin not found in the catalog: {type_}")

    def _find(self, type_: str) -> Engine | None:
        """Look for a type; packages are asked once, and only for one that is not known otherwise."""
        if type_ not in self._methods:
            if type_ in MODULES:
                self._methods[type_] = import_module(MODULES[type_]).METHOD
            else:
                self._methods[type_] = None if type_ in LIFE_ONLY or type_ == "token" else _installed(type_)
        return self._methods[type_]


def types() -> list[str]:
    """Give every type that can be enabled, of packages installed beside vaultctl too."""
    from importlib.metadata import entry_points

    return sorted({*MODULES, *LIFE_ONLY, *entry_points(group=ENTRY_POINTS).names})


def _installed(type_: str) -> Engine | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS, name=type_):
        found: Engine = entry.load()
        return found
    return None
