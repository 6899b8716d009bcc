"""What shall go wrong with a vault's answers, and for which requests."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Literal

from vaultctl.connect import double
from vaultctl.logical.errors import NoAnswer, Sealed, VaultError
from vaultctl.logical.request import Operation
from vaultctl.testing.front import known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response

    Ask = Callable[[Request], Response]
    Strike = Callable[["Fault", Request, Ask], Response]

Where = Literal["request", "answer", "headers", "body"]
"""Where a connection is lost: the request never comes through; or it was carried out, and nothing of the answer goes
out; or its headers alone; or half of its body too."""

_SHARE = {"headers": 0.0, "body": 0.5}
_OPEN_WHEN_SEALED = ("sys/seal-status", "sys/health", "sys/init")


class Fault:
    """One thing that goes wrong, until it is removed: by `remove`, at the end of a `with`, else with the test."""

    def __init__(self, faults: Faults, strike: Strike, operation: str, path: str, times: int | None) -> None:
        self._faults = faults
        self._strike = strike
        self._operation = known(operation)
        self._path = path
        self._left = times
        self._lock = threading.Lock()
        self.removed = threading.Event()
        self.struck = 0
        """How many requests it was that went wrong."""
        self.is_held = False
        """That it stands in a `with`, which is where it ends, be it later than the test."""

    def __repr__(self) -> str:
        """Tell which requests, and how often."""
        return f"<Fault {self._operation} {self._path}: struck {self.struck}>"

    def __enter__(self) -> Fault:
        """Hold it until the end of the block."""
        self.is_held = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it."""
        self.remove()

    def remove(self) -> None:
        """Let nothing more go wrong, and let those go on that it made wait."""
        self.removed.set()
        self._faults.discard(self)

    def matches(self, request: Request) -> bool:
        """Tell whether it is about such a request."""
        from fnmatch import fnmatchcase

        is_meant = self._operation in ("*", request.operation.value)
        return is_meant and fnmatchcase(request.namespace + request.path, self._path)

    def around(self, ask: Ask, request: Request) -> Response:
        """Strike, if it has not struck often enough. Raises: VaultError."""
        with self._lock:
            strikes = self._left is None or self.struck < self._left
            self.struck += strikes
        return self._strike(self, request, ask) if strikes else ask(request)


class Faults:
    """All that goes wrong at present; of two faults the newer one comes first."""

    def __init__(self) -> None:
        self._all: tuple[Fault, ...] = ()
        self._lock = threading.Lock()

    def add(self, strike: Strike, operation: str = "*", path: str = "*", times: int | None = None) -> Fault:
        """Let something go wrong from now on."""
        fault = Fault(self, strike, operation, path, times)
        with self._lock:
            self._all = (*self._all, fault)
        return fault

    def discard(self, fault: Fault) -> None:
        """Take one away, if it is there."""
        with self._lock:
            self._all = tuple(other for other in self._all if other is not fault)

    def remove_all(self, *, held: bool) -> None:
        """Take all away; those that stand in a `with` only if asked to."""
        for fault in self._all:
            if held or not fault.is_held:
                fault.remove()

    def around(self, request: Request, ask: Ask) -> Response:
        """Ask, and let go wrong what shall go wrong. Raises: VaultError."""
        for fault in self._all:
            if fault.matches(request):
                ask = partial(fault.around, ask)
        return ask(request)

    @staticmethod
    def is_loss(error: VaultError) -> bool:
        """Tell whether nothing, or not all, of an answer goes out."""
        return isinstance(error, NoAnswer)


def slow(seconds: float) -> Strike:
    """Answer late."""

    def strike(fault: Fault, request: Request, ask: Ask) -> Response:
        fault.removed.wait(seconds)
        return ask(request)

    return strike


def fail(status: int, errors: Sequence[str]) -> Strike:
    """Refuse, and do nothing."""

    def strike(_fault: Fault, request: Request, _ask: Ask) -> Response:
        raise double.refusal(status, errors, request)

    if not 400 <= status <= 599:
        raise ValueError(f"{status} is no status of a refusal: that is 400 to 599")
    return strike


def lose(at: Where) -> Strike:
    """Lose the connection."""

    def strike(_fault: Fault, request: Request, ask: Ask) -> Response:
        if at == "request":
            raise double.lost(None, 0)
        answer: Response | VaultError
        try:
            answer = ask(request)
        except VaultError as error:
            answer = error
        raise double.lost(None if at == "answer" else answer, _SHARE.get(at, 0))

    if at not in ("request", "answer", *_SHARE):
        raise ValueError(f"a connection is not lost at {at!r}: it is at request, answer, headers or body")
    return strike


def sealed(_fault: Fault, request: Request, ask: Ask) -> Response:
    """Answer as a sealed vault does, which answers little. Source: OpenBao 2.7."""
    if request.path not in _OPEN_WHEN_SEALED or request.operation not in (Operation.READ, Operation.HEAD):
        raise Sealed
    code = str(request.query.get("sealedcode", "503"))
    response = ask(request._replace(query={"activecode": code}) if request.path == "sys/health" else request)
    if request.path == "sys/init":
        return response
    said = {**(response.raw or {}), "sealed": True}
    if request.path == "sys/health":
        said |= {"standby": True, "replication_performance_mode": "unknown", "replication_dr_mode": "unknown"}
    return response._replace(raw={name: said[name] for name in said if name not in ("cluster_name", "cluster_id")})
