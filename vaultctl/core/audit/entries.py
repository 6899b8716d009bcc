"""The two entries of a request: what was asked by whom, and what was answered. Pure: facts in, JSON out.

Names and order of the keys are OpenBao 2.7's; what is empty is left out, as there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl import __version__
from vaultctl.logical import json_text
from vaultctl.logical.errors import (
    BadToken,
    InvalidRequest,
    NoRoute,
    PermissionDenied,
    UnsupportedOperation,
    UnsupportedPath,
    VaultError,
    one_error,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vaultctl.core.audit.ink import Ink
    from vaultctl.logical.response import Response

_RUNNING = f"v{__version__}+builtin"
_DEFAULT = "default"
_NOBODY = {"token_type": _DEFAULT}

Entry = dict[str, Any]


class Who(NamedTuple):
    """Whose request it is. Without a token that is good, only what it may do is known, if that is."""

    token: str = ""
    accessor: str = ""
    display_name: str = ""
    policies: Sequence[str] = ()
    allowed: bool | None = None
    granting: Sequence[Mapping[str, str]] = ()
    meta: Mapping[str, str] | None = None
    remaining_uses: int = 0
    entity_id: str = ""
    token_type: str = _DEFAULT
    ttl_s: int = 0
    issued: str = ""
    identity_policies: Sequence[str] = ()


class At(NamedTuple):
    """The mount that a request fell to; without one the point is ""."""

    point: str = ""
    type: str = ""
    accessor: str = ""
    mount_class: str = ""
    plain_request_keys: Collection[str] = ()
    plain_response_keys: Collection[str] = ()


class Asked(NamedTuple):
    """What was asked. `headers` has, for each audited header, its values and whether they are hashed."""

    id: str
    client_id: str
    operation: str
    token: str
    token_accessor: str
    namespace_id: str
    namespace_path: str
    path: str
    data: Mapping[str, Any]
    remote_address: str = ""
    remote_port: int = 0
    wrap_ttl_s: int = 0
    headers: Mapping[str, tuple[Sequence[str], bool]] = {}

    def __repr__(self) -> str:
        """Name it without what it carries."""
        return f"Asked({self.operation} {self.path})"


def line(entry: Mapping[str, Any], prefix: str = "") -> bytes:
    """Give an entry as the line that is written."""
    text = json_text.dumps(entry, compact=True)
    return f"{prefix}{json_text.for_pages(text)}\n".encode("utf-8", "backslashreplace")


def request_entry(ink: Ink, now: str, who: Who, asked: Asked, at: At, error: VaultError | None = None) -> Entry:
    """Give the entry of a request that is let in, or of one that is refused with an error."""
    shows_accessor = asked.operation in ("update", "create") and not isinstance(error, BadToken)
    entry = _begin("request", now, ink, who, asked, at, shows_accessor=shows_accessor)
    if error is not None:
        entry["error"] = "\n".join(error.errors)
    return entry


def response_entry(
    ink: Ink, now: str, who: Who, asked: Asked, at: At, answer: Response | Exception, display_name: str = ""
) -> Entry:
    """Give the entry of an answer, or of the error that was one. `display_name` is that of a token that was made."""
    is_known = not isinstance(answer, BadToken)
    entry = _begin("response", now, ink, who, asked, at, shows_accessor=is_known)
    shown: Entry = {} if not at.point else _mount(at, with_accessor=is_known, version="mount_running_plugin_version")
    if isinstance(answer, Exception):
        data, text = _refusal(answer)
        if data is not None:
            shown["data"] = ink.data(data)
        entry["response"] = shown
        return entry | ({"error": text} if text else {})
    entry["response"] = _answered(ink, asked, at, answer, display_name) if answer.auth else {}
    entry["response"] |= shown
    if answer.lease:
        entry["response"]["secret"] = {"lease_id": answer.lease.lease_id} if answer.lease.lease_id else {}
    entry["response"] |= _contents(ink, asked, at, answer)
    return entry


def test_entry(id_: str, now: str) -> Entry:
    """Give the entry that a new device is tried with."""
    asked = {"id": id_, "operation": "update", "namespace": {"id": "root"}, "path": "sys/audit/test"}
    return {"time": now, "type": "request", "auth": _NOBODY, "request": asked}


def _begin(kind: str, now: str, ink: Ink, who: Who, asked: Asked, at: At, *, shows_accessor: bool) -> Entry:
    return {
        "time": now,
        "type": kind,
        "auth": _who(ink, who),
        "request": _asked(ink, asked, at, shows_accessor=shows_accessor),
    }


def _who(ink: Ink, who: Who) -> Entry:
    results: Entry | None = None
    if who.allowed is not None:
        results = {"allowed": who.allowed, **({"granting_policies": list(who.granting)} if who.granting else {})}
    shown = {
        "client_token": ink.secret(who.token),
        "accessor": ink.accessor(who.accessor),
        "display_name": who.display_name,
        "policies": sorted({*who.policies, *who.identity_policies}),
        "token_policies": list(who.policies),
        "identity_policies": list(who.identity_policies),
        "policy_results": results,
        "metadata": dict(who.meta or {}),
        "remaining_uses": who.remaining_uses,
        "entity_id": who.entity_id,
        "token_type": who.token_type,
        "token_ttl": who.ttl_s,
        "token_issue_time": who.issued,
    }
    return _without_empty(shown)


def _asked(ink: Ink, asked: Asked, at: At, *, shows_accessor: bool) -> Entry:
    namespace = {"id": asked.namespace_id, **({"path": asked.namespace_path} if asked.namespace_path else {})}
    shown = {
        "id": asked.id,
        "client_id": asked.client_id,
        "operation": asked.operation,
        **(_mount(at, with_accessor=shows_accessor, version="mount_running_version") if at.point else {}),
        "client_token": ink.secret(asked.token),
        "client_token_accessor": ink.accessor(asked.token_accessor),
        "namespace": namespace,
        "path": asked.path,
        "data": ink.data(asked.data, at.plain_request_keys),
        "remote_address": asked.remote_address,
        "remote_port": asked.remote_port,
        "wrap_ttl": asked.wrap_ttl_s,
        "headers": {
            name: [ink.secret(value) for value in values] if is_hashed else list(values)
            for name, (values, is_hashed) in asked.headers.items()
        },
    }
    return _without_empty(shown)


def _mount(at: At, *, with_accessor: bool, version: str) -> Entry:
    accessor = {"mount_accessor": at.accessor} if with_accessor else {}
    shown = {"mount_point": at.point, "mount_type": at.type, **accessor}
    return {**shown, version: _RUNNING, "mount_class": at.mount_class}


def _answered(ink: Ink, asked: Asked, at: At, answer: Response, display_name: str) -> Entry:
    """Give the token that an answer has."""
    auth = answer.auth or {}
    shown = {
        "client_token": ink.secret(auth.get("client_token") or ""),
        "accessor": ink.accessor(auth.get("accessor") or ""),
        "display_name": display_name,
        "policies": list(auth.get("policies") or ()),
        "token_policies": list(auth.get("token_policies") or ()),
        "identity_policies": list(auth.get("identity_policies") or ()),
        "metadata": dict(auth.get("metadata") or {}),
        "num_uses": auth.get("num_uses") or 0,
        "entity_id": auth.get("entity_id") or "",
        "token_type": auth.get("token_type") or "default",
        "token_ttl": auth.get("lease_duration") or 0,
    }
    return {"auth": _without_empty(shown)}


def _contents(ink: Ink, asked: Asked, at: At, answer: Response) -> Entry:
    shown: Entry = {}
    data = answer.data if answer.data is not None else answer.raw
    if data:
        listed = ink.listing(data) if asked.operation == "list" else data
        shown["data"] = ink.data(listed, at.plain_response_keys)
    if answer.warnings:
        shown["warnings"] = list(answer.warnings)
    if answer.wrap_info:
        wrapped = dict(answer.wrap_info)
        info = {
            "ttl": wrapped.get("ttl"),
            "token": ink.secret(wrapped.get("token") or ""),
            "accessor": ink.accessor(wrapped.get("accessor") or ""),
            "creation_time": wrapped.get("creation_time"),
            "creation_path": wrapped.get("creation_path"),
            "wrapped_accessor": ink.accessor(wrapped.get("wrapped_accessor") or ""),
        }
        shown["wrap_info"] = _without_empty(info)
    return shown


def _refusal(error: Exception) -> tuple[Mapping[str, Any] | None, str]:
    """Give the data of an answer that is an error, and what the entry says of it. Source: OpenBao 2.7."""
    if not isinstance(error, VaultError):
        return None, one_error("internal error")
    said = {"error": "\n".join(error.errors)} if error.errors else None
    if isinstance(error, UnsupportedPath | UnsupportedOperation):
        return None, error.errors[0]
    if isinstance(error, BadToken | PermissionDenied):
        return said, one_error("permission denied")
    if isinstance(error, NoRoute):
        return said, one_error("unsupported path")
    if isinstance(error, InvalidRequest):
        return said, one_error("invalid request")
    if error.status == 404:
        return error.data or said, ""
    return said, one_error("internal error")


def _without_empty(shown: Entry) -> Entry:
    return {name: value for name, value in shown.items() if value not in ("", 0, None) and value not in ([], {})}
