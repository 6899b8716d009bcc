"""Metadata of people's own, as secrets and entity aliases have it: what it may hold. Source: OpenBao 2.7."""

from collections.abc import Mapping

from vaultctl.logical.errors import InvalidRequest, several_errors
from vaultctl.logical.go_text import quoted

INVALID = "custom_metadata validation failed: "
MAX_KEYS, MAX_KEY_B, MAX_VALUE_B = 64, 128, 512


def check(texts: Mapping[str, str]) -> None:
    """Refuse what nobody's metadata may be. Raises: InvalidRequest."""
    problems = _problems(texts)
    if problems:
        raise InvalidRequest(several_errors([INVALID + problem for problem in problems]))


def _problems(texts: Mapping[str, str]) -> list[str]:
    if len(texts) > MAX_KEYS:
        return [f"payload must contain at most {MAX_KEYS} keys, provided {len(texts)}"]
    problems = []
    for key, value in texts.items():
        key_b, value_b, shown = len(key.encode()), len(value.encode()), quoted(key)
        if not 0 < key_b <= MAX_KEY_B:
            problems.append(f"length of key {shown} is {key_b} but must be 0 < len(key) <= {MAX_KEY_B}")
        if not 0 < value_b <= MAX_VALUE_B:
            problems.append(f"length of value for key {shown} is {value_b} but must be 0 < len(value) <= {MAX_VALUE_B}")
        if not key.isprintable():
            problems.append(f"key {shown} ({key}) contains unprintable characters")
        if not value.isprintable():
            problems.append(f"value for key {shown} contains unprintable characters")
    return problems
