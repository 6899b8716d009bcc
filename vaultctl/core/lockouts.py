"""Users that are locked out of an auth method for a while, since too many logins of theirs failed. One row a user.

A row counts as absent when it is old enough, and goes with the next login that succeeds. Source: OpenBao 2.7.
"""

from collections.abc import Iterator
from typing import NamedTuple

from vaultctl.core import records, tokens
from vaultctl.core.methods import LOCKING
from vaultctl.core.mounts import Mount
from vaultctl.core.tokens import SECOND_NS
from vaultctl.core.views import View

PREFIX = "core/lockouts/"
_THRESHOLD, _DURATION_S, _RESET_S = 5, 15 * 60, 15 * 60


class Terms(NamedTuple):
    """How many failures lock a user out, for how long, and how long one counts."""

    threshold: int
    duration_s: int
    reset_s: int


class Failures(NamedTuple):
    """What is known of a user: the name in the mount, how many logins failed, and when the last of them did."""

    alias: str
    failures: int
    last_s: int


def terms_of(mount: Mount) -> Terms | None:
    """Give the terms of a mount, or None where nobody is locked out."""
    config = mount.config.get("user_lockout_config", {})
    if mount.type not in LOCKING or config.get("user_lockout_disable"):
        return None
    return Terms(
        config.get("user_lockout_threshold") or _THRESHOLD,
        config.get("user_lockout_duration") or _DURATION_S,
        config.get("user_lockout_counter_reset_duration") or _RESET_S,
    )


def is_locked(view: View, mount: Mount, alias: str, now_ns: int) -> bool:
    """Tell whether a user may not even try."""
    terms = terms_of(mount)
    if terms is None:
        return False
    found = _find(view, mount, alias)
    return found is not None and _locks(found, terms, now_ns)


def count_failure(view: View, mount: Mount, alias: str, now_ns: int) -> None:
    """Note that a login failed."""
    terms = terms_of(mount)
    if terms is None:
        return
    found, now_s = _find(view, mount, alias), now_ns // SECOND_NS
    is_old = found is None or now_s - found.last_s > terms.reset_s or found.failures >= terms.threshold
    count = 1 if found is None or is_old else found.failures + 1
    records.save(view, _name(view, mount, alias), Failures(alias, count, now_s)._asdict())


def unlock(view: View, mount: Mount, alias: str) -> None:
    """Forget the failures of a user."""
    name = _name(view, mount, alias)
    if view.get(name) is not None:
        view.delete(name)


def locked(view: View, mount: Mount, now_ns: int) -> Iterator[str]:
    """Name the users of a mount that are locked out."""
    terms = terms_of(mount)
    for name in view.list(f"{PREFIX}{mount.uuid}/") if terms else ():
        record = records.load(view, f"{PREFIX}{mount.uuid}/{name}")
        if record and terms and _locks(Failures(**record), terms, now_ns):
            yield record["alias"]


def forget(view: View, mount: Mount) -> None:
    """Remove all that is known of a mount's users."""
    for name in list(view.below(f"{PREFIX}{mount.uuid}/")):
        view.delete(name)


def _locks(found: Failures, terms: Terms, now_ns: int) -> bool:
    return found.failures >= terms.threshold and now_ns // SECOND_NS - found.last_s < terms.duration_s


def _find(view: View, mount: Mount, alias: str) -> Failures | None:
    record = records.load(view, _name(view, mount, alias))
    return Failures(**record) if record else None


def _name(view: View, mount: Mount, alias: str) -> str:
    return f"{PREFIX}{mount.uuid}/{tokens.hash_of(view, alias)}"
