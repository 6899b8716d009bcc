"""Imports Click without what it imports and, for us, does not use.

`inspect` brings the compiler's modules along, `ast`, `dis` and `tokenize`: a tenth of the time of a short command. Click
lays out help texts with it, and ours are laid out here. Should it be asked for something of it all the same, it gets it.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_SPARED = "inspect"


class _Later(ModuleType):
    """Stands for a module, which is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        _withdraw(self)
        return getattr(import_module(self.__name__), name)


def import_click() -> None:
    """Import Click. Whoever else imports what was spared gets the true module."""
    if _SPARED in sys.modules:
        return
    stand_in = sys.modules[_SPARED] = _Later(_SPARED)
    try:
        import_module("click")
    finally:
        _withdraw(stand_in)


def _withdraw(stand_in: _Later) -> None:
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]
