"""The tree of a text in HCL 1: items with keys, and values that are literals, lists and objects. Values never change.

Keys compare without regard to case when they are looked for. Source: HCL 1 as OpenBao 2.7 has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vaultctl.logical.hcl.scanner import Token

NOWHERE = "-"
"""Where things stand that have no place of their own: in JSON, and in what has no items."""


class HclError(Exception):
    """The text is not HCL; the message says where."""


class Comments(NamedTuple):
    """Comments that stand together, without a blank line between them."""

    tokens: Sequence[Token]

    @property
    def offset(self) -> int:
        """Where the first one begins."""
        return self.tokens[0].offset


def _place(token: Token) -> str:
    return NOWHERE if token.json else token.at


class Literal(NamedTuple):
    """A text, a number or a boolean, and in a list the comments before and behind it."""

    token: Token
    lead: Comments | None = None
    behind: Comments | None = None

    @property
    def at(self) -> str:
        """Say where it stands."""
        return _place(self.token)

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.token.line


class ListValue(NamedTuple):
    """A list; `opening` is its bracket."""

    items: Sequence[Value]
    opening: Token

    @property
    def at(self) -> str:
        """Say where it stands."""
        return _place(self.opening)

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.opening.line


class ObjectValue(NamedTuple):
    """An object in braces."""

    items: Sequence[Item]
    opening: Token
    closing: Token

    @property
    def at(self) -> str:
        """Say where it stands."""
        return _place(self.opening)

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.opening.line


Value = Literal | ListValue | ObjectValue


class Item(NamedTuple):
    """Keys and a value; `assign` is the equals sign (in JSON the colon), where there is one."""

    keys: Sequence[Token]
    value: Value | None
    assign: Token | None = None
    lead: Comments | None = None
    behind: Comments | None = None

    @property
    def at(self) -> str:
        """Say where it stands."""
        return _place(self.keys[0]) if self.keys else NOWHERE

    @property
    def line(self) -> int:
        """The line of its first key."""
        return self.keys[0].line

    @property
    def offset(self) -> int:
        """Where its first key begins."""
        return self.keys[0].offset


class Tree(NamedTuple):
    """All items of a text, and all its comments."""

    items: Sequence[Item]
    comments: Sequence[Comments] = ()


def matching(items: Iterable[Item], key: str) -> list[Item]:
    """Give the items whose first key is this one, without that key."""
    wanted = key.casefold()
    return [
        item._replace(keys=item.keys[1:]) for item in items if item.keys and text_of(item.keys[0]).casefold() == wanted
    ]


def text_of(token: Token) -> str:
    """Give the text that a word stands for. Raises: HclError."""
    if token.kind == "HEREDOC":
        return _heredoc(token.text)
    return _unquoted(token) if token.kind == "STRING" else token.text


_PART = re.compile(
    r"\\(?:([abfnrtv\\\"])|x([0-9A-Fa-f]{2})|([0-7]{3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))|(\$\{)|(\\)", re.ASCII
)
_ESCAPED = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}


def _unquoted(token: Token) -> str:
    """Take a quoted text out of its quotes; in HCL `${…}` stays as it is."""
    quoted, found, at = token.text[1:-1], "", 0
    while True:
        match = _PART.search(quoted, at)
        if match is None:
            return found + quoted[at:]
        found += quoted[at : match.start()]
        at = match.end()
        if match[6]:
            end = at if token.json else _end_of_interpolation(quoted, at)
            found, at = found + "${" + quoted[at:end], end
        else:
            found += _character(token, match)


def _character(token: Token, match: re.Match[str]) -> str:
    plain, hexadecimal, octal, short, long, _, bad = match.groups()
    code = int(octal, 8) if octal else int(hexadecimal or short or long or "0", 16)
    if bad or code > 0x10FFFF or (octal and code > 0xFF):
        raise HclError(f"At {token.at}: invalid syntax")
    if plain:
        return _ESCAPED[plain]
    is_byte = octal or hexadecimal
    return "\ufffd" if (is_byte and code > 0x7F) or 0xD800 <= code <= 0xDFFF else chr(code)


def _end_of_interpolation(quoted: str, at: int) -> int:
    braces = 1
    while braces and at < len(quoted):
        braces += {"{": 1, "}": -1}.get(quoted[at], 0)
        at += 1
    return at


def _heredoc(text: str) -> str:
    """Give a heredoc's lines; with `<<-` the indentation of the closing line is taken off each."""
    anchor = text.index("\n")
    body = text[anchor + 1 : len(text) - anchor + 1]
    if text[2] != "-":
        return body
    lines = text[anchor + 1 : len(text) - anchor + 2].split("\n")
    indentation = lines[-1]
    if not all(line.startswith(indentation) for line in lines):
        return body.rstrip(" \t")
    return "\n".join([*(line[len(indentation) :] for line in lines[:-1]), ""])
