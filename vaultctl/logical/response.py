"""What a door answers."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vaultctl.logical.request import NOTHING


class Lease(NamedTuple):
    """The lease part of an answer. A plain kv read has a duration and no id.

    An engine whose answer has to be taken back one day says by `internal` what it needs for that: JSON, which the core
    keeps with the lease and shows to nobody. Then a duration of 0 is the mount's, and `max_ttl_s` is the most that
    renewals can make of it; 0 is the mount's, too.
    """

    duration_s: int
    lease_id: str = ""
    renewable: bool = False
    internal: Mapping[str, Any] | None = None
    max_ttl_s: int = 0

    def __repr__(self) -> str:
        """Name the lease, without what the engine keeps of it."""
        return f"Lease({self.lease_id or self.duration_s})"


class Awaited(NamedTuple):
    """A stored job that an answer waits for: what becomes of it within this time is told in the answer's place.

    `record` is what audits that, where anything does.
    """

    job_id: str
    at_most_s: float = 0
    record: "Callable[[Response | Exception], None] | None" = None


class Response(NamedTuple):
    """One answer, immutable. `status` 0 means: 200 with data, 204 without.

    A 204 may have warnings: HTTP has no room for them, the command line shows them.

    `raw` stands in for the envelope where the API answers without one (seal status, health); an empty one is no body.
    `auth` and `wrap_info` are the envelope's own objects, or None. Of a `mirrored` answer the data stands in the
    envelope twice: below `data`, and beside it. `awaited` is between a handler and the core alone.
    """

    status: int = 0
    data: Mapping[str, Any] | None = None
    auth: Mapping[str, Any] | None = None
    lease: Lease | None = None
    wrap_info: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    raw: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = NOTHING
    request_id: str = ""
    mirrored: bool = False
    awaited: Awaited | None = None

    def identified(self, request_id: str) -> "Response":
        """Give the answer with its request's id; every one comes by here, and `_replace` takes five times as long."""
        return tuple.__new__(Response, (*self[:8], request_id, *self[9:]))

    def __repr__(self) -> str:
        """Name the answer without anything that it carries."""
        return f"Response({self.status} {self.request_id})"


EMPTY = Response()
"""Done, nothing to say: 204."""

NO_BODY: Mapping[str, Any] = NOTHING
"""As `raw`: a 200 with nothing behind it."""
