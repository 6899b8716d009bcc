"""Passwords as they are stored: Argon2id, with its parameters, so that they can be raised later.

A bcrypt hash that came from elsewhere is stored as it is, until a login with the password that fits it.

The form is that of the PHC. Argon2id comes with `cryptography`, which is there anyway, and needs a seventh of the time
that scrypt of the standard library takes for as much safety. The state is not locked for that long (`Context.apart`).
"""

import hmac
import re
from base64 import b64decode, b64encode
from typing import NamedTuple

from vaultctl.framework.endpoint import Random

_LENGTH_B, _SALT_B = 32, 16
_FORM = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)", re.ASCII)
_BCRYPT = re.compile(r"\$2(?:[^$])?\$(\d\d)\$")
_BCRYPT_LENGTH, _BCRYPT_SALT, _BCRYPT_REST, _BCRYPT_MOST_B = 59, 22, 53, 72
_LOWEST_COST, _HIGHEST_COST = 4, 31
LEAST_COST, MOST_COST = 5, 12
"""What a bcrypt hash may cost. Source: OpenBao 2.7."""


class Cost(NamedTuple):
    """Argon2's parameters: KiB of memory, passes over it, and lanes."""

    memory_kib: int
    passes: int
    lanes: int


COST = Cost(19 * 1024, 2, 1)
"""What new passwords cost. Source: OWASP, Password Storage Cheat Sheet."""


def write(password: str, random: Random) -> str:
    """Give a password as it is stored."""
    salt = random(_SALT_B)
    return f"{_begin(COST)}{_text(salt)}${_text(_hash(password, salt, COST))}"


def bcrypt_cost(text: str) -> int | None:
    """Give the cost of what is taken for a bcrypt hash. Source: OpenBao 2.7: its beginning and length are looked at."""
    found = _BCRYPT.match(text)
    cost = int(found[1]) if found and len(text) >= _BCRYPT_LENGTH else 0
    return cost if _LOWEST_COST <= cost <= _HIGHEST_COST else None


def _fits_bcrypt(password: str, stored: str) -> bool:
    """Tell whether a password fits a bcrypt hash, of which all versions are one; only its first 72 bytes count."""
    import bcrypt

    found = _BCRYPT.match(stored)
    rest = stored[found.end() :][:_BCRYPT_REST] if found else ""
    if found is None or len(rest) != _BCRYPT_REST:
        return False
    data = password.encode("utf-8", "surrogatepass")[:_BCRYPT_MOST_B]
    try:
        made = bcrypt.hashpw(data, f"$2b${found[1]}${rest[:_BCRYPT_SALT]}".encode())
    except ValueError:  # what looked like a salt is none
        return False
    return hmac.compare_digest(made[-(_BCRYPT_REST - _BCRYPT_SALT) :], rest[_BCRYPT_SALT:].encode())


def fits(password: str, stored: str) -> bool:
    """Tell whether a password is the one that was stored."""
    if bcrypt_cost(stored):
        return _fits_bcrypt(password, stored)
    found = _FORM.fullmatch(stored)
    if found is None:
        return fits_nobody(password)
    memory_kib, passes, lanes = map(int, found.groups()[:3])
    made = _hash(password, _bytes(found[4]), Cost(memory_kib, passes, lanes))
    return hmac.compare_digest(made, _bytes(found[5]))


def fits_nobody(password: str) -> bool:
    """Take as long as a comparison takes, and deny it."""
    _hash(password, bytes(_SALT_B), COST)
    return False


def is_outdated(stored: str, password: str) -> bool:
    """Tell whether a password, which fits, was stored in another way, or at another cost, than a new one is.

    A bcrypt hash that longer passwords fit too stays what it is.
    """
    if bcrypt_cost(stored) and len(password.encode("utf-8", "surrogatepass")) >= _BCRYPT_MOST_B:
        return False
    return not stored.startswith(_begin(COST))


def _begin(cost: Cost) -> str:
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}$"


def _hash(password: str, salt: bytes, cost: Cost) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    kdf = Argon2id(salt=salt, length=_LENGTH_B, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    return kdf.derive(password.encode("utf-8", "surrogatepass"))


def _text(data: bytes) -> str:
    return b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4))
