"""JSON in which a number keeps its spelling: 1.10 stays 1.10, and 12345678901234567890.5 loses nothing.

Whatever holds people's own data is read and written here. Source: OpenBao 2.7, which keeps a number as its text, and
whose limits on the complexity of what others send these are.
"""

import json
import re
from typing import Any

_MAX_WEIGHT_B = 33_554_432 + 524_288
_CONTAINER_B = 64
_VALUE_B = 24
"""OpenBao's estimate of the memory that a map or list takes, and any value at all."""

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_PLAIN_DIGITS = 300


class TooComplex(ValueError):
    """JSON that would take far more memory, or depth of calls, than its length shows."""


class Number(float):
    """A number that an int or float would spell differently. As a text it is what was read."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "Number":
        """Read the number; one beyond all floats is infinite, and its text is kept all the same."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text


def loads(text: str | bytes) -> Any:
    """Read JSON that is known to be good: what was stored. Raises: ValueError."""
    return json.loads(text, parse_float=_fractional, parse_int=_whole)


def loads_within_limits(text: str) -> Any:
    """Read JSON that anybody may have written. Raises: ValueError; TooComplex before anything is built."""
    if _weight_b(text) > _MAX_WEIGHT_B and _weight_b(_STRING.sub("", text)) > _MAX_WEIGHT_B:
        raise TooComplex("exceeded maximum estimated memory limits")
    try:
        return json.loads(text, parse_float=_finite, parse_int=_finite_whole, parse_constant=_refuse)
    except RecursionError:
        raise TooComplex("it is nested too deeply") from None


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Write JSON, without escapes for what is no control character. Raises: ValueError for NaN and Infinity."""
    if not _has_number(value):
        return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    parts: list[str] = []
    _write(value, parts, "" if indent is None else "\n", " " * (indent or 0))
    return "".join(parts)


def _weight_b(text: str) -> int:
    """Estimate from above; brackets and commas inside of strings count too."""
    containers = text.count("{") + text.count("[")
    values = 1 + text.count(",") + containers - text.count("{}") - text.count("[]")
    return containers * _CONTAINER_B + values * _VALUE_B


def _fractional(text: str) -> float:
    value = float(text)
    return value if repr(value) == text else Number(text)


def _whole(text: str) -> float:
    return Number(text) if text == "-0" or len(text) > _PLAIN_DIGITS else int(text)


def _finite(text: str) -> float:
    value = _fractional(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is beyond all floats")
    return value


def _finite_whole(text: str) -> float:
    return _whole(text) if len(text) <= _PLAIN_DIGITS else _finite(text)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _has_number(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_number, value.values()))
    return any(map(_has_number, value)) if isinstance(value, list | tuple) else isinstance(value, Number)


def _write(value: Any, parts: list[str], newline: str, step: str) -> None:
    """Add a value's text in pieces. `newline` begins a line at the value's own depth; "" keeps all on one line."""
    if isinstance(value, Number):
        parts.append(value.text)
        return
    if not isinstance(value, dict | list | tuple) or not value:
        parts.append(json.dumps(value, ensure_ascii=False, allow_nan=False))
        return
    inner = newline + step
    is_map = isinstance(value, dict)
    separator = ("{" if is_map else "[") + inner
    for key in value:
        parts.append(separator)
        separator = "," + (inner or " ")
        if is_map:
            parts.append(json.dumps(key, ensure_ascii=False) + ": ")
        _write(value[key] if is_map else key, parts, inner, step)
    parts.append(newline + ("}" if is_map else "]"))
