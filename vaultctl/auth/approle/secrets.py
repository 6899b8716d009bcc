"""Secret ids as they are stored: under a salted HMAC of themselves, with an accessor to speak of them by.

Below the mount: `salt`; `secret/<role>/<HMAC>`, the record; `accessor/<HMAC of the accessor>`, which names role and
record; `expiry/<end, 11 digits of s>-<HMAC>`, which does so for those with an end. What has expired counts as absent.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.crypto.aead import hmac_sha256
from vaultctl.framework.endpoint import Context

_SALT = "salt"
_BY_HASH = "secret/"
_BY_ACCESSOR = "accessor/"
_BY_EXPIRY = "expiry/"
_SECOND_NS = 1_000_000_000
_AT_ONCE = 100
"""So many that have expired are removed beside a request."""


class SecretId(NamedTuple):
    """One secret id. `num_uses` are those left; 0 is any number. Times are nanoseconds since the epoch; 0 is never."""

    role: str
    id_hash: str
    accessor: str
    num_uses: int
    ttl_s: float
    created_ns: int
    updated_ns: int
    expires_ns: int
    meta: Mapping[str, str]
    cidr_list: tuple[str, ...]
    token_bound_cidrs: tuple[str, ...]

    def __repr__(self) -> str:
        """Name it by its accessor."""
        return f"SecretId({self.accessor})"

    @property
    def _expiry_name(self) -> str:
        return f"{_BY_EXPIRY}{-(-self.expires_ns // _SECOND_NS):011d}-{self.role}-{self.id_hash}"


def fingerprint(ctx: Context, text: str) -> str:
    """Give the name that something secret is stored under."""
    salt = ctx.storage.get(_SALT)
    if salt is None:
        salt = ctx.random(32)
        if ctx.caller is None:  # nothing is stored yet, and nobody who asks without a token makes it so
            return hmac_sha256(salt, b"").hex()
        ctx.storage.put(_SALT, salt)
    return hmac_sha256(salt, text.encode("utf-8", "surrogatepass")).hex()


def make(
    ctx: Context,
    role: str,
    text: str,
    *,
    num_uses: int,
    ttl_s: float,
    meta: Mapping[str, str],
    cidr_list: tuple[str, ...],
    token_bound_cidrs: tuple[str, ...],
) -> SecretId | None:
    """Store a secret id of a role, or give None where the role has it already."""
    remove_expired(ctx, _AT_ONCE)
    if find(ctx, role, text):
        return None
    made = SecretId(
        role,
        fingerprint(ctx, text),
        str(uuid.UUID(bytes=ctx.random(16))),
        num_uses,
        ttl_s,
        ctx.now_ns,
        ctx.now_ns,
        ctx.now_ns + int(ttl_s * _SECOND_NS) if ttl_s else 0,
        meta,
        cidr_list,
        token_bound_cidrs,
    )
    save(ctx, made)
    ctx.storage.put(_BY_ACCESSOR + fingerprint(ctx, made.accessor), f"{role}/{made.id_hash}".encode())
    if made.expires_ns:
        ctx.storage.put(made._expiry_name, f"{role}/{made.id_hash}".encode())
    return made


def save(ctx: Context, secret_id: SecretId) -> None:
    """Write a record."""
    record = secret_id._asdict()
    del record["role"], record["id_hash"]
    name = f"{_BY_HASH}{secret_id.role}/{secret_id.id_hash}"
    ctx.storage.put(name, json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())


def find(ctx: Context, role: str, text: str) -> SecretId | None:
    """Find a secret id of a role."""
    return _alive(ctx, _load(ctx, f"{role}/{fingerprint(ctx, text)}"))


def find_by_accessor(ctx: Context, accessor: str) -> SecretId | None:
    """Find a secret id, of whatever role, by its accessor."""
    place = ctx.storage.get(_BY_ACCESSOR + fingerprint(ctx, accessor))
    return _alive(ctx, _load(ctx, place.decode())) if place else None


def accessors(ctx: Context, role: str) -> list[str]:
    """Give the accessors of a role's secret ids."""
    found = (_alive(ctx, _load(ctx, f"{role}/{id_hash}")) for id_hash in ctx.storage.list(f"{_BY_HASH}{role}/"))
    return sorted(each.accessor for each in found if each)


def use(ctx: Context, secret_id: SecretId) -> None:
    """Take a use from a secret id that counts them; the last one removes it."""
    if secret_id.num_uses == 1:
        remove(ctx, secret_id)
    elif secret_id.num_uses:
        save(ctx, secret_id._replace(num_uses=secret_id.num_uses - 1, updated_ns=ctx.now_ns))


def remove(ctx: Context, secret_id: SecretId) -> None:
    """Remove a secret id."""
    ctx.storage.delete(f"{_BY_HASH}{secret_id.role}/{secret_id.id_hash}")
    ctx.storage.delete(_BY_ACCESSOR + fingerprint(ctx, secret_id.accessor))
    if secret_id.expires_ns:
        ctx.storage.delete(secret_id._expiry_name)


def remove_all(ctx: Context, role: str) -> None:
    """Remove all secret ids of a role."""
    for id_hash in ctx.storage.list(f"{_BY_HASH}{role}/"):
        found = _load(ctx, f"{role}/{id_hash}")
        if found:
            remove(ctx, found)


def remove_expired(ctx: Context, limit: int | None = None) -> None:
    """Remove secret ids that have expired, at most so many."""
    now_s = ctx.now_ns // _SECOND_NS
    for row in ctx.storage.list(_BY_EXPIRY, limit=limit):
        if int(row.partition("-")[0]) > now_s:
            break
        place = ctx.storage.get(_BY_EXPIRY + row)
        found = _load(ctx, place.decode()) if place else None
        if found:
            remove(ctx, found)


def _alive(ctx: Context, secret_id: SecretId | None) -> SecretId | None:
    if secret_id and 0 < secret_id.expires_ns <= ctx.now_ns:
        return None
    return secret_id


def _load(ctx: Context, place: str) -> SecretId | None:
    data = ctx.storage.get(_BY_HASH + place)
    if data is None:
        return None
    role, _, id_hash = place.partition("/")
    record: dict[str, Any] = json.loads(data)
    record |= {name: tuple(record[name]) for name in ("cidr_list", "token_bound_cidrs")}
    return SecretId(role, id_hash, **record)
