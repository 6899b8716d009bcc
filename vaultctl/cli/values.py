"""The words of a command that carry data: `k=v`, `k=@file`, `k=-`, `@file.json` and `-`. Source: OpenBao 2.7."""

import sys
from collections.abc import Sequence
from typing import Any

from vaultctl.cli.failures import Misuse
from vaultctl.logical import json_text

MAX_B = 32 * 1024 * 1024
"""The most that is read from a file or stdin: OpenBao's own limit on a request."""


class Stdin:
    """Standard input, which can be had once."""

    def __init__(self) -> None:
        self.used = False

    def read(self) -> str:
        """Read all of it. Raises: Misuse."""
        if self.used:
            raise Misuse("stdin already consumed")
        self.used = True
        if sys.stdin is None:
            raise Misuse("stdin is closed")
        try:
            data = sys.stdin.buffer.read(MAX_B + 1)
        except OSError as error:
            raise Misuse(f"read stdin: {(error.strerror or '').lower()}") from None
        if len(data) > MAX_B:
            raise Misuse(f"stdin holds more than {MAX_B} bytes")
        return decode(data, "stdin")


def parse(words: Sequence[str], *, masked: bool = True, doing: str = "Failed to parse K=V data") -> dict[str, Any]:
    """Read the words into one map; a key that comes again makes a list. Raises: Misuse.

    Parameters of a query stand in its URL, and need not be masked in errors.
    """
    stdin, found = Stdin(), dict[str, Any]()
    for word in words:
        try:
            for key, value in _parse_word(word, stdin, masked=masked):
                _add(found, key, value)
        except Misuse as error:
            raise Misuse(f"{doing}: {error}") from None
    return found


def _parse_word(word: str, stdin: Stdin, *, masked: bool) -> list[tuple[str, Any]]:
    try:
        if word == "-":
            return list(_parse_object(stdin.read()).items())
        if word.startswith("@"):
            return list(_parse_object(read_file(word[1:])).items())
        key, equals, value = word.partition("=")
        if not equals:
            raise Misuse("format must be key=value")
        return [(key, _read_value(value, stdin))]
    except Misuse as error:
        raise Misuse(f'invalid key/value pair "{_shown(word) if masked else word}": {error}') from None


def _read_value(value: str, stdin: Stdin) -> str:
    if value == "-":
        return stdin.read()
    if value.startswith("@"):
        try:
            return read_file(value[1:])
        except Misuse as error:
            raise Misuse(f"error reading file: {error}") from None
    return value[1:] if value.startswith("\\@") else value


def _add(found: dict[str, Any], key: str, value: Any) -> None:
    if key not in found:
        found[key] = value
    elif isinstance(found[key], list):
        found[key].append(value)
    else:
        found[key] = [found[key], value]


def _parse_object(text: str) -> dict[str, Any]:
    try:
        value = json_text.loads_within_limits(text)
    except json_text.TooComplex as error:
        raise Misuse(f"refused JSON input due to high complexity: {error}") from None
    except ValueError:
        raise Misuse("the data is not valid JSON") from None
    if not isinstance(value, dict):
        raise Misuse("the data is not a JSON object")
    return value


def read_file(path: str) -> str:
    """Read a text file. Raises: Misuse."""
    try:
        with open(path.encode(), "rb") as file:  # the name is UTF-8, whatever the locale says
            data = file.read(MAX_B + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else str(error)
        raise Misuse(f"open {path}: {reason}") from None
    if len(data) > MAX_B:
        raise Misuse(f"{path} holds more than {MAX_B} bytes")
    return decode(data, path)


def decode(data: bytes, source: str) -> str:
    """Read bytes as UTF-8. Raises: Misuse."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Misuse(f"{source} is not valid UTF-8") from None


def _shown(word: str) -> str:
    """Show a word in an error. One without a key may be a secret that lost it, and is shown by its first letters."""
    if word != "-" and "=" not in word and not word.startswith("@"):
        return word[: min(3, len(word) // 3)] + "…"
    return word if len(word) <= 40 else word[:10] + "…"
