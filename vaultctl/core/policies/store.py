"""Where policies are kept: one record a policy, with its text and its rules, below its namespace.

Names are lower-case. One that has expired counts as absent. `root` is never stored, and of `default` only what somebody
wrote in its place.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core import records
from vaultctl.core.policies import rule
from vaultctl.core.policies.built_in import BUILT_IN
from vaultctl.logical.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from vaultctl.core.policies.rule import Rule
    from vaultctl.core.views import View

PREFIX = "core/policies/acl/"
ROOT = "root"
DEFAULT = "default"
RESPONSE_WRAPPING = "response-wrapping"
_IMMUTABLE = frozenset({ROOT, RESPONSE_WRAPPING})
ABSENT = -1
"""The version that stands for a policy that is not there."""


class Policy(NamedTuple):
    """A policy. `modified` and `expiration` are RFC 3339, `expires_s` seconds since the epoch; 0 is never.

    The two about templates say what an entity's names may hold where they stand in a path.
    """

    text: str
    rules: Sequence[Rule]
    version: int = 0
    modified: str = ""
    cas_required: bool = False
    expiration: str = ""
    expires_s: float = 0
    allow_wildcards_in_identity_templates: bool = False
    allow_slashes_in_identity_templates: bool = False

    def describe(self, name: str) -> dict[str, Any]:
        """Give what the API shows."""
        shown = {
            "name": name,
            "version": self.version,
            "cas_required": self.cas_required,
            "policy": self.text,
            "allow_wildcards_in_identity_templates": self.allow_wildcards_in_identity_templates,
            "allow_slashes_in_identity_templates": self.allow_slashes_in_identity_templates,
        }
        dates = {"expiration": self.expiration, "modified": self.modified}
        return {**shown, **{key: date for key, date in dates.items() if date}}


def name_of(typed: str) -> str:
    """Give the name that is meant by what somebody typed."""
    return typed.strip().lower()


def find(view: View, name: str, now_s: float, namespace: str) -> Policy | None:
    """Look a policy up by its name; one that has expired counts as absent."""
    if name == ROOT:
        return Policy("", ())
    record = records.load(view, _key(name, namespace)) if name != RESPONSE_WRAPPING else None
    if record:
        found = _from_record(record)
        return None if 0 < found.expires_s <= now_s else found
    built_in = BUILT_IN.get(name)
    return Policy(built_in.text, built_in.rules, version=1, modified=view.header.created) if built_in else None


def names(view: View, now_s: float, below: str, namespace: str) -> list[str]:
    """Give the names of policies that a token can be given, or those below a folder of names."""
    folder = PREFIX + namespace + "/"
    stored = ((name[len(folder) :], json.loads(value)) for name, value in view.entries(folder))
    known = {name for name, record in stored if not 0 < record["expires_s"] <= now_s} | {DEFAULT}
    return [name for name in in_order(known) if name.startswith(below)]


def in_order(names: Set[str]) -> list[str]:
    """Sort names: what stands in a folder itself first, then its folders, the last one first.

    Source: OpenBao 2.7, which walks its storage so.
    """
    found: list[str] = []
    folders = [""]
    while folders:
        prefix = folders.pop()
        inside = sorted({name[len(prefix) :].partition("/")[::2] for name in names if name.startswith(prefix)})
        found += [prefix + first for first, rest in inside if not rest]
        folders += dict.fromkeys(prefix + first + "/" for first, rest in inside if rest)
    return found


def decoded(text: str) -> str:
    """Give the text that base64 stands for, else the text itself; bytes that are no characters become surrogates."""
    try:
        data = base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except ValueError:
        return text
    return data.decode("utf-8", "surrogateescape")


def put(view: View, name: str, policy: Policy, cas: int | None, namespace: str) -> None:
    """Store a policy as the next version of what is there, if that is the version expected. Raises: InvalidRequest."""
    if name in _IMMUTABLE:
        raise InvalidRequest(f'cannot update "{name}" policy')
    existing = find(view, name, 0, namespace)
    version = existing.version if existing else 0
    if cas is None and (policy.cas_required or (existing and existing.cas_required)):
        raise InvalidRequest("check-and-set parameter required for this call")
    if cas == ABSENT and existing:
        raise InvalidRequest("check-and-set parameter set to -1 on existing entry")
    if cas not in (None, ABSENT, version):
        raise InvalidRequest(f"check-and-set parameter {cas} did not match the current version {version}")
    record = policy._replace(version=version + 1)._asdict()
    record["rules"] = [each.record() for each in policy.rules]
    records.save(view, _key(name, namespace), record)


def remove(view: View, name: str, namespace: str) -> None:
    """Remove a policy if it is there. Raises: InvalidRequest for one that nobody may remove."""
    if name in _IMMUTABLE:
        raise InvalidRequest(f'cannot delete "{name}" policy')
    if name == DEFAULT:
        raise InvalidRequest("cannot delete default policy")
    view.delete(_key(name, namespace))


def _key(name: str, namespace: str) -> str:
    return f"{PREFIX}{namespace}/{name}"


def _from_record(record: dict[str, Any]) -> Policy:
    return Policy(**{**record, "rules": [rule.from_record(each) for each in record["rules"]]})
