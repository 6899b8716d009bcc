"""Fields of a request, and the weak conversion of what people send to what a handler wants.

Source: OpenBao 2.7, field by field as recorded from a server: numbers and booleans are taken for strings, "true" and
"1" for booleans, a comma string for a list. The messages are its own.
"""

import re
from collections.abc import Callable, Mapping
from math import isinf
from typing import Any, Literal, NamedTuple, TypeGuard

from vaultctl.logical import durations
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Repeated

Kind = Literal[
    "string",
    "int",
    "int64",
    "float",
    "ints",
    "bool",
    "duration",
    "signed_duration",
    "time",
    "map",
    "keypair",
    "slice",
    "strings",
]


ERROR_PREFIX = "Field validation failed: "


class Field(NamedTuple):
    """One field: its kind, and what path-help says of it."""

    kind: Kind
    help: str


class _WrongType(Exception):
    """A value that cannot become the kind asked for; the text is the end of the message."""


def convert(
    fields: Mapping[str, Field], data: Mapping[str, Any], *, error_prefix: str = ERROR_PREFIX
) -> dict[str, Any]:
    """Give the declared fields that are there, each as its kind. Others are ignored.

    A null becomes the kind's zero; one for a duration or a moment is as if nothing was said. Durations become whole
    seconds, moments nanoseconds since the epoch. Raises: InvalidRequest.
    """
    converted: dict[str, Any] = {}
    for name, field in fields.items() if data else ():
        if name not in data or (data[name] is None and field.kind not in _ZERO):
            continue
        try:
            converted[name] = _ZERO[field.kind]() if data[name] is None else _CONVERT[field.kind](name, data[name])
        except _WrongType as error:
            raise InvalidRequest(f'{error_prefix}error converting input for field "{name}": {error}') from None
    return converted


def go_type(value: object) -> str:
    """Name a JSON value's type as Go does."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "json.Number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Repeated):
        return "[]string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _mismatch(wanted: str, value: object, where: str = "") -> _WrongType:
    return _WrongType(f"'{where}' expected type '{wanted}', got unconvertible type '{go_type(value)}'")


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value) if isinstance(value, str | int | float) else None


def _string(_name: str, value: object) -> str:
    text = _text(value)
    if text is None:
        raise _mismatch("string", value)
    return text


def _bool(_name: str, value: object) -> bool:
    from vaultctl.logical import go_bools  # when there is such a field: this module is loaded at every start

    if isinstance(value, list | dict):
        raise _mismatch("bool", value)
    text = _text(value)
    if text in go_bools.TRUE:
        return True
    if not text or text in go_bools.FALSE:
        return False
    raise _WrongType("'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax")


_INT = r"([+-]?)(?:(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*)|(0(?:_?[0-7])*))"
"""No compiled pattern: that takes longer than a short command takes for all its fields."""

_INT_LENGTH = 80
"""No number of 64 bits is longer."""


def _int(_name: str, value: object) -> int:
    """Read a number in the base that it shows: a leading zero means octal, as in Go."""
    if isinstance(value, list | dict):
        raise _mismatch("int", value)
    found = re.fullmatch(_INT, _text(value) or "0")
    if not found:
        raise _WrongType("'' cannot parse value as 'int': strconv.ParseInt: invalid syntax")
    sign, digits, octal = found.groups()
    short = len(found[0]) <= _INT_LENGTH
    number = int(sign + digits, 0) if digits and short else int(sign + octal, 8) if short else 2**63
    if not -(2**63) <= number < 2**63:
        raise _WrongType("'' cannot parse value as 'int': strconv.ParseInt: value out of range")
    return number


def _int64(name: str, value: object) -> int:
    try:
        return _int(name, value)
    except _WrongType as error:
        raise _WrongType(str(error).replace("'int'", "'int64'")) from None


def _float(_name: str, value: object) -> float:
    if isinstance(value, list | dict):
        raise _mismatch("float64", value)
    text = _text(value) or "0"
    try:
        if text.strip() != text:
            raise ValueError
        number = float.fromhex(text) if re.match(_HEX_FLOAT, text) else float(text)
    except (ValueError, OverflowError):
        raise _WrongType("'' cannot parse value as 'float64': strconv.ParseFloat: invalid syntax") from None
    if isinf(number) and "inf" not in text.lower():
        raise _WrongType("'' cannot parse value as 'float64': strconv.ParseFloat: value out of range")
    return number


_HEX_FLOAT = "[+-]?0[xX]"


def _ints(_name: str, value: object) -> list[int]:
    if isinstance(value, str):
        value = value.split(",") if value else []
    found, problems = [], []
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        try:
            found.append(0 if item is None else _int("", item))
        except _WrongType as error:
            problems.append(f"'[{index}]'{str(error)[2:]}")
    if problems:
        raise _WrongType("decoding failed due to the following error(s):\n\n" + "\n".join(problems))
    return found


def _duration(_name: str, value: object) -> int:
    seconds = _signed_duration("", value)
    if seconds < 0:
        raise _WrongType(f"cannot provide negative value '{seconds}'")
    return seconds


def _signed_duration(_name: str, value: object) -> int:
    if isinstance(value, bool | list | dict):
        raise _WrongType("could not parse duration from input")
    try:
        return durations.whole(str(value)) if value != "" else 0
    except durations.DurationError as error:
        raise _WrongType(str(error)) from None


def _time(_name: str, value: object) -> int:
    if isinstance(value, bool | list | dict):
        raise _WrongType("could not parse time from input type")
    text = str(value)
    found = durations.moment_ns(text)
    if found is not None:
        return found
    if isinstance(value, str):
        raise _WrongType("could not parse string as date and time")
    from vaultctl.logical.go_text import quoted

    problem = "value out of range" if text.lstrip("+-").isdigit() else "invalid syntax"
    raise _WrongType(f"strconv.ParseInt: parsing {quoted(text)}: {problem}")


def _map(_name: str, value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return _merged_maps(value)
    raise _mismatch("map[string]interface {}", value)


def _merged_maps(value: list[Any], where: str = "") -> dict[str, Any]:
    """Give one map of all that stand in a list, and in the lists in it. Source: OpenBao 2.7."""
    merged: dict[str, Any] = {}
    for index, item in enumerate(value):
        here = f"{where}[{index}]"
        if isinstance(item, list):
            merged.update(_merged_maps(item, here))
        elif not isinstance(item, dict | None):
            raise _mismatch("map[string]interface {}", item, here)
        else:
            merged.update(item or {})
    return merged


def _is_of_maps(value: object) -> TypeGuard[list[Any]]:
    """Tell whether something is a list that holds nothing but maps, nulls, and lists like it."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(item is None or item == [] or isinstance(item, dict) or _is_of_maps(item) for item in value)
    )


def _has_a_map(value: list[Any]) -> bool:
    return any(item == [] or isinstance(item, dict) or (isinstance(item, list) and _has_a_map(item)) for item in value)


def _keypair(name: str, value: object) -> dict[str, str] | None:
    """Give texts by their keys; None for nulls alone."""
    if _is_of_maps(value):
        if not _has_a_map(value):
            return None
        value = _merged_maps(value)
    if isinstance(value, dict) and not any(isinstance(item, list | dict) for item in value.values()):
        return {key: _text(item) or "" for key, item in value.items()}
    pairs: dict[str, str] = {}
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        text = _item_text(item)
        if text is None:
            problem = f"'[{index}]' expected type 'string', got unconvertible type '{go_type(item)}'"
            raise _WrongType(f"decoding failed due to the following error(s):\n\n{problem}")
        key, equals, rest = text.partition("=")
        if not equals:
            raise _WrongType(f'invalid key pair at index {index} in field "{name}"')
        pairs[key.strip()] = rest.strip()
    return pairs


def _slice(_name: str, value: object) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value else []
    items = value if isinstance(value, list) else [] if value == {} else [value]
    found = []
    for index, item in enumerate(items):
        text = _item_text(item)
        if text is None:
            problem = f"* {_mismatch('string', item, f'[{index}]')}, value: '{go_value(item)}'"
            raise _WrongType(f"1 error(s) decoding:\n\n{problem}")
        found.append(text.strip())
    return found


def _item_text(item: object) -> str | None:
    """Give the text of what stands in a list, where a null is an empty one; None for what is none."""
    return "" if item is None else _text(item)


def _strings(_name: str, value: object) -> list[str]:
    """Give a list of texts; one text is a list of one, and its commas are its own."""
    if value in ("", {}):
        return []
    found, problems = [], []
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        text = _item_text(item)
        if text is None:
            problems.append(str(_mismatch("string", item, f"[{index}]")))
        found.append(text or "")
    if problems:
        raise _WrongType("decoding failed due to the following error(s):\n\n" + "\n".join(problems))
    return found


def go_value(value: object) -> str:
    """Write a JSON value as Go's %v does."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_value(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_value(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


_CONVERT = {
    "string": _string,
    "int": _int,
    "int64": _int64,
    "float": _float,
    "ints": _ints,
    "bool": _bool,
    "duration": _duration,
    "signed_duration": _signed_duration,
    "time": _time,
    "map": _map,
    "keypair": _keypair,
    "slice": _slice,
    "strings": _strings,
}
_ZERO: Mapping[str, Callable[[], Any]] = {
    "string": str,
    "int": int,
    "int64": int,
    "float": float,
    "ints": list,
    "bool": bool,
    "map": dict,
    "keypair": lambda: None,
    "slice": list,
    "strings": list,
}
"""What a null becomes; durations and moments are not there.

Source: OpenBao 2.7, which tells null options from empty ones.
"""
