"""Types of engines: which there are, which vaultctl serves, and where each comes from on first use."""

from collections.abc import Mapping
from importlib import import_module

from vaultctl.framework.endpoint import Engine
from vaultctl.logical.errors import InvalidRequest, NotOffered

ENGINES = {
    "kv-v1": "vaultctl.engines.kv1",
    "kv-v2": "vaultctl.engines.kv2",
}
"""Built-in engines by name; each module has an ENGINE. Third parties add theirs by the entry points `vaultctl.engines`."""

CATALOGUE = frozenset({"database", "generic", "kubernetes", "kv", "pki", "rabbitmq", "ssh", "totp", "transit"})
"""Types that can be enabled, as in OpenBao 2.7: a mount's life is the product, whatever type it has."""

_SERVED = frozenset({"kv", "generic", "system"})
_loaded: dict[str, Engine] = {}


def engine_name(type_: str, options: Mapping[str, str] | None) -> str:
    """Give the engine that serves a mount of this type with these options."""
    if type_ in ("kv", "generic"):
        return "kv-v2" if (options or {}).get("version") == "2" else "kv-v1"
    return type_


def engine(name: str) -> Engine:
    """Import an engine. Raises: NotOffered."""
    if name not in _loaded:
        _loaded[name] = _import(name)
    return _loaded[name]


def is_offered(type_: str) -> bool:
    """Tell whether requests below a mount of this type are served."""
    return type_ in _SERVED or (type_ not in CATALOGUE and type_ not in _BUILT_IN and _third_party(type_) is not None)


def require_offered(type_: str) -> None:
    """Refuse a request below a mount that only has a life here. Raises: NotOffered."""
    if not is_offered(type_):
        raise NotOffered(f"the {type_} engine is not part of vaultctl")


def require_known(type_: str) -> None:
    """Refuse a type that cannot be enabled. Raises: InvalidRequest."""
    if type_ not in CATALOGUE and _third_party(type_) is None:
        raise InvalidRequest(f"plugin not found in the catalog: {type_}")


_BUILT_IN = frozenset({"cubbyhole", "identity", "token"})


def _import(name: str) -> Engine:
    if name in ENGINES:
        found: Engine = import_module(ENGINES[name]).ENGINE
        return found
    other = _third_party(name)
    if other is None:
        raise NotOffered(f"the {name} engine is not part of vaultctl")
    return other


def _third_party(type_: str) -> Engine | None:
    """Look the type up among installed packages; only done for types that are not built in."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="vaultctl.engines", name=type_):
        found: Engine = entry.load()
        return found
    return None
