"""A move looked at before it is made. Everything is asked for, nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.client.checks import policies
from vaultctl.client.checks.landscape import Seen
from vaultctl.client.checks.report import Count, PolicyFound, Report
from vaultctl.client.checks.sight import Sight
from vaultctl.logical import remounting
from vaultctl.logical.errors import InvalidRequest, PermissionDenied, VaultError
from vaultctl.logical.paths import mount_path
from vaultctl.logical.remounting import MayNotRewrite, NoMatchingMount, Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaultctl.client.client import Client

MOST_FOLDERS = 2000
"""So many folders of leases are listed before counting is given up."""

_REMOUNT = "sys/remount"
_STATUS = "sys/remount/status/id"
_POLICY = "sys/policies/acl/"
_ROLES = {"approle": ("role", "roles"), "userpass": ("users", "users")}
"""Where auth methods list what logs in, and what that is called here."""


def check(client: Client, namespace: str, source: str, target: str, *, rewrites: bool = False) -> Report:
    """Look at a move that would be asked for in a namespace, which is named in full.

    With `rewrites` the policies would go with it. Raises: VaultError where nobody answers, or nothing can be seen.
    """
    sight = Sight(client, namespace)
    report = Report(source, target, rewrites)
    seen = Seen(sight, source, target)
    _look_at_rights(sight, report)
    _look_at_places(sight, seen, report)
    if report.old and report.new:
        _look_around(sight, report, report.old, report.new)
    if sight.first_refusal and not sight.has_seen:
        raise sight.first_refusal
    report.unseen = sight.unseen
    for error in report.refusals:
        error.asked = ("POST", _REMOUNT, {})
    return report


def _look_at_rights(sight: Sight, report: Report) -> None:
    """Ask whether the token may move mounts, and hear how a move ends."""
    found = _capabilities(sight, sight.namespace, [_REMOUNT, _STATUS])
    if found is None:
        return
    report.allowed = "root" in found[_REMOUNT] or {"update", "sudo"} <= found[_REMOUNT]
    if not report.allowed:
        report.refusals.append(PermissionDenied())
    elif not {"root", "read"} & found[_STATUS]:
        report.notes.append("the token may not read sys/remount/status: how the move ends would not be heard")


def _capabilities(sight: Sight, namespace: str, paths: Sequence[str]) -> dict[str, set[str]] | None:
    what = f"what the token may do in namespace {namespace or 'root'}"
    data = sight.look("POST", namespace, "sys/capabilities-self", what, {"paths": list(paths)}, must_be=True)
    return None if data is None else {path: set(data.get(path) or ()) for path in paths}


def _look_at_places(sight: Sight, seen: Seen, report: Report) -> None:
    """Make the engine's own checks of what is seen."""
    try:
        places = remounting.check(seen, sight.namespace, report.source, report.target)
    except NoMatchingMount as error:
        old, new = (Place(*seen.descend(sight.namespace, mount_path(each))) for each in (report.source, report.target))
        if old.namespace not in seen.hidden:
            report.refusals.append(error)
            return
        places = old, new  # it may be there all the same
    except InvalidRequest as error:
        report.refusals.append(error)
        return
    report.old, report.new = places
    mount = seen.mount(report.old)
    if mount:
        report.type, report.accessor = str(mount.get("type", "")), str(mount["accessor"])
    elif report.old.namespace not in seen.hidden:
        report.refusals.append(InvalidRequest(remounting.no_mount(report.old)))


def _look_around(sight: Sight, report: Report, old: Place, new: Place) -> None:
    """Look at all that hangs on the mount."""
    is_auth = old.path.startswith("auth/")
    count = _leases(sight, old, "tokens" if is_auth else "leases")
    if is_auth:
        report.tokens = count
        report.entity_aliases = _aliases(sight, old.namespace, report.accessor)
        _look_at_logins(sight, report, old)
    else:
        report.leases = count
    report.quotas = _quotas(sight, old.full_path)
    report.policies = list(policies.find(sight, old, new))
    if report.rewrites:
        _look_at_rewriting(sight, report)
    if old.namespace != new.namespace:
        _look_across(report, new, is_auth=is_auth)


def _leases(sight: Sight, place: Place, what: str) -> Count | None:
    """Count what was given out below a mount; None where that cannot be seen."""
    folders, found = [place.path], 0
    for asked in range(MOST_FOLDERS):
        if not folders:
            return Count(found)
        folder = folders.pop()
        keys = sight.keys(place.namespace, f"sys/leases/lookup/{folder}", f"{what} of {place.full_path}")
        if keys is None:
            return Count(found, is_exact=False) if asked else None
        folders += [folder + key for key in keys if key.endswith("/")]
        found += sum(not key.endswith("/") for key in keys)
    return Count(found, is_exact=not folders)


def _aliases(sight: Sight, namespace: str, accessor: str) -> list[dict[str, Any]]:
    data = sight.look("LIST", namespace, "identity/entity-alias/id", "entity aliases")
    info: Mapping[str, Any] = (data or {}).get("key_info") or {}
    return [
        {"id": id_, "name": alias.get("name"), "entity": alias.get("canonical_id")}
        for id_, alias in info.items()
        if alias.get("mount_accessor") == accessor
    ]


def _quotas(sight: Sight, full_path: str) -> list[dict[str, Any]]:
    """Give the rate limits of a mount, or of what is below it; they are the root's."""
    found = []
    for name in sight.keys("", "sys/quotas/rate-limit", "quotas") or ():
        data = sight.look("GET", "", f"sys/quotas/rate-limit/{name}", f"quota {name}") or {}
        path = str(data.get("path", ""))
        if f"{path.rstrip('/')}/".startswith(full_path):
            found.append({"name": name, "path": path})
    return found


def _look_at_logins(sight: Sight, report: Report, place: Place) -> None:
    folder, kind = _ROLES.get(report.type, ("", ""))
    if kind:
        names = sight.keys(place.namespace, place.path + folder, f"{kind} of {place.full_path}") or []
        setattr(report, kind, names)


def _look_at_rewriting(sight: Sight, report: Report) -> None:
    """Ask whether the token may write each policy that would be rewritten."""
    by_namespace: dict[str, list[PolicyFound]] = {}
    for policy in report.policies:
        if policy.diff:
            by_namespace.setdefault(policy.namespace, []).append(policy)
    may: dict[str, bool | None] = {}
    for namespace, found in by_namespace.items():
        told = _capabilities(sight, namespace, [_POLICY + policy.name for policy in found])
        for policy in found:
            may[policy.full_name] = bool({"root", "update"} & told[_POLICY + policy.name]) if told else None
    report.policies = [_with_right(policy, may.get(policy.full_name)) for policy in report.policies]
    refused: list[VaultError] = [
        MayNotRewrite(f"{policy.namespace}{_POLICY}{policy.name}")
        for policy in report.policies
        if policy.may_rewrite is False
    ]
    report.refusals += refused[: 0 if report.refusals else 1]


def _with_right(policy: PolicyFound, may_rewrite: bool | None) -> PolicyFound:
    from dataclasses import replace

    return replace(policy, may_rewrite=may_rewrite)


def _look_across(report: Report, new: Place, *, is_auth: bool) -> None:
    """Say what no list shows of a move to another namespace."""
    where = f"namespace {new.namespace or 'root'}"
    if is_auth:
        report.notes.append(f"entities do not move: the next login makes one in {where}, with the policies there")
    reaches = any(
        policy.reaches_target or any(line.new or not line.breaks for line in policy.paths)
        for policy in report.policies
        if policy.namespace == new.namespace
    )
    if not reaches:
        report.notes.append(f"no policy of {where} reaches the new path: its own tokens, but root's, cannot use it")
    else:
        report.notes.append(f"tokens of {where} reach the new path by the policies there alone")
