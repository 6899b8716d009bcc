"""JSON in which a number keeps its spelling: 1.10 stays 1.10, and 12345678901234567890.5 loses nothing.

Whatever holds people's own data is read and written here. Source: OpenBao 2.7, which keeps a number as its text, and
whose limits on the complexity of what others send these are.
"""

import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_MAX_WEIGHT_B = 33_554_432 + 524_288
_CONTAINER_B = 64
_VALUE_B = 24
"""OpenBao's estimate of the memory that a map or list takes, and any value at all."""

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_IN_PAGES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_BLANK = re.compile(r"[ \t\n\r]*+")
_PLAIN_DIGITS = 300
_PLAIN = frozenset({str, int, bool, float, type(None)})


class TooComplex(ValueError):
    """JSON that would take far more memory, or depth of calls, than its length shows."""


class BeyondFloats(ValueError):
    """A number that no float holds; `number` is its text."""

    def __init__(self, number: str) -> None:
        super().__init__("a number is beyond all floats")
        self.number = number


class Kept(dict[str, Any]):
    """A mapping that nobody changes any more, so that what a server writes of it is written once."""

    __slots__ = ("page",)
    page: bytes | None

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.page = None


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
    if not isinstance(text, str):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return _STORED.decode(text)


def loads_within_limits(text: str) -> Any:
    """Read JSON that anybody may have written. Raises: ValueError; TooComplex before anything is built."""
    _check_weight(text)
    try:
        return json.loads(text, parse_float=_finite, parse_int=_finite_whole, parse_constant=_refuse)
    except RecursionError:
        raise TooComplex("it is nested too deeply") from None


def values_within_limits(text: str) -> list[Any]:
    """Read JSON values that follow each other, which anybody may have written.

    Raises: ValueError; TooComplex before anything is built.
    """
    _check_weight(text)
    found: list[Any] = []
    at = 0 if text.startswith("{") else _next(text, 0)
    while at < len(text):
        try:
            value, at = _READER.raw_decode(text, at)
        except RecursionError:
            raise TooComplex("it is nested too deeply") from None
        found.append(value)
        if at < len(text):
            at = _next(text, at)
    return found


def strings_in(text: str) -> int:
    """Count the strings of a JSON text, keys and values."""
    return sum(1 for _ in _STRING.finditer(text))


def dumps(value: Any, *, indent: int | None = None, compact: bool = False) -> str:
    """Write JSON, without escapes for what is no control character; any mapping is a map.

    Raises: ValueError for NaN and Infinity.
    """
    comma, colon = (",", ":") if compact else (", " if indent is None else ",", ": ")
    if not _has_number(value):
        if compact and indent is None:
            return _COMPACT(value)
        separators = (comma, colon)
        return json.dumps(
            value, indent=indent, ensure_ascii=False, allow_nan=False, separators=separators, default=_as_dict
        )
    parts: list[str] = []
    _Writer(parts, " " * (indent or 0), comma, colon).write(value, "" if indent is None else "\n")
    return "".join(parts)


def compact_writer(*, allow_nan: bool = True) -> Callable[[Any], str]:
    """Give what writes compact JSON, of values that do not hold themselves.

    An encoder's own method makes what does the work anew in each call, which takes longer than most texts.
    """
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=allow_nan, separators=(",", ":"), default=_as_dict)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    sorts = skips = False
    write = make(None, _as_dict, json.encoder.encode_basestring, None, ":", ",", sorts, skips, allow_nan)
    return lambda value: "".join(write(value, 0))


def _as_dict(value: Any) -> dict[Any, Any]:
    """Give a mapping that is no dict as one. Raises: TypeError for what JSON does not have."""
    if hasattr(value, "keys"):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def quoted(text: str) -> str:
    """Write one text as JSON, as `dumps` does."""
    return json.encoder.encode_basestring(text)


def sorted_deep(value: Any) -> Any:
    """Sort the keys of all maps, as Go's encoder does."""
    if isinstance(value, Mapping):
        return {key: sorted_deep(value[key]) for key in sorted(value)}
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value


def for_pages(text: str) -> str:
    """Escape in JSON what HTML or JavaScript would stumble over, as Go's encoder does."""
    if text.isascii() and not ("<" in text or ">" in text or "&" in text):  # as most are
        return text
    for character, escape in _IN_PAGES.items():
        text = text.replace(character, escape)
    return text


def page(value: Any) -> bytes:
    """Write JSON as a server does: compact, in UTF-8, and safe to stand in a page."""
    if isinstance(value, Kept):
        if value.page is None:
            value.page = page(dict(value))
        return value.page
    text = quoted(value) if type(value) is str else dumps(value, compact=True)
    return for_pages(text).encode("utf-8", "backslashreplace")


def _check_weight(text: str) -> None:
    if len(text) * (_CONTAINER_B + 2 * _VALUE_B) < _MAX_WEIGHT_B:
        return  # were each character a container, and one more a value
    if _weight_b(text) > _MAX_WEIGHT_B and _weight_b(_STRING.sub("", text)) > _MAX_WEIGHT_B:
        raise TooComplex("exceeded maximum estimated memory limits")


def _next(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


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
        raise BeyondFloats(text)
    return value


def _finite_whole(text: str) -> float:
    return _whole(text) if len(text) <= _PLAIN_DIGITS else _finite(text)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _has_number(value: Any) -> bool:
    """Tell whether a number of ours is anywhere in a value: a loop, since every answer passes here."""
    left = [value]
    while left:
        value = left.pop()
        kind = type(value)
        if kind in _PLAIN:
            continue
        if kind is dict or kind is list or kind is tuple:
            for item in value.values() if kind is dict else value:
                if type(item) not in _PLAIN:
                    left.append(item)  # noqa: PERF401  # a list of its own takes another call
        elif kind is Number:
            return True
        elif hasattr(value, "keys"):
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value
    return False


class _Writer:
    """Writes values in pieces, their numbers as they were spelt."""

    def __init__(self, parts: list[str], step: str, comma: str, colon: str) -> None:
        self._parts = parts
        self._step = step
        self._comma = comma
        self._colon = colon

    def write(self, value: Any, newline: str) -> None:
        """Add a value's text. `newline` begins a line at the value's own depth; "" keeps all on one line."""
        if isinstance(value, Number):
            self._parts.append(value.text)
        elif hasattr(value, "keys") and not isinstance(value, dict):
            self.write(dict(value), newline)
        elif not isinstance(value, dict | list | tuple) or not value:
            self._parts.append(json.dumps(value, ensure_ascii=False, allow_nan=False))
        else:
            self._write_all(value, newline)

    def _write_all(self, value: Any, newline: str) -> None:
        inner = newline + self._step
        is_map = isinstance(value, dict)
        separator = ("{" if is_map else "[") + inner
        for key in value:
            self._parts.append(separator)
            separator = self._comma + inner
            if is_map:
                self._parts.append(json.dumps(key, ensure_ascii=False) + self._colon)
            self.write(value[key] if is_map else key, inner)
        self._parts.append(newline + ("}" if is_map else "]"))


# Made once: json.loads and json.dumps make a new one in each call with such arguments, and that takes longer than they.
_STORED = json.JSONDecoder(parse_float=_fractional, parse_int=_whole)
_COMPACT = compact_writer(allow_nan=False)
_READER = json.JSONDecoder(parse_float=_finite, parse_int=_finite_whole, parse_constant=_refuse)


def base64_text(data: bytes | bytearray) -> str:
    """Give bytes as JSON has them, and every other text of ours: base64 on one line."""
    return binascii.b2a_base64(data, newline=False).decode()
