"""When the barrier's key is replaced by itself: after so many encryptions, or at an age. Without a record, by default.

Older terms stay in the keyring and decrypt what they encrypted; nothing is encrypted again.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import records
from vaultctl.core.views import Transaction
from vaultctl.crypto.barrier import ROTATE_AFTER
from vaultctl.logical.durations import moment
from vaultctl.logical.errors import InvalidRequest

if TYPE_CHECKING:
    from vaultctl.core.session import Session
    from vaultctl.core.views import View
    from vaultctl.logical.storage import Storage

CONFIG = "core/rotation/config"
FEWEST_OPERATIONS = 1_000_000
SHORTEST_INTERVAL_S = 24 * 3600
_SECOND_NS = 1_000_000_000


class Config(NamedTuple):
    """When a term is replaced: after `max_operations` encryptions, or after `interval_s` seconds (0: at no age)."""

    max_operations: int = ROTATE_AFTER
    interval_s: int = 0
    enabled: bool = True


def load(view: View) -> Config:
    """Give what was chosen, or the default."""
    version = view.header.tables.get("rotation", 0)
    kept: tuple[int, Config] | None = view.memo.get(CONFIG)
    if kept and kept[0] == version and not view.changed_below(CONFIG):
        return kept[1]
    config = Config(**(records.load(view, CONFIG) or {}))
    if not view.changed_below(CONFIG):
        view.memo[CONFIG] = version, config
    return config


def save(storage: Storage, config: Config) -> None:
    """Store what was chosen. Raises: InvalidRequest. Source: OpenBao 2.7, its ranges and words."""
    if not FEWEST_OPERATIONS <= config.max_operations <= ROTATE_AFTER:
        raise InvalidRequest(f"max_operations must be in the range [{FEWEST_OPERATIONS},{ROTATE_AFTER}]")
    if 0 < config.interval_s < SHORTEST_INTERVAL_S:
        raise InvalidRequest("interval must be greater or equal to 24h0m0s")
    records.save(storage, CONFIG, config._asdict())


def limit(view: View, now_ns: int) -> float:
    """Give how many encryptions the active term may have made before the next commit replaces it."""
    config = load(view)
    if not config.enabled:
        return inf
    return 0 if is_due(view, now_ns) else config.max_operations


def is_due(view: View, now_ns: int) -> bool:
    """Tell whether the active term is as old as it may become."""
    config = load(view)
    if not config.enabled or not config.interval_s:
        return False
    made_s = moment(view.term[1])
    return made_s is not None and now_ns >= (made_s + config.interval_s) * _SECOND_NS


def rotate_if_due(session: Session, now_ns: int) -> None:
    """Replace a term that is as old as it may become. Raises: StateError."""
    if isinstance(session.view, Transaction) and is_due(session.view, now_ns):
        session.view.rotate()
        session.commit()
