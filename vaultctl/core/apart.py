"""Slow work that needs nothing of the state, such as the hash of a password: done while the state's lock is free.

A request that needs such work is given up before it has changed anything, and begun anew when the work is done. Then
all that it looks at is looked at again; it takes the work's result for the same arguments alone. So what changed
meanwhile counts, a password or a lockout: nothing is decided by what was seen before.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from vaultctl.core.exchange import BegunAnew

T = TypeVar("T")


class NeedsWork(BegunAnew):
    """Raised where the result of slow work is needed that is not done yet."""


class Apart:
    """What a request takes along when it is begun anew: the slow work that is done, and whether it was audited."""

    def __init__(self) -> None:
        self.is_recorded = False
        self._results: dict[tuple[Hashable, ...], Any] = {}
        self._next: tuple[Callable[..., Any], tuple[Hashable, ...]] | None = None

    def do(self, work: Callable[..., T], *arguments: Hashable) -> T:
        """Give the result of some work for these arguments. Raises: NeedsWork where it is not done yet."""
        key = (work, *arguments)
        if key not in self._results:
            self._next = work, arguments
            raise NeedsWork
        result: T = self._results[key]
        return result

    def work(self) -> None:
        """Do what was needed last. Raises: whatever the work raises."""
        if self._next:
            work, arguments = self._next
            self._results[work, *arguments] = work(*arguments)
