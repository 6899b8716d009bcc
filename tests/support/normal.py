"""What differs from run to run, put away, so that two answers can be compared."""

import re
from typing import Any

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_ENTITY = re.compile(_UUID.pattern + r"\.[A-Za-z0-9]{6}\b")
"""An entity of a namespace."""

_ACCESSOR = re.compile(r"\b([a-z][a-z0-9]*(?:_[a-z]+)?)_[0-9a-f]{8}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z| \d\d:\d\d:\d\d(?:\.\d+)? \+0000 UTC)")
_VERSION = re.compile(r"\bv?\d+\.\d+\.\d+\+builtin(?:\.[a-z]+)?")
_PROGRAM = re.compile(r"\d+\.\d+\.\d+")
_CLUSTER = re.compile(r"\bvault-cluster-[0-9a-f]{8}\b")
_TIME_IN_CELL = re.compile(r"<time>(?:[^]\n]*\])? {2,}\S")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+|local:(?=/v1)")

_NAMESPACE_ID = re.compile(r"[A-Za-z0-9]{6}")

_NAMESPACE_ID_SHOWN = re.compile(r"""(?m)^(id +|\s*"id": ["]|\s*id: ['"]?)[A-Za-z0-9]{6}(?=['",]*$)""")
_TOKEN = re.compile(r"\bs\.[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]{5,6})?\b|\bb\.[A-Za-z0-9_-]{60,}")
_HMAC = re.compile(r"hmac-sha256:[0-9a-f]{64}\b")
_OF_TOKEN = re.compile(r"[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]{5,6})?")
"""The accessor of a token is nothing but letters and digits."""

_LEASE = re.compile(r"(?<=/)[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]{6})?\b")
_OF_TOKENS_LEASE = re.compile(r"\bh?(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
"""The ends of a lease's id: a secret's, and a token's."""

_IN_TEXT = (
    (re.compile(r'(accessor"?:? +"?)[A-Za-z0-9]{24}\b'), r"\1<accessor>"),
    (re.compile(r'(creation_time"?:? +)1[789]\d{8}\b'), r"\1<unix>"),
    (re.compile(r'^( *"?ttl"?:? +)\d[0-9hms]*', re.MULTILINE), r"\1<left>"),
)
"""The same in tables, JSON and YAML; how much of a life is left is chance."""

_SPENT_S = 5
"""So many seconds of a life may be over before it is looked at."""

_METADATA = re.compile(r"(?:^token_meta_.*\n){2,}", re.MULTILINE)
"""bao shows the metadata of a token in the order in which Go walks a map."""

_UNIX_S = (1_600_000_000, 2_500_000_000)


def text(value: str) -> str:
    """Put away uuids, tokens, accessors, times, versions and addresses."""
    if _OF_TOKEN.fullmatch(value):
        return "<accessor>"
    value = _HMAC.sub("<hmac>", _TOKEN.sub("<token>", value))
    value = _LEASE.sub("<rand>", _OF_TOKENS_LEASE.sub("<hex>", value))
    for pattern, put in _IN_TEXT:
        value = pattern.sub(put, value)
    value = _ENTITY.sub("<uuid>.<nsid>", value)
    value = _UUID.sub("<uuid>", value)
    value = _ACCESSOR.sub(r"<accessor:\1>", value)
    value = _NAMESPACE_ID_SHOWN.sub(r"\1<nsid>", _TIME.sub("<time>", value))
    value = _CLUSTER.sub("<cluster_name>", _ADDRESS.sub("<address>", value))
    if _VERSION.search(value) or _TIME_IN_CELL.search(value):  # it is as long as it is, and a column with it
        value = re.sub(" {2,}", "  ", _VERSION.sub("<version>", value))
    return _METADATA.sub(lambda lines: "".join(sorted(lines[0].splitlines(keepends=True))), value)


def _placeholder(key: str, value: Any) -> str | None:
    """Give what stands for a value of which only its name tells what it is."""
    if key == "version" and isinstance(value, str) and _PROGRAM.fullmatch(value):
        return "<version>"
    return "<nsid>" if key == "id" and isinstance(value, str) and _NAMESPACE_ID.fullmatch(value) else None


def without_age(data: dict[str, Any]) -> dict[str, Any]:
    """Give what is known of a token with the life that it had at first: how late it is looked at is chance."""
    left_s, at_first_s = data.get("ttl"), data.get("creation_ttl", _at_first(data))
    if not isinstance(left_s, int) or not isinstance(at_first_s, int) or not 0 <= at_first_s - left_s <= _SPENT_S:
        return data
    return {**data, "ttl": at_first_s}


def _at_first(data: dict[str, Any]) -> Any:
    """Guess the life of a lease at first: it was round."""
    is_lease = isinstance(data.get("ttl"), int) and "issue_time" in data and "path" in data
    return -(-data["ttl"] // 10) * 10 if is_lease else None


def deep(value: Any) -> Any:
    """Put the same away in everything that a value holds."""
    if isinstance(value, dict):
        return {text(key): _placeholder(key, item) or deep(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [deep(item) for item in value]
    if isinstance(value, int) and _UNIX_S[0] < value < _UNIX_S[1]:
        return "<unix>"
    return text(value) if isinstance(value, str) else value
