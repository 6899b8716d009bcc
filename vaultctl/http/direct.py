"""An event loop that begins a request in the thread that brings it, and goes on with it where it need not wait.

Granian has a thread that reads requests, and wakes the loop for each of them and for each body, so that two threads
take turns at one request: that takes longer than most answers. Here that thread itself takes the request's coroutine as
far as it goes. It stops where it awaits something of Granian's, and goes on when Granian tells of it, in the same
thread; or where it awaits `call_in(pool, …)`, and goes on in a thread of that pool.

So a request's coroutine may await nothing else, asyncio's own things least of all. Whatever other threads bring that is
no coroutine is done as in any other loop, and a coroutine that a server makes a task of any other loop works there too.
"""

from __future__ import annotations

import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Executor
    from contextvars import Context


_Args = TypeVarTuple("_Args")
_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


async def call_in(pool: Executor, function: Callable[[_Given], _Result], argument: _Given) -> _Result:
    """Call a function in a thread of a pool. What comes after it is done in that thread too."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        await _Into(pool)
        return function(argument)
    return await loop.run_in_executor(pool, function, argument)


class _Into:
    """Awaited, it takes the coroutine into a thread of a pool."""

    def __init__(self, pool: Executor) -> None:
        self.pool = pool

    def __await__(self) -> Generator[_Into, None, None]:
        yield self


class Loop(asyncio.SelectorEventLoop):
    """The loop; all that differs is what happens to a coroutine that another thread brings."""

    def __init__(self) -> None:
        super().__init__()
        self._done = asyncio.Handle(_UnderWay.__call__, (), self)
        """What is given for what was done at once. Granian looks at none."""

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[_Args]], object], *args: *_Args, context: Context | None = None
    ) -> asyncio.Handle:
        """Do what another thread asks for: at once, where that is to begin a coroutine, or to go on with it."""
        if isinstance(callback, _UnderWay):
            callback()
        elif args and isinstance(args[0], CoroutineType):
            _UnderWay(args[0])()
        else:
            return super().call_soon_threadsafe(callback, *args, context=context)
        return self._done


class _UnderWay:
    """A coroutine on its way; called, it goes on."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: CoroutineType[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __call__(self, _awaited: object = None) -> None:
        try:
            awaited = self._coroutine.send(None)
            while not isinstance(awaited, _Into) and awaited.done():
                awaited = self._coroutine.send(None)
        except StopIteration:
            return
        if isinstance(awaited, _Into):
            self._move(awaited.pool)
        else:
            awaited.add_done_callback(self)

    def _move(self, pool: Executor) -> None:
        try:
            pool.submit(self)
        except RuntimeError:  # the pool is shut down: the server has ended
            self._coroutine.close()
