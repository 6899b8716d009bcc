"""A vault for tests: a core over a state in memory, asked in this process or over HTTP; its clock can be advanced."""

from __future__ import annotations

import os
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from vaultctl.client import kv
from vaultctl.client.client import Client
from vaultctl.connect import double
from vaultctl.logical import durations
from vaultctl.logical.request import NOTHING
from vaultctl.testing import faults, front, seed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from vaultctl.testing.faults import Fault, Where
    from vaultctl.testing.front import Asked

_OPEN: WeakSet[Vault] = WeakSet()
_SQLITE = b"SQLite format 3\0"


class Vault:
    """A vault of its own: unsealed, with a random root token and a kv engine of version 2 at `secret/`.

    `door` is where requests go in this process, and `client` asks it with `token` and `namespace`. What goes there, or
    to `address`, is noted in `requests`, and goes wrong where it shall. `read`, `write`, `kv_put` and their like are a
    test's own hands: they are not noted, and nothing goes wrong with them.
    """

    _server: double.Listening | None = None
    _is_closed = False

    def __init__(
        self,
        *seeds: str | os.PathLike[str] | Mapping[str, Any],
        token: str = "",
        namespace: str = "",
        state: str | os.PathLike[str] = "",
        seal_key: str | os.PathLike[str] = "",
        folder: str | os.PathLike[str] = "",
    ) -> None:
        """Make it, and bring the seeds in: files, or dicts of the same form.

        With `namespace` that one is made, and is where the seeds go and what clients are told. With `state` it is a
        copy of a JSON state, or of a snapshot of one, which `seal_key` opens (a file; by default `seal.key` beside it).
        Relative paths are below `folder`. Raises: SeedError, StateError, ValueError.
        """
        _check_token(token)
        self._clock = _Clock()
        below = Path(folder)
        if state:
            path = below / state
            _check_is_json(path)
            key = below / seal_key if seal_key else path.with_name("seal.key")
            self._vault = double.load(path, key, token, self._clock.now_ns)
        else:
            self._vault = double.new(token, self._clock.now_ns)
        self.token = self._vault.root_token
        self.namespace = namespace.strip("/") + "/" if namespace.strip("/") else ""
        self._make_namespace()
        for each in seeds:
            seed.sow(self._hands, below / each if isinstance(each, str | os.PathLike) else each)
        self._kept = self._vault.kept()
        self._faults = faults.Faults()
        self.door = front.Front(self._vault, self._faults)
        self.client = self.client_with(self.token)
        self._sealed: Fault | None = None
        self._lock = threading.Lock()
        _OPEN.add(self)

    def _make_namespace(self) -> None:
        above = ""
        for name in filter(None, self.namespace.split("/")):
            root = Client(self._vault, token=self.token, namespace=above)
            if root.find("GET", f"sys/namespaces/{name}") is None:
                root.call("PUT", f"sys/namespaces/{name}")
            above += name + "/"

    def __repr__(self) -> str:
        """Tell where it is; its token is not shown."""
        if self._is_closed:
            return "<Vault closed>"
        return f"<Vault {self._server.address if self._server else 'in this process'}>"

    def __enter__(self) -> Vault:
        """Use it until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """Stop the server, if there is one. Nothing can be asked any more."""
        _OPEN.discard(self)
        self._faults.remove_all(held=True)
        with self._lock:
            server, self._server, self._is_closed = self._server, None, True
        if server:
            server.close()
        self.door.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise front.Closed

    # --- how it is reached ---

    @property
    def address(self) -> str:
        """Give its HTTP address; the first time, begin to listen. Raises: RuntimeError where it was closed."""
        with self._lock:
            self._check_open()
            if self._server is None:
                self._server = double.listen(self.door)
            return self._server.address

    @property
    def variables(self) -> dict[str, str]:
        """Give the variables by which clients find it."""
        named = {"ADDR": self.address, "TOKEN": self.token}
        if self.namespace:
            named["NAMESPACE"] = self.namespace
        return {prefix + name: value for prefix in ("VAULT_", "BAO_") for name, value in named.items()}

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give an environment for a child: this one, or `base`, with all that speaks of a Vault replaced."""
        base = os.environ if base is None else base
        kept = {name: value for name, value in base.items() if not name.startswith(("VAULT_", "BAO_", "VAULTCTL_"))}
        proxies = {name: ",".join(filter(None, (kept.get(name), "127.0.0.1"))) for name in ("NO_PROXY", "no_proxy")}
        return {**kept, **proxies, **self.variables}

    def client_with(self, token: str, namespace: str | None = None) -> Client:
        """Give a client in this process with another token, and with another namespace if one is given."""
        return Client(self.door, token=token, namespace=self.namespace if namespace is None else namespace)

    @property
    def unseal_key(self) -> str:
        """Give the one share of its seal in base64, or "" where it is a copy, whose seal opens by itself."""
        key = self._vault.unseal_key
        return b64encode(key).decode() if key else ""

    # --- what is in it ---

    @property
    def _hands(self) -> Client:
        self._check_open()
        return Client(self._vault, token=self.token, namespace=self.namespace)

    def read(self, path: str, **query: Any) -> Mapping[str, Any] | None:
        """Read the data at a path, or None where there is nothing. Raises: VaultError."""
        found = self._hands.find("GET", path, query=query)
        return found and (found.raw if found.data is None else found.data)

    def write(self, path: str, data: Mapping[str, Any] = NOTHING, /, **more: Any) -> Mapping[str, Any] | None:
        """Write data to a path; give what was answered, if anything. Raises: VaultError."""
        return self._hands.call("PUT", path, {**data, **more}).data

    def delete(self, path: str) -> None:
        """Delete what is at a path. Raises: VaultError."""
        self._hands.call("DELETE", path)

    def keys(self, path: str) -> list[str]:
        """List what is directly below a path. Raises: VaultError."""
        found = self._hands.find("LIST", path)
        return list((found.data or {}).get("keys") or []) if found else []

    def kv_put(self, path: str, data: Mapping[str, Any] = NOTHING, /, **more: Any) -> None:
        """Write a secret by the path that people know, whichever version of kv is there. Raises: VaultError."""
        kv.put(self._hands, kv.locate(self._hands, path), {**data, **more})

    def kv_get(self, path: str) -> Mapping[str, Any] | None:
        """Read a secret's newest version, or None where there is none. Raises: VaultError."""
        place = kv.locate(self._hands, path)
        found = kv.get(self._hands, place)
        data = found.data if found else None
        return data.get("data") if data and place.version == 2 else data

    def reset(self) -> None:
        """Bring back what was there when it was made, its clock too; nothing goes wrong any more."""
        self._check_open()
        self._faults.remove_all(held=True)
        self._clock.ahead_ns = 0
        self._vault = self.door.behind = self._vault.put_back(self._kept)
        self.door.requests.clear()

    def advance(self, duration: float | str) -> None:
        """Put its clock forward, by seconds or by a duration such as "1h": what expires by then has expired."""
        self._clock.ahead_ns += int(_seconds(duration, "the clock goes forward alone") * 1_000_000_000)

    # --- what was asked ---

    @property
    def requests(self) -> list[Asked]:
        """Give every request since it was made, the oldest first; it may be cleared."""
        return self.door.requests

    def asked(self, operation: str = "*", path: str = "*") -> list[Asked]:
        """Give the requests for one operation ("read", "update", "list", …) on the paths of a pattern."""
        return front.matching(self.requests, operation, path)

    # --- what shall go wrong, until the end of a `with`, else of the test ---

    def slow(self, by: float | str, *, path: str = "*", operation: str = "*", times: int | None = None) -> Fault:
        """Answer late, by seconds or by a duration such as "1s".

        `path` is a pattern as `secret/*`; with `times`, only so many requests are concerned.
        """
        return self._faults.add(faults.slow(_seconds(by, "no answer is early")), operation, path, times)

    def fail(
        self, status: int = 500, *errors: str, path: str = "*", operation: str = "*", times: int | None = None
    ) -> Fault:
        """Refuse with this status and these errors; nothing is done."""
        return self._faults.add(faults.fail(status, errors or ("internal error",)), operation, path, times)

    def lose(self, *, path: str = "*", at: Where = "body", operation: str = "*", times: int | None = None) -> Fault:
        """Lose the connection, by default in the middle of the answer: what was asked for is done by then.

        `at` is "request" (it never comes through, and nothing is done), "answer" (nothing of it goes out), "headers" or
        "body". In this process the client gets the error that it gets from a remote.
        """
        return self._faults.add(faults.lose(at), operation, path, times)

    def seal(self) -> Fault:
        """Answer as a sealed vault does, until `unseal`."""
        self.unseal()
        self._sealed = self._faults.add(faults.sealed)
        return self._sealed

    def unseal(self) -> None:
        """End what `seal` began."""
        if self._sealed:
            self._sealed.remove()
            self._sealed = None

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self._faults.remove_all(held=True)

    def forget_faults(self) -> None:
        """Remove all faults but those of a `with` that is not at its end."""
        self._faults.remove_all(held=False)


class _Clock:
    """The time of day, and how far it was put forward."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def now_ns(self) -> int:
        """Give nanoseconds since the epoch."""
        return time.time_ns() + self.ahead_ns


def _seconds(duration: float | str, negative: str) -> float:
    """Read seconds, or a duration such as "1h". Raises: ValueError, which says `negative` of one below zero."""
    seconds: Any = durations.parse(duration) if isinstance(duration, str) else duration
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not abs(seconds) <= threading.TIMEOUT_MAX:  # nan is not, either
        raise ValueError(f'{duration!r} is no duration: it is a number of seconds, or a text such as "1h30m"')
    if seconds < 0:
        raise ValueError(f"{duration!r}: {negative}")
    return float(seconds)


def _check_token(token: object) -> None:
    """Refuse a root token that no client can send, or that would be taken for another kind. Raises: ValueError."""
    if not isinstance(token, str):
        raise ValueError("the token must be a text")  # one class for all that is wrong with it
    if token != token.strip() or not (token.isascii() and token.isprintable()):
        raise ValueError("the token must be printable ASCII without blanks around it, or no header of HTTP carries it")
    if token.startswith(("b.", "hvb.")):
        raise ValueError("a token that begins with b. or hvb. is taken for a batch token, and the root token is none")


def _check_is_json(path: Path) -> None:
    """Refuse a state of another backend by its name and by how it begins. Raises: ValueError."""
    begins = b""
    if path.is_file():
        with path.open("rb") as file:
            begins = file.read(len(_SQLITE))
    if path.suffix in (".sqlite", ".toml") or begins == _SQLITE:
        raise ValueError(
            f"{path} is no JSON state, and only those are taken here: vaultctl operator snapshot save writes one"
        )


def end_of_test() -> None:
    """Take faults away that a test left."""
    for vault in tuple(_OPEN):
        vault.forget_faults()
