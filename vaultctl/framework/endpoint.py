"""Endpoints: a pattern, its fields, a handler for each verb, and the help that all documents are made from."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.framework.fields import Field
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Lease, Response
from vaultctl.logical.storage import Storage

if TYPE_CHECKING:
    from vaultctl.framework.login import Login, Renewing

Random = Callable[[int], bytes]


class MountInfo(NamedTuple):
    """What a handler may know of the mount that it serves. TTLs are the effective ones, in seconds.

    One that is `upgrading` still holds entries of the engine's former version.
    """

    path: str
    type: str
    options: Mapping[str, str]
    default_lease_ttl_s: int
    max_lease_ttl_s: int
    upgrading: bool = False


class Caller(NamedTuple):
    """Who asks: a name for the token that tells nothing of it, and the token's type."""

    id: str
    type: str


def at_once(work: Callable[..., Any], *arguments: Hashable) -> Any:
    """Do some work here and now."""
    return work(*arguments)


class Context(NamedTuple):
    """All that an engine's handler may touch: the request, its own storage, its mount, the clock and randomness.

    `caller` is None where no token was needed. `apart` takes a function and its arguments, and gives what it returns:
    for work that is slow, and needs nothing of the state. The state is not locked meanwhile; the handler is called once
    more when the work is done, and gets the result where it asks for the same again.
    """

    request: Request
    storage: Storage
    mount: MountInfo
    now_ns: int
    random: Random
    caller: Caller | None = None
    apart: Callable[..., Any] = at_once


Handler = Callable[[Any, Mapping[str, Any]], Response | None]
"""Takes a context and the converted fields. None answers 204 to a write and 404 to a read.
"""


class Entry(NamedTuple):
    """How an endpoint logs somebody in; both functions take a context and the converted fields.

    `alias_of` names who wants to, before anything is proven. `prove` gives what the core makes a token of.
    """

    alias_of: Callable[[Any, Mapping[str, Any]], str]
    prove: "Callable[[Any, Mapping[str, Any]], Login]"


Exists = Callable[[Any, Mapping[str, str]], bool]
"""Takes a context and the path's variable; tells whether an update finds something there. It changes nothing."""


class Endpoint(NamedTuple):
    """One path of an engine.

    `pattern` is literal text around at most one variable: `{name}` stands for one segment, `{name+}` for one or more,
    `{name*}` for any rest, the empty one too. `unauthenticated` ones look at no token; `token_optional` ones answer
    without one too, but not to a bad one, and a good one needs no right, and loses no use. `reads_write` says that even
    a read changes the state. `exists` is for paths where an update that makes something new needs the right to create,
    and one that does not the right to update: OpenBao converts the fields for that question already, and a field of a
    wrong type is told of in the words of that. Elsewhere every update needs the right to update. `sudo` needs that
    right besides the verb's. Of a `mirrored` one the data of an answer stands at the top level of the envelope too. A
    `bare` one has another verb refused without a word. Where the variable's value means the same in several spellings,
    `normal` gives the one whose path needs the rights, too. One that answers `when_locked` does so in a namespace that
    is locked, too, a `bare` one only where a header names that; `outside_namespaces` are the words that refuse it in
    any namespace but the root. One with a `login` logs somebody in by an update, and has no handler for that. One that
    is `about_wrapping` gets the wrapping token that the request names, which is looked for first. A `quiet` one does
    not warn of parameters that it does not have. A `strict` one gets no fields, and reads the body itself.
    `when_sealed` are the handlers that answer where the keys are not at hand; their context has no storage.
    """

    pattern: str
    operations: Mapping[Operation, Handler]
    synopsis: str
    description: str = ""
    fields: Mapping[str, Field] = {}
    sudo: bool = False
    unauthenticated: bool = False
    token_optional: bool = False
    reads_write: bool = False
    exists: Exists | None = None
    mirrored: bool = False
    bare: bool = False
    normal: Callable[[str], str] | None = None
    when_locked: bool = False
    outside_namespaces: str = ""
    login: Entry | None = None
    when_sealed: Mapping[Operation, Handler] = {}
    about_wrapping: bool = False
    quiet: bool = False
    strict: bool = False


UNAVAILABLE = "operation unavailable in namespaces"
ROOT_ONLY = "operation only available in root namespace"
"""What stands in `outside_namespaces`; where the path names the namespace it is the second. Source: OpenBao 2.7."""


class Upgrade(NamedTuple):
    """How a mount of the engine's former version becomes one of this version, an entry at a time.

    Every entry below `prefix` is of the former version, and no entry of this version is. `convert` takes the storage,
    the entry's key and the moment of the upgrade in nanoseconds; after it the entry is gone from below the prefix.
    """

    prefix: str
    convert: Callable[[Storage, str, int], None]


class Leases(NamedTuple):
    """How an engine takes back what it gave on a lease, and lets it live on. Both get the lease's `internal`.

    `revoke` raises where it could not: it is tried again. It may be called again for what it took back already, and
    that is no failure. `renew` gets the seconds that were asked for, too (0: not said), and gives the lease anew:
    duration, the most, and `internal` where that changed; without `renew` the core itself counts. The request in their
    context is the core's: its path is the lease's.

    Where what was leased is nothing but entries of the engine's own storage, `entries` is the folder that they lie in,
    alone, and `revoke` removes one and does nothing else. All leases of a mount then end at once, by another folder in
    the place of this one. What an engine once said of that holds for its later versions, too.
    """

    revoke: Callable[[Context, Mapping[str, Any]], None]
    renew: Callable[[Context, Mapping[str, Any], int], Lease] | None = None
    entries: str = ""


class Engine(NamedTuple):
    """A type of secrets engine, or an auth method. All its state lies in the mount's storage.

    `seal_wrapped` tells of a storage key whether it is wrapped by the seal on a mount that asks for it. One that
    answers with leases that have an `internal` has `leases`; its endpoints that lease on a read say `reads_write`.
    `renew` is an auth method's: it gives the terms of a token of its own now, or None where nothing is to be done;
    without it they are those of the login. It raises a VaultError where the token is to end.
    """

    type: str
    endpoints: Sequence[Endpoint]
    help: str
    seal_wrapped: Callable[[str], bool] = lambda _key: False
    upgrade: Upgrade | None = None
    leases: Leases | None = None
    renew: "Callable[[Context, Renewing], Login | None] | None" = None


class Match:
    """An endpoint found for a path, and the value of its variable."""

    def __init__(self, endpoint: Endpoint, values: Mapping[str, str]) -> None:
        self.endpoint = endpoint
        self.values = values


def find(endpoints: Sequence[Endpoint], path: str) -> Match | None:
    """Give the first endpoint whose pattern fits the path."""
    for endpoint in endpoints:
        values = match(endpoint.pattern, path)
        if values is not None:
            return Match(endpoint, values)
    return None


@cache
def _parts(pattern: str) -> tuple[str, str, str]:
    """Give what stands before the variable of a pattern, the variable, and what stands behind."""
    before, _, rest = pattern.partition("{")
    variable, _, behind = rest.partition("}")
    return before, variable, behind


def match(pattern: str, path: str) -> dict[str, str] | None:
    """Fit a path to a pattern; give the variable's value by its name, or None."""
    before, variable, behind = _parts(pattern)
    if not variable:
        return {} if path == pattern else None
    if not path.startswith(before) or not path.endswith(behind) or len(path) < len(before) + len(behind):
        return None
    value = path[len(before) : len(path) - len(behind)]
    if variable.endswith("*"):
        return {variable[:-1]: value}
    if variable.endswith("+"):
        return {variable[:-1]: value} if value else None
    return {variable: value} if value and "/" not in value else None
