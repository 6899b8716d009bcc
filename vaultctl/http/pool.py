"""Threads that answer what may have to wait. They keep no process from ending: what was answered is on the disk."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from vaultctl.logical.errors import VaultError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WAITING = 4096
"""So many requests wait for a thread; whoever comes then may as well come again later."""

_Result = TypeVar("_Result")


class TooMany(VaultError):
    """So many requests wait that one more is not taken."""

    status = 503

    def __init__(self) -> None:
        super().__init__("too many requests wait to be answered: try again")


class Pool:
    """Some threads, which begin when there is something to do, and what waits for one of them."""

    def __init__(self, threads: int, name: str) -> None:
        self._names = [f"{name}_{number}" for number in reversed(range(threads))]
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._is_closed = False

    def submit(self, work: Callable[[], _Result]) -> Future[_Result]:
        """Have something done. Raises: TooMany."""
        if self._waiting.qsize() >= MOST_WAITING:
            raise TooMany
        future: Future[_Result] = Future()
        self._waiting.put((future, work))
        if not self._idle.acquire(blocking=False) and self._names:
            threading.Thread(target=self._work, name=self._names.pop(), daemon=True).start()
        return future

    def close(self) -> None:
        """Begin nothing more; what is under way is not waited for."""
        self._is_closed = True
        self._waiting.put(None)

    def _work(self) -> None:
        while (given := self._next()) is not None and not self._is_closed:
            future, work = given
            try:
                future.set_result(work())
            except BaseException as error:  # whoever asked is told
                future.set_exception(error)
            del future, work, given
        self._waiting.put(None)  # for the next thread

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with suppress(Empty):
            return self._waiting.get_nowait()
        self._idle.release()
        return self._waiting.get()
