"""Imports Click without what it imports and, for us, does not use.

`inspect` brings the compiler's modules along, `ast`, `dis` and `tokenize`: a tenth of the time of a short command.
Click lays out help texts with it, and ours are laid out here. `platform` compiles a dozen patterns, for `uuid` to learn
the name of the system. Should either be asked for more all the same, it is imported, and gives it.
"""

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module, which is imported when something of it is asked for that is not known here."""

    def __getattr__(self, name: str) -> Any:
        _withdraw(self)
        return getattr(import_module(self.__name__), name)


class _Platform(_Later):
    """Stands for `platform`."""

    def system(self) -> str:
        """Name the system."""
        return os.uname().sysname


def import_click() -> None:
    """Import Click. Whoever else imports what was spared gets the true module."""
    stand_ins = [each for each in (_Later("inspect"), _Platform("platform")) if each.__name__ not in sys.modules]
    sys.modules.update({each.__name__: each for each in stand_ins})
    try:
        import_module("click")
    finally:
        for each in stand_ins:
            _withdraw(each)


def _withdraw(stand_in: _Later) -> None:
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]
