"""Password policies: a length, and charsets of each of which a password has so many characters. Source: OpenBao 2.7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core.policies import decode
from vaultctl.logical import hcl
from vaultctl.logical.errors import InvalidRequest, one_error, several_errors
from vaultctl.logical.hcl.tree import HclError, Item, ObjectValue, matching, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHORTEST, LONGEST = 4, 100


class Charset(NamedTuple):
    """Characters, of which a password has at least so many."""

    characters: str
    least: int


class PasswordPolicy(NamedTuple):
    """How a password is made."""

    length: int
    charsets: Sequence[Charset]

    def make(self, random: Callable[[int], bytes]) -> str:
        """Make a password: each of all characters is equally likely, and a password that breaks a rule is not given."""
        characters = sorted({char for charset in self.charsets for char in charset.characters})
        while True:
            made = "".join(_pick(characters, random) for _ in range(self.length))
            if all(sum(char in each.characters for char in made) >= each.least for each in self.charsets):
                return made


def _pick(characters: Sequence[str], random: Callable[[int], bytes]) -> str:
    """Pick one; numbers that would favour the first ones are thrown away."""
    fair = 2**32 - 2**32 % len(characters)
    while True:
        number = int.from_bytes(random(4), "big")
        if number < fair:
            return characters[number % len(characters)]


def parse(text: str) -> PasswordPolicy:
    """Read a password policy in HCL or JSON. Raises: InvalidRequest."""
    try:
        policy = _parsed(text)
    except HclError as error:
        raise InvalidRequest(one_error(f"invalid password policy: {error}")) from None
    if not SHORTEST <= policy.length <= LONGEST:
        raise InvalidRequest(one_error(f"passwords must be between {SHORTEST} and {LONGEST} characters"))
    return policy


def _parsed(text: str) -> PasswordPolicy:
    try:
        items = hcl.read(text)
    except HclError as error:
        raise HclError(f"unable to decode: {error}") from None
    policy = PasswordPolicy(_number(items, "length", "failed to decode configuration"), _charsets(items))
    problems = _problems(policy)
    if problems:
        raise HclError(several_errors(problems))
    return policy


def _number(items: Sequence[Item], key: str, context: str) -> int:
    value = decode.last(items, key, key, decode.anything)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        kind = "string" if isinstance(value, str) else "bool" if isinstance(value, bool) else "[]interface {}"
        problem = f"'{key}' expected type 'int', got unconvertible type '{kind}'"
        raise HclError(f"{context}: decoding failed due to the following error(s):\n\n{problem}")
    return int(value)


def _charsets(items: Sequence[Item]) -> list[Charset]:
    found = []
    for item in matching(items, "rule"):
        if not isinstance(item.value, ObjectValue) or not item.keys:
            raise HclError("unable to retrieve rules: '' source data must be an array or slice")
        kind = text_of(item.keys[0])
        if kind != "charset":
            raise HclError(f"unable to parse rules: unable to parse rule {kind}: unrecognized rule type {kind}")
        found.append(_charset(item.value.items if len(item.keys) == 1 else ()))
    return found


def _charset(items: Sequence[Item]) -> Charset:
    context = "unable to parse rules: unable to parse rule charset: failed to parse charset restriction"
    characters: Any = decode.last(items, "charset", "charset", decode.anything)
    if characters is not None and not isinstance(characters, str):
        problem = f"'charset' source data must be an array or slice, got {type(characters).__name__}"
        raise HclError(f"{context}: decoding failed due to the following error(s):\n\n{problem}")
    return Charset("".join(dict.fromkeys(characters or "")), _number(items, "min-chars", context))


def _problems(policy: PasswordPolicy) -> list[str]:
    """Tell what no password could satisfy."""
    problems = []
    least = sum(max(0, each.least) for each in policy.charsets)
    characters = "".join(each.characters for each in policy.charsets)
    if policy.length <= 0:
        problems.append("length must be > 0")
    elif least > policy.length:
        problems.append(f"specified rules require at least {least} characters but {policy.length} is specified")
    if not characters:
        problems.append("no charset specified")
    elif not characters.isprintable():
        problems.append("non-printable character in charset")
    return problems
