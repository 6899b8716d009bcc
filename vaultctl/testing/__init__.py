"""A vault for tests: in the process, in milliseconds, with an HTTP address for whoever needs one.

The pytest fixtures are in `plugin`, which is loaded in every pytest run of the environment: so neither it nor this
module imports anything before it is used. See docs/testing.md
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaultctl.testing.faults import Fault
    from vaultctl.testing.front import Asked
    from vaultctl.testing.seed import SeedError
    from vaultctl.testing.vault import Vault

__all__ = ["Asked", "Fault", "SeedError", "Vault"]

_MODULES = {"Asked": "front", "Fault": "faults", "SeedError": "seed", "Vault": "vault"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
