"""Tokens: stored under a salted HMAC of the token, never the token itself.

A record's `num_uses` is 0 for no limit; the last use leaves -1, and the token goes at the end of that request. Source:
OpenBao 2.7, where even a request that is refused uses a token up.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core import records
from vaultctl.crypto.aead import hmac_sha256
from vaultctl.logical.storage import Reading, Storage

if TYPE_CHECKING:
    from vaultctl.core.session import Session

SALT = "core/tokens/salt"
BY_ID = "core/tokens/id/"
BY_ACCESSOR = "core/tokens/accessor/"
ROOT_POLICY = "root"


class Token(NamedTuple):
    """A token's record. Times are seconds since the epoch; a `ttl_s` of 0 never ends."""

    id_hash: str
    accessor: str
    policies: tuple[str, ...]
    path: str
    display_name: str
    creation_time_s: int
    ttl_s: int = 0
    num_uses: int = 0
    type: str = "service"
    orphan: bool = True
    namespace: str = "root"

    def __repr__(self) -> str:
        """Name it by what it is called, not by what it opens."""
        return f"Token({self.display_name})"

    @property
    def is_root(self) -> bool:
        """Tell whether every request is allowed."""
        return ROOT_POLICY in self.policies

    def has_expired(self, now_s: float) -> bool:
        """Tell whether it counts as absent."""
        return self.ttl_s > 0 and now_s >= self.creation_time_s + self.ttl_s


def make_salt(storage: Storage, random: Callable[[int], bytes]) -> None:
    """Give a new state its salt."""
    storage.put(SALT, random(32))


def find(storage: Reading, token: str, now_s: float) -> Token | None:
    """Look a token up; one that has expired counts as absent."""
    id_hash = _hash(storage, token)
    record = records.load(storage, BY_ID + id_hash)
    if record is None:
        return None
    found = _from_record(id_hash, record)
    return None if found.has_expired(now_s) else found


def find_by_accessor(storage: Reading, accessor: str, now_s: float) -> Token | None:
    """Look a token up by its accessor; one that has expired counts as absent."""
    named = records.load(storage, BY_ACCESSOR + _hash(storage, accessor))
    record = records.load(storage, BY_ID + named["id_hash"]) if named else None
    if named is None or record is None:
        return None
    found = _from_record(named["id_hash"], record)
    return None if found.has_expired(now_s) else found


def create(storage: Storage, token: str, **fields: Any) -> Token:
    """Store a token; the fields are those of `Token` without `id_hash`."""
    made = Token(_hash(storage, token), **fields)
    save(storage, made)
    records.save(storage, BY_ACCESSOR + _hash(storage, made.accessor), {"id_hash": made.id_hash})
    return made


def save(storage: Storage, token: Token) -> None:
    """Write a token's record."""
    record = token._asdict()
    del record["id_hash"]
    records.save(storage, BY_ID + token.id_hash, record)


def use(storage: Storage, token: Token) -> Token:
    """Take one use from a token with a limit."""
    used = token._replace(num_uses=token.num_uses - 1 if token.num_uses > 1 else -1)
    save(storage, used)
    return used


def revoke(session: "Session", token: Token) -> None:
    """Remove a token, with all that is in its cubbyhole."""
    view = session.view
    cubbyhole = session.mounts.at("cubbyhole/", token.namespace)
    if cubbyhole:
        for name in list(view.below(f"{cubbyhole.storage_prefix}{token.id_hash}/")):
            view.delete(name)
    view.delete(BY_ID + token.id_hash)
    view.delete(BY_ACCESSOR + _hash(view, token.accessor))


def new_token(random: Callable[[int], bytes]) -> str:
    """Make a service token: `s.` and 24 characters."""
    return "s." + random_text(random, 24)


def random_text(random: Callable[[int], bytes], length: int) -> str:
    """Make text of letters and digits, each equally likely."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    text = ""
    while len(text) < length:
        # 248 is the largest multiple of 62 in a byte: what lies above would favour the first letters.
        text += "".join(alphabet[byte % 62] for byte in random(length) if byte < 248)
    return text[:length]


def _hash(storage: Reading, text: str) -> str:
    salt = storage.get(SALT)
    if salt is None:
        raise RuntimeError("a state without a token salt")
    return hmac_sha256(salt, text.encode("utf-8", "surrogatepass")).hex()


def _from_record(id_hash: str, record: dict[str, Any]) -> Token:
    return Token(id_hash, **{**record, "policies": tuple(record["policies"])})
