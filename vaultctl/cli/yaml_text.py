"""YAML as `bao` writes it: keys sorted, double quotes where quotes are needed, blocks for texts of several lines.

What is written is read back the same by readers of YAML 1.1 and 1.2. The only module that imports PyYAML.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from vaultctl.logical.json_text import Number

_TEXT = "tag:yaml.org,2002:str"
_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks to a reader of YAML 1.1, which would make newlines of them."""

_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?0o[0-7]+")
"""What is a number in YAML 1.2; PyYAML itself knows those of 1.1."""

_DEEPEST = 100_000
"""So deep may calls go while data is written, of which each level of nesting takes a few."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Write in full what comes twice."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Quote what a reader would take for something else than this text."""
        resolved = self.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        other = resolved != _TEXT or text.lower() in ("", "y", "n") or _NUMBER.fullmatch(text)
        style = '"' if other or _BREAKS.search(text) else "|" if "\n" in text else None
        return self.represent_scalar(_TEXT, text, style=style)

    def represent_number(self, number: Number) -> yaml.ScalarNode:
        """Keep a number's spelling, but for an exponent that a reader of YAML 1.1 would take for text."""
        mantissa, e, exponent = re.fullmatch("([^eE]*)([eE]?)(.*)", number.text).groups()  # type: ignore[union-attr]
        if e:
            mantissa += "" if "." in mantissa else ".0"
            exponent = exponent if exponent[0] in "+-" else "+" + exponent
        tag = "tag:yaml.org,2002:float" if "." in mantissa else "tag:yaml.org,2002:int"
        return self.represent_scalar(tag, mantissa + e + exponent)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(Number, _Dumper.represent_number)


def _sorted(value: Any) -> Any:
    """Sort the keys of all maps as Go's writer does: numbers in them by their value, so that 2 comes before 10."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value, key=_natural)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def _natural(key: object) -> list[tuple[bool, int, str]]:
    parts = re.split(r"([0-9]{1,18})", str(key))
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part]


def dumps(value: Any) -> str:
    """Write a value as one document."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEPEST))
    try:
        written: str = yaml.dump(_sorted(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9)
    finally:
        sys.setrecursionlimit(limit)
    # The mark that ends a document, which PyYAML puts behind a lone plain text; inside of a block it is indented.
    return written[: -len("...\n")] if written.endswith("\n...\n") else written
