"""What a policy's text says: one rule a path. Checked in OpenBao's order, and refused in its words.

Source: OpenBao 2.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vaultctl.core.policies import decode
from vaultctl.core.policies.rule import EXPANDED, ORDER, Rule, is_templated
from vaultctl.logical import durations, hcl
from vaultctl.logical.errors import InvalidRequest, NotOffered, several_errors
from vaultctl.logical.go_text import quoted
from vaultctl.logical.hcl.tree import HclError, Item, ObjectValue, matching, text_of

_KEYS = frozenset(
    {
        "allowed_parameters",
        "capabilities",
        "comment",
        "control_group",
        "denied_parameters",
        "expiration",
        "list_scan_response_keys_filter_path",
        "max_wrapping_ttl",
        "mfa_methods",
        "min_wrapping_ttl",
        "pagination_limit",
        "policy",
        "required_parameters",
    }
)


class _Settings(NamedTuple):
    """The fields of a path, converted and not yet looked at. There are no MFA methods here, as in OpenBao."""

    policy: str
    capabilities: Sequence[str]
    expiration: str
    min_wrapping_ttl: Any
    max_wrapping_ttl: Any
    allowed_parameters: Mapping[str, list[Any]] | None
    denied_parameters: Mapping[str, list[Any]] | None
    required_parameters: Sequence[str]
    mfa_methods: Sequence[str]
    pagination_limit: int
    keys_filter: str


def parse(text: str, now_s: float) -> list[Rule]:
    """Give the rules of a text in HCL or JSON; those that have expired already are left out. Raises: VaultError."""
    try:
        items = hcl.read(text)
        _check_keys(items, {"name", "path"})
        decode.last(items, "name", "name", decode.string)
        return [rule for item in matching(items, "path") if (rule := _named_rule(item, now_s))]
    except HclError as error:
        raise InvalidRequest(f"failed to parse policy: {error}") from None


def _named_rule(item: Item, now_s: float) -> Rule | None:
    key = text_of(item.keys[0]) if item.keys else "path"
    try:
        return _rule(key, item, now_s)
    except HclError as error:
        raise HclError(f"path {quoted(key)}: {error}") from None


def _rule(key: str, item: Item, now_s: float) -> Rule | None:
    templated = _check_template(key)
    if not isinstance(item.value, ObjectValue):
        raise HclError(f"cannot check HCL keys of type {decode.node_type(item.value)}")
    items = item.value.items
    _check_keys(items, _KEYS)
    if matching(items, "control_group"):
        raise NotOffered("control groups are not part of vaultctl")
    try:
        settings = _settings(items)
    except HclError as error:
        raise HclError(f"path {quoted(key)}: {error}") from None
    expires_s = _expiration(key, settings.expiration)
    if settings.expiration and expires_s <= now_s:
        return None
    path = key.removeprefix("/")
    if "+*" in path:
        raise HclError(f"path {quoted(path)}: invalid use of wildcards ('+*' is forbidden)")
    capabilities = _capabilities(key, settings)
    rule = Rule(path, capabilities, expires_s=expires_s, templated=templated)
    return rule if "deny" in capabilities else _limited(rule, settings)


def _check_template(key: str) -> bool:
    """Tell whether a path has places for what an entity is. Raises: HclError."""
    before, *pieces = key.split("{{")
    if "}}" in before or any(piece.count("}}") != 1 for piece in pieces):
        raise HclError("failed to validate policy templating: unbalanced templating characters")
    return is_templated(key)


def _check_keys(items: Sequence[Item], known: frozenset[str] | set[str]) -> None:
    problems = []
    for item in items:
        key = text_of(item.keys[0])
        if key not in known:
            problems.append(f"invalid key {quoted(key)} on line {item.assign.line if item.assign else 0}")
    if problems:
        raise HclError(several_errors(problems))


def _settings(items: Sequence[Item]) -> _Settings:
    """Convert the fields, in the order in which OpenBao tells of a wrong one. Raises: HclError."""
    return _Settings(
        policy=decode.last(items, "policy", "Policy", decode.string) or "",
        capabilities=_all_strings(items, "capabilities", "Capabilities"),
        expiration=decode.last(items, "expiration", "expiration", decode.string) or "",
        min_wrapping_ttl=decode.last(items, "min_wrapping_ttl", "min_wrapping_ttl", decode.anything),
        max_wrapping_ttl=decode.last(items, "max_wrapping_ttl", "max_wrapping_ttl", decode.anything),
        allowed_parameters=_parameters(items, "allowed_parameters"),
        denied_parameters=_parameters(items, "denied_parameters"),
        required_parameters=_all_strings(items, "required_parameters", "required_parameters"),
        mfa_methods=_all_strings(items, "mfa_methods", "mfa_methods"),
        pagination_limit=decode.last(items, "pagination_limit", "pagination_limit", decode.integer) or 0,
        keys_filter=decode.last(items, _FILTER, _FILTER, decode.string) or "",
    )


_FILTER = "list_scan_response_keys_filter_path"


def _all_strings(items: Sequence[Item], key: str, name: str) -> list[str]:
    return [text for node in decode.values(items, key) for text in decode.strings(f"root.{name}", node)]


def _parameters(items: Sequence[Item], key: str) -> dict[str, list[Any]] | None:
    found: dict[str, list[Any]] | None = None
    for node in decode.values(items, key):
        found = {} if found is None else found
        decode.lists(f"root.{key}", node, found)
    return None if found is None else {name.lower(): wanted for name, wanted in found.items()}


def _expiration(key: str, text: str) -> float:
    """Give a moment that is RFC 3339 or seconds since the epoch; 0 for none. Raises: HclError."""
    if not text:
        return 0
    moment = durations.moment(text)
    if moment is None:
        raise HclError(f"path {quoted(key)}: invalid expiration time: could not parse string as date and time")
    return moment


def _capabilities(key: str, settings: _Settings) -> tuple[str, ...]:
    """Give the capabilities in one order, those of an old policy word too; "deny" stands alone. Raises: HclError."""
    named = list(settings.capabilities)
    if settings.policy:
        if settings.policy not in EXPANDED:
            raise HclError(f"path {quoted(key)}: invalid policy {quoted(settings.policy)}")
        named = ["deny"] if settings.policy == "deny" else [*named, *EXPANDED[settings.policy]]
    for name in named:
        if name == "deny":
            return ("deny",)
        if name not in ORDER:
            raise HclError(f"path {quoted(key)}: invalid capability {quoted(name)}")
    return tuple(name for name in ORDER if name in named)


def _limited(rule: Rule, settings: _Settings) -> Rule:
    """Give a rule with what narrows it. Raises: HclError, NotOffered."""
    shortest = _wrapping_ttl("min_wrapping_ttl", settings.min_wrapping_ttl)
    longest = _wrapping_ttl("max_wrapping_ttl", settings.max_wrapping_ttl)
    if shortest and longest and longest < shortest:
        raise HclError("max_wrapping_ttl cannot be less than min_wrapping_ttl")
    if settings.keys_filter:
        if "list" not in rule.capabilities:
            raise HclError(f"{_FILTER} needs to be used on a path with the list capability")
        _check_filter(settings.keys_filter)
    return rule._replace(
        allowed_parameters=settings.allowed_parameters,
        denied_parameters=settings.denied_parameters,
        required_parameters=tuple(settings.required_parameters),
        min_wrapping_ttl_s=shortest,
        max_wrapping_ttl_s=longest,
        pagination_limit=settings.pagination_limit,
        keys_filter=settings.keys_filter,
    )


def _wrapping_ttl(name: str, value: Any) -> float:
    if value is None or value == "":
        return 0
    if isinstance(value, bool | list):
        raise HclError(f"error parsing {name}: could not parse duration from input")
    try:
        return durations.parse(str(int(value)) if isinstance(value, int | float) else value)
    except durations.DurationError as error:
        raise HclError(f"error parsing {name}: {error}") from None


def _check_filter(template: str) -> None:
    """Refuse a template that no key can change. Raises: HclError; NotOffered for more than names in it."""
    rest = re.sub(r"\{\{\s*\.(?:path|key)\s*\}\}", "", template)
    if "{{" in rest and "}}" not in rest:
        problem = "unable to parse template: template: template:1: unclosed action"
        raise HclError(f"unable to compile template for {_FILTER}: {problem}")
    if "{{" in rest:
        raise NotOffered(f"{_FILTER} takes {{{{ .path }}}} and {{{{ .key }}}} alone in vaultctl")
    if not re.search(r"\{\{\s*\.key\s*\}\}", template):
        raise HclError(f"{_FILTER} resulted in same path for two different keys")
