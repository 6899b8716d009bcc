"""What a request's body says: JSON within limits, or a form. Pure functions.

Source: OpenBao 2.7, its limits and, but for rare ones, its words for what is wrong with JSON.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_plus

from vaultctl.logical import json_text
from vaultctl.logical.errors import InvalidRequest

FORM = "application/x-www-form-urlencoded"
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MOST_STRINGS = 1000
_DECODE = "failed to decode JSON input: "
_COMPLEX = "refused JSON input due to high complexity: "
_STRINGS = _COMPLEX + "exceeded maximum number of strings"
_LITERALS = {"t": "true", "f": "false", "n": "null"}


def read_body(content_type: str, body: bytes, struct: str = "") -> dict[str, Any]:
    """Give the parameters in a body; none where it is empty, or null. `struct` is what Go reads it into.

    Raises: InvalidRequest.
    """
    if not body:
        return {}
    # Source: OpenBao 2.7, for curl's sake: what begins as JSON is JSON, whatever its type says.
    if content_type.partition(";")[0].strip().lower() == FORM and body[:1] not in (b"{", b"["):
        return _read_form(body)
    return _read_json(body.decode("utf-8", "replace"), body, struct or "map[string]interface {}")


def _read_form(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    if BAD_ESCAPE.search(text) or ";" in text:
        raise InvalidRequest("error parsing form data")
    fields: dict[str, str] = {}
    for part in filter(None, text.split("&")):
        key, _, value = part.partition("=")
        key, value = unquote_plus(key), unquote_plus(value)
        fields[key] = f"{fields[key]},{value}" if key in fields else value
    return fields


def _read_json(text: str, body: bytes, struct: str) -> dict[str, Any]:
    try:
        values = json_text.values_within_limits(text)
    except json_text.TooComplex as error:
        raise InvalidRequest(f"{_COMPLEX}{error}") from None
    except json_text.BeyondFloats as error:
        raise _wrong(f"json: cannot unmarshal number {error.number} into Go value of type float64") from None
    except json.JSONDecodeError as error:
        _count_strings(text[: error.pos])
        raise _wrong(_go_words(error, text, body)) from None
    except ValueError as error:  # NaN and the like
        is_negative = str(error).startswith("-")
        where = "in numeric literal" if is_negative else "looking for beginning of value"
        raise _wrong(f"invalid character '{str(error).lstrip('-')[0]}' {where}") from None
    _count_strings(text)
    if not values or values[0] is None:
        return {}
    if not isinstance(values[0], dict):
        raise _wrong(f"json: cannot unmarshal {_kind(values[0])} into Go value of type {struct}")
    return values[0]


def _count_strings(text: str) -> None:
    """Refuse what holds too many strings. Raises: InvalidRequest."""
    if text.count('"') > 2 * _MOST_STRINGS and json_text.strings_in(text) > _MOST_STRINGS:
        raise InvalidRequest(_STRINGS)


def _wrong(words: str) -> InvalidRequest:
    return InvalidRequest(_DECODE + words)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "number"


def _go_words(error: json.JSONDecodeError, text: str, body: bytes) -> str:
    """Say what Python's decoder found as Go's says it."""
    at = error.pos
    if error.msg.startswith("Unterminated string") or not text[at:].strip(" \t\r\n"):
        return "unexpected EOF"
    if error.msg.startswith("Invalid control character"):
        return f"invalid character {_quoted(text, at, body)} in string"
    if error.msg.startswith("Invalid \\"):
        start = text.rindex("\\", 0, at + 1)
        return f"invalid escape sequence `{text[start : start + (6 if text[start + 1] == 'u' else 2)]}` in string"
    if error.msg.startswith("Expecting ':'"):
        return f"invalid character {_quoted(text, at, body)} after object key"
    if error.msg.startswith("Expecting ','"):
        return _not_a_comma(text, at, body)
    return _not_a_value(text, at, body)


def _not_a_comma(text: str, at: int, body: bytes) -> str:
    if text[at] in ".eE" and text[at - 1].isdigit():  # a number that stops in the middle
        at += 1
        return (
            "unexpected EOF" if at == len(text) else f"invalid character {_quoted(text, at, body)} in numeric literal"
        )
    where = "after object key:value pair" if _is_in_object(text[:at]) else "after array element"
    return f"invalid character {_quoted(text, at, body)} {where}"


def _not_a_value(text: str, at: int, body: bytes) -> str:
    """Say what stands where a value, or the name of a member, should be."""
    at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n"))
    before = text[:at].rstrip(" \t\r\n")
    char = text[at]
    wants_name = before.endswith("{") or (before.endswith(",") and _is_in_object(before))
    if char in "}]" and before.endswith(","):
        return "invalid character ',' looking for beginning of value"
    if char == "}" and before.endswith(":"):
        return "missing value after object key"
    if char == "-":
        at += 1
        return (
            "unexpected EOF" if at == len(text) else f"invalid character {_quoted(text, at, body)} in numeric literal"
        )
    if char in _LITERALS:
        return _half_a_literal(text, at, _LITERALS[char], body)
    if wants_name and (char.isdigit() or char in "[{"):
        return "object member name must be a string"
    return f"invalid character {_quoted(text, at, body)} looking for beginning of value"


def _half_a_literal(text: str, at: int, literal: str, body: bytes) -> str:
    for offset, expected in enumerate(literal):
        if at + offset == len(text):
            return "unexpected EOF"
        if text[at + offset] != expected:
            found = _quoted(text, at + offset, body)
            return f"invalid character {found} in literal {literal} (expecting '{expected}')"
    return "object member name must be a string"


def _is_in_object(text: str) -> bool:
    """Tell whether what follows this text stands directly in an object."""
    depth = 0
    for bracket in reversed(re.sub(r'"(?:[^"\\]++|\\.)*+"|[^][{}]', "", text, flags=re.DOTALL)):
        depth += 1 if bracket in "]}" else -1
        if depth < 0:
            return bracket == "{"
    return False


def _quoted(text: str, at: int, body: bytes) -> str:
    """Write a character as Go quotes a rune; a byte that is no UTF-8 as that byte."""
    char = text[at]
    if char == "\ufffd":
        byte = body[len(text[:at].encode()) :][:1] if "\ufffd" not in text[:at] else b""
        return f"'\\x{byte.hex()}'" if byte and byte != b"\xef" else f"'{char}'"
    special = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
    if char in special:
        return f"'{special[char]}'"
    if char.isprintable():
        return f"'{char}'"
    code = ord(char)
    return f"'\\x{code:02x}'" if code < 0x80 else f"'\\u{code:04x}'" if code < 0x10000 else f"'\\U{code:08x}'"
