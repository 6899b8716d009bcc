"""Quotas of requests, as they are stored. They limit nothing here; they are kept and shown, and go with their mount.

A quota is of a mount, which it knows by the uuid, so that no move changes anything in it; or else of a namespace. It
is gone with what it is of.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultctl.core.mounts import Mount
    from vaultctl.core.session import Session
    from vaultctl.core.views import View

PREFIX = "core/quotas/rate-limit/"
CONFIG = "core/quotas/config"


class Quota(NamedTuple):
    """How many requests there may be in an interval; above that, nobody is served for as long as `block_s`.

    It is of a mount, by the uuid, and maybe of a path below, the `suffix`; or of a namespace, by the id.
    """

    name: str
    namespace: str
    mount: str
    suffix: str
    role: str
    rate: float
    interval_s: int
    block_s: int
    inheritable: bool

    def is_like(self, other: Quota) -> bool:
        """Tell whether the two are about the same requests."""
        return self[1:5] == other[1:5]


class Config(NamedTuple):
    """What holds for all quotas."""

    rate_limit_exempt_paths: Sequence[str] = (
        "sys/generate-recovery-token/attempt",
        "sys/generate-recovery-token/update",
        "sys/generate-root/attempt",
        "sys/generate-root/update",
        "sys/health",
        "sys/seal-status",
        "sys/unseal",
    )
    enable_rate_limit_audit_logging: bool = False
    enable_rate_limit_response_headers: bool = False


def find(view: View, name: str) -> Quota | None:
    """Find a quota by its name."""
    record = records.load(view, PREFIX + name)
    return Quota(**record) if record else None


def all_of(view: View) -> list[Quota]:
    """Give all quotas by name."""
    return [Quota(**json.loads(data)) for _, data in view.entries(PREFIX)]


def save(view: View, quota: Quota) -> None:
    """Write a quota."""
    records.save(view, PREFIX + quota.name, quota._asdict())


def remove(view: View, name: str) -> None:
    """Remove a quota, if it is there."""
    view.delete(PREFIX + name)


def load_config(view: View) -> Config:
    """Give what holds for all quotas."""
    record = records.load(view, CONFIG)
    return Config(**record) if record else Config()


def save_config(view: View, config: Config) -> None:
    """Write what holds for all quotas."""
    records.save(view, CONFIG, config._asdict())


def forget_mount(view: View, mount: Mount) -> None:
    """Remove the quotas of a mount that is taken away."""
    for quota in all_of(view):
        if quota.mount == mount.uuid:
            remove(view, quota.name)


def forget_namespace(view: View, namespace: str) -> None:
    """Remove the quotas of a namespace that is deleted."""
    for quota in all_of(view):
        if quota.namespace == namespace:
            remove(view, quota.name)


def path_of(session: Session, quota: Quota) -> str:
    """Give the path that a quota is about, as it is now."""
    mount = session.mounts.get(quota.mount) if quota.mount else None
    namespace = session.namespaces.get(mount.namespace if mount else quota.namespace)
    return (namespace.path if namespace else "") + (mount.path if mount else "") + quota.suffix
