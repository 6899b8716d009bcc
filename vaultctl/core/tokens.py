"""Tokens: stored under a salted HMAC of the token, never the token itself; what is compared is that HMAC alone.

A record's `num_uses` is 0 for no limit; the last use leaves -1, and the token goes at the end of that request. Source:
OpenBao 2.7, where even a request that is refused uses a token up.

A token counts as absent as soon as it has expired, or any token that it descends from is gone or has expired, or all
tokens of the mount that made it were revoked. So a revocation takes effect at once on a whole tree, or on all that a
mount gave, however many rows are left to be removed (see `token_store.sweep`).
"""

from collections.abc import Callable, Collection, Mapping
from itertools import compress
from math import inf
from operator import ne
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from vaultctl.core import records
from vaultctl.core.mounts import ROOT_NAMESPACE
from vaultctl.core.views import Transaction, View
from vaultctl.crypto.aead import Mac
from vaultctl.logical.storage import Reading, Storage

if TYPE_CHECKING:
    from vaultctl.storage.header import Header

TABLE = "core/tokens/"
SALT = "core/tokens/salt"
BY_ID = "core/tokens/id/"
BY_PARENT = "core/tokens/child/"
BY_MOUNT = "core/tokens/mount/"
BY_EXPIRY = "core/tokens/expiry/"
REVOKED = "core/tokens/revoked/"
"""Where the records lie, and indexes of them: by parent, the mount that made them, and the end of life; and the sources
(see `Mount.token_source`) of which all tokens were revoked, as long as any is left. An accessor leads to the record
itself, whose name begins with what it stands for.
"""

ROOT_POLICY = "root"
FIRST_PATH = "auth/token/root"
"""Where the root tokens are from that no token made. OpenBao has no lease of them."""

WRAPPING_POLICY = "response-wrapping"
"""No request can give it: whatever token has it is a wrapping token."""

BATCH = "b."
SERVICE = "s."
"""What tokens begin with."""

Salted = TypeVar("Salted")

SECOND_NS = 1_000_000_000
_MOST_DECODED, _MOST_KNOWN = 5_000, 10_000
"""So many decoded records are kept, and so many that were looked up."""

_DECODED, _KNOWN, _FINDS, _REVOKED, _ENDS = "tokens", "ends of tokens", "finding tokens", "revoked", "end of tokens"
"""What is kept of a generation: records with their ciphertext, what a look-up takes with its header, all else with the
version that it goes with.
"""


class Token(NamedTuple):
    """A token's record. Times are seconds or nanoseconds since the epoch; a `ttl_s` of 0 never ends.

    `parent` is the hash of the token that it goes with; `mount` is the `token_source` of the mount that made it, and
    `below` what of the `path` that did so is below that mount, whose own path names no entry. `ttl_s` is that of its
    creation, `lease_ttl_s` of the last renewal; `uses_given` is the limit of its creation. `rewrapped` counts how often
    the content of a wrapping token had another token before.
    """

    id_hash: str
    accessor: str
    policies: tuple[str, ...]
    path: str
    display_name: str
    creation_time_s: int
    ttl_s: float = 0
    num_uses: int = 0
    type: str = "service"
    namespace: str = "root"
    mount: str = ""
    below: str = ""
    parent: str = ""
    issue_ns: int = 0
    expire_ns: int = 0
    renewed_ns: int = 0
    lease_ttl_s: float = 0
    renewable: bool = False
    uses_given: int = 0
    period_s: float = 0
    max_ttl_s: float = 0
    explicit_max_ttl_s: float = 0
    role: str = ""
    meta: Mapping[str, str] | None = None
    entity_id: str = ""
    bound_cidrs: tuple[str, ...] = ()
    rewrapped: int = 0

    def __repr__(self) -> str:
        """Name it by what it is called, not by what it opens."""
        return f"Token({self.display_name})"

    @property
    def is_root(self) -> bool:
        """Tell whether every request is allowed."""
        return ROOT_POLICY in self.policies

    @property
    def is_wrapping(self) -> bool:
        """Tell whether it opens a wrapped answer, and does nothing else."""
        return self.policies == (WRAPPING_POLICY,)

    @property
    def is_orphan(self) -> bool:
        """Tell whether no other token's end is its own."""
        return not self.parent

    def has_expired(self, now_s: float) -> bool:
        """Tell whether it counts as absent."""
        return 0 < self.expire_ns <= now_s * SECOND_NS

    @property
    def lease_id(self) -> str:
        """Name the token's lease. Source: OpenBao 2.7: the path that made it, and a hash."""
        return f"{self.path.rstrip('/')}/h{self.id_hash}"


def make_salt(storage: Storage, random: Callable[[int], bytes]) -> None:
    """Give a new state its salt."""
    storage.put(SALT, random(32))


def find(storage: Reading, token: str, now_s: float) -> Token | None:
    """Look a token up; one that has expired counts as absent."""
    if not isinstance(storage, View) or isinstance(storage, Transaction):
        stored = _read(storage, token, hash_of(storage, token))
        return stored if stored and is_alive(storage, stored, now_s) else None
    kept = storage.memo.get(_FINDS)
    if kept is None or kept[0] is not storage.header:
        kept = storage.memo[_FINDS] = (storage.header, salted(storage, Mac), _known(storage))
    id_hash = kept[1].of(token.encode("utf-8", "surrogatepass")).hex()
    found = kept[2].get(id_hash)
    if found is None:
        stored = _read(storage, token, id_hash)
        if stored is None:
            return None
        found = stored, _end_ns(storage, stored)
        if not token.startswith(BATCH):
            if len(kept[2]) >= _MOST_KNOWN:
                kept[2].clear()
            kept[2][id_hash] = found
    return found[0] if now_s * SECOND_NS < found[1] else None


def _read(storage: Reading, token: str, id_hash: str) -> Token | None:
    """Read the record of a token, be it that it counts as absent: a batch token is its own."""
    if not token.startswith(BATCH):
        return load(storage, id_hash)
    from vaultctl.core.token_store import batch

    return batch.read(storage, token, id_hash)


def load(storage: Reading, id_hash: str) -> Token | None:
    """Read a record, be it that of a token that counts as absent.

    What was decoded is kept with its ciphertext, which is another one as soon as the record was written anew.
    """
    name = BY_ID + id_hash
    if not isinstance(storage, View):
        record = records.load(storage, name)
        return from_record(id_hash, record) if record else None
    blob = storage.snapshot.get(name)
    if blob is None:
        return None
    kept: tuple[bytes, Token] | None = storage.memo.setdefault(_DECODED, {}).get(id_hash)
    if kept is not None and kept[0] == blob:
        return kept[1]
    return _keep(storage, blob, from_record(id_hash, records.from_bytes(storage.decrypt(name, blob))))


def keep_stored(view: View, token: Token) -> None:
    """Keep the record of a token that was just stored, and is as it will be read: it is soon asked for."""
    blob = view.snapshot.get(BY_ID + token.id_hash)
    if blob is not None:
        _keep(view, blob, token)


def _keep(view: View, blob: bytes, token: Token) -> Token:
    decoded = view.memo.setdefault(_DECODED, {})
    if len(decoded) >= _MOST_DECODED:
        decoded.clear()
    decoded[token.id_hash] = blob, token
    return token


def _known(view: View) -> dict[str, tuple[Token, float]]:
    """Give the tokens that were looked up before, each with the moment at which it ends, in nanoseconds.

    They are kept as long as no token changed.
    """
    version, kept = _version(view), view.memo.get(_KNOWN)
    if kept is None or kept[0] != version:
        kept = view.memo[_KNOWN] = (version, {})
    found: dict[str, tuple[Token, float]] = kept[1]
    return found


def _version(view: View) -> int | None:
    return view.header.tables.get("tokens")


def is_alive(storage: Reading, token: Token, now_s: float) -> bool:
    """Tell whether neither the token nor any that it descends from has come to its end."""
    return now_s * SECOND_NS < _end_ns(storage, token)


def _end_ns(storage: Reading, token: Token) -> float:
    """Give the moment at which a token, or the first that it descends from, ends: 0 where one is gone already."""
    gone, end_ns = revoked(storage), inf
    each: Token | None = token
    while each and each.mount not in gone:
        end_ns = min(end_ns, each.expire_ns or inf)
        if not each.parent:
            return end_ns
        each = load(storage, each.parent)
    return 0


def revoked(storage: Reading) -> Collection[str]:
    """Give the sources of which all tokens were revoked."""
    if not isinstance(storage, View) or storage.changed_below(REVOKED):
        return storage.list(REVOKED)
    version = _version(storage)
    kept = storage.memo.get(_REVOKED)
    if kept is None or kept[0] != version:
        kept = storage.memo[_REVOKED] = (version, frozenset(storage.list(REVOKED)))
    found: frozenset[str] = kept[1]
    return found


def create(
    storage: Storage, token: str, *, creation_time_s: int, ttl_s: float = 0, issue_ns: int = 0, **fields: Any
) -> Token:
    """Store a token; the fields are those that `Token` has beside its names. Without `issue_ns` it is its creation."""
    from vaultctl.core.accessors import accessor_of

    issue_ns = issue_ns or creation_time_s * SECOND_NS
    if ttl_s and not fields.get("expire_ns"):
        fields["expire_ns"] = issue_ns + int(ttl_s * SECOND_NS)
    id_hash = hash_of(storage, token)
    accessor = accessor_of(storage, id_hash, fields.get("namespace", ROOT_NAMESPACE))
    made = Token(id_hash, accessor, creation_time_s=creation_time_s, ttl_s=ttl_s, issue_ns=issue_ns, **fields)
    save(storage, made)
    for name in index_names(made):
        storage.put(name, b"")
    return made


def index_names(token: Token) -> list[str]:
    """Give the names by which a token is found by mount, parent and end."""
    names = []
    if token.mount:
        below = f"{token.below}/" if token.below else ""
        since = f"{token.issue_ns:020d}-" if token.is_wrapping else ""  # many come and go: the newest lie together
        names.append(f"{BY_MOUNT}{token.mount}/{below}{since}h{token.id_hash}")
    if token.parent:
        names.append(f"{BY_PARENT}{token.parent}/{token.id_hash}")
    if token.expire_ns:
        names.append(f"{BY_EXPIRY}{-(-token.expire_ns // SECOND_NS):011d}-{token.id_hash}")
    return names


def hash_in(name: str) -> str:
    """Give the hash of the token that a name in the index by mount is of."""
    return name.rpartition("h")[2]


def save(storage: Storage, token: Token) -> None:
    """Write a token's record: what is not as in every other token."""
    values = token[1:]
    record = dict(compress(zip(_STORED, values, strict=True), map(ne, values, _DEFAULTS)))
    records.save(storage, BY_ID + token.id_hash, record)


_STORED = Token._fields[1:]
_DEFAULTS = tuple(Token._field_defaults.get(name, ...) for name in _STORED)


def replace(storage: Storage, old: Token, new: Token) -> None:
    """Write a changed record, and what it is found by."""
    for name in set(index_names(old)).difference(index_names(new)):
        storage.delete(name)
    for name in set(index_names(new)).difference(index_names(old)):
        storage.put(name, b"")
    save(storage, new)


def use(storage: Storage, token: Token) -> Token:
    """Take one use from a token with a limit."""
    used = token._replace(num_uses=token.num_uses - 1 if token.num_uses > 1 else -1)
    save(storage, used)
    return used


def is_due(storage: Reading, now_s: float) -> bool:
    """Tell whether there is a row of a token that has come to its end."""
    if isinstance(storage, View) and not was_due(storage, now_s) and now_s < _stored_end_s(storage):
        return False
    return _first_end_s(storage) <= now_s


def was_due(view: View, now_s: float) -> bool:
    """Tell whether there was such a row before this write.

    What is kept is a moment before which no token ends, and it is looked for again when that has come.
    """
    version, kept = _version(view), view.memo.get(_ENDS)
    if kept is None or kept[0] != version or kept[1] <= now_s:
        kept = view.memo[_ENDS] = (version, _end_in(view.first_found(BY_EXPIRY)))
    return bool(kept[1] <= now_s)


def keep_read(transaction: Transaction, header: "Header") -> None:
    """Keep what was read before a commit for the generation behind it, as far as the commit did not change it."""
    old, new = _version(transaction), header.tables.get("tokens")
    if old == new:
        return
    memo = transaction.memo
    ends, gone = memo.get(_ENDS), memo.get(_REVOKED)
    if ends and ends[0] == old:
        memo[_ENDS] = (new, min(ends[1], _stored_end_s(transaction)))
    if gone and gone[0] == old and not transaction.changed_below(REVOKED):
        memo[_REVOKED] = (new, gone[1])


def _first_end_s(storage: Reading) -> float:
    """Give the moment at which a token ends next."""
    first = storage.list(BY_EXPIRY, limit=1)
    return _end_in(BY_EXPIRY + first[0]) if first else inf


def _stored_end_s(view: View) -> float:
    """Give the first moment at which a token ends that a transaction stored."""
    return _end_in(view.first_stored(BY_EXPIRY)) if isinstance(view, Transaction) else inf


def _end_in(row: str | None) -> float:
    """Read the moment that a row in the index of ends is of."""
    return int(row[len(BY_EXPIRY) :].partition("-")[0]) if row else inf


def new_token(random: Callable[[int], bytes]) -> str:
    """Make a service token: `s.` and 24 characters."""
    from vaultctl.core.letters import random_text

    return SERVICE + random_text(random, 24)


def hash_of(storage: Reading, text: str) -> str:
    """Give the name that a token is stored under, or what else is to be found by those alone who can name it."""
    return salted(storage, Mac).of(text.encode("utf-8", "surrogatepass")).hex()


def salted(storage: Reading, kind: Callable[[bytes], Salted], name: str = "salt") -> Salted:
    """Give the HMAC, or what else is made of the salt, which a state has from its beginning to its end.

    It is kept under the name.
    """
    if not isinstance(storage, View):
        return kind(_salt(storage))
    found: Salted | None = storage.memo.get(name)
    if found is None:
        found = storage.memo[name] = kind(_salt(storage))
    return found


def _salt(storage: Reading) -> bytes:
    salt = storage.get(SALT)
    if salt is None:
        raise RuntimeError("a state without a token salt")
    return salt


def from_record(id_hash: str, record: dict[str, Any]) -> Token:
    """Give a token as it was stored."""
    record.pop("orphan", None)  # it was stored before there were parents
    for name in ("policies", "bound_cidrs"):
        if name in record:
            record[name] = tuple(record[name])
    return Token(id_hash, **record)
