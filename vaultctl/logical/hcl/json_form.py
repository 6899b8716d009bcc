"""The JSON form of HCL 1, read into the same tree, in which objects of nothing but objects become keys.

It is taken as weakly as OpenBao takes it: what follows the last brace is not looked at, and a text may end early.
Source: OpenBao 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.logical.hcl.scanner import Scanner, Token
from vaultctl.logical.hcl.tree import HclError, Item, ListValue, Literal, ObjectValue, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vaultctl.logical.hcl.tree import Value

_MAX_DEPTH = 200


class _AtEnd(Exception):
    """The text ended where an item could begin, which ends the list of items."""


def parse(text: str) -> Tree:
    """Read a text that begins with a brace. Raises: HclError."""
    parser = _Parser(text)
    items: Sequence[Item] = ()
    problem: HclError | None = None
    try:
        items = parser.object(0).items
    except HclError as error:
        problem = error
    if parser.scanner.error:
        raise HclError(parser.scanner.error)
    if problem:
        raise problem
    return Tree(_flat(items))


class _Parser:
    def __init__(self, text: str) -> None:
        self.scanner = Scanner(text, json=True)
        self._token = Token("ILLEGAL", "", 0, 0, -1)

    def object(self, depth: int) -> ObjectValue:
        """Read an object, the opening brace of the outermost one too. Raises: HclError."""
        if depth == 0:
            self._next()
        if depth > _MAX_DEPTH:
            raise HclError("nested too deeply")
        opening = self._token
        items: list[Item] = []
        try:
            items.append(self._item(depth))
            while self._next().kind == "COMMA":
                items.append(self._item(depth))
        except _AtEnd:
            pass
        except HclError:
            if self._token.kind != "RBRACE":
                raise
        return ObjectValue(items, opening, self._token)

    def _item(self, depth: int) -> Item:
        keys: list[Token] = []
        while (token := self._next()).kind == "STRING":
            keys.append(token)
        if token.kind == "EOF":
            raise _AtEnd
        if token.kind != "COLON" or not keys:
            raise HclError("illegal" if token.kind == "ILLEGAL" else f"expected: STRING got: {token.kind}")
        return Item(keys, self._value(depth), token)

    def _value(self, depth: int) -> Value:
        token = self._next()
        if token.kind in ("NUMBER", "FLOAT", "BOOL", "NULL", "STRING"):
            return Literal(token._replace(kind="STRING", text='""') if token.kind == "NULL" else token)
        if token.kind == "LBRACE":
            return self.object(depth + 1)
        if token.kind == "LBRACK":
            return self._list(depth)
        if token.kind == "EOF":
            raise _AtEnd
        raise HclError(f"Expected object value, got unknown token: {token.at} {token.kind} {token.text}")

    def _list(self, depth: int) -> ListValue:
        """Read a list. Source: OpenBao 2.7, which drops booleans in it, and does not look at inner brackets."""
        opening = self._token
        found: list[Value] = []
        while (token := self._next()).kind != "RBRACK":
            if token.kind in ("NUMBER", "FLOAT", "STRING"):
                found.append(Literal(token))
            elif token.kind == "LBRACE":
                found.append(self.object(depth + 1))
            elif token.kind not in ("COMMA", "BOOL", "LBRACK"):
                raise HclError(f"unexpected token while parsing list: {token.kind}")
        return ListValue(found, opening)

    def _next(self) -> Token:
        self._token = self.scanner.scan()
        return self._token


def _flat(items: Iterable[Item]) -> list[Item]:
    """Turn {"path": {"a": {…}}} into what `path "a" {…}` says, at every level."""
    return [_inner_flat(flat) for item in items for flat in _parts(item)]


def _parts(item: Item) -> list[Item]:
    """Give the items that one stands for; those of an object or list come in its order."""
    value = item.value
    if isinstance(value, ListValue) and value.items and all(isinstance(each, ObjectValue) for each in value.items):
        return [part for each in value.items for part in _parts(item._replace(value=each))]
    if isinstance(value, ObjectValue) and value.items and all(_has_object(each) for each in value.items):
        inner = (item._replace(keys=[*item.keys, *each.keys], value=each.value) for each in value.items)
        return [part for each in inner for part in _parts(each)]
    return [item]


def _has_object(item: Item) -> bool:
    return isinstance(item.value, ObjectValue)


def _inner_flat(item: Item) -> Item:
    value = item.value
    if isinstance(value, ObjectValue):
        return item._replace(value=value._replace(items=_flat(value.items)))
    if isinstance(value, ListValue):
        each = [v._replace(items=_flat(v.items)) if isinstance(v, ObjectValue) else v for v in value.items]
        return item._replace(value=value._replace(items=each))
    return item
