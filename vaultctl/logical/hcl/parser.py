"""HCL 1, read into a tree.

Written here because no library serves: policies are HCL 1, which parsers of HCL 2 refuse in part, and what is wrong
with a text must be said in OpenBao's words, with its line and column. See docs/decisions. Source: OpenBao 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.logical.go_text import quoted
from vaultctl.logical.hcl.scanner import Scanner, Token
from vaultctl.logical.hcl.tree import Comments, HclError, Item, ListValue, Literal, ObjectValue, Tree

if TYPE_CHECKING:
    from vaultctl.logical.hcl.tree import Value

_LITERALS = frozenset({"NUMBER", "FLOAT", "BOOL", "STRING", "HEREDOC"})
_MAX_DEPTH = 200


class _AtEnd(Exception):
    """The text ended where an item or a value could begin, which ends the list of items."""


def parse(text: str, *, unique: bool = False) -> Tree:
    """Read a text; a `unique` one must not assign to a key twice. Raises: HclError."""
    parser = _Parser(text.replace("\r\n", "\n"), unique)
    problem: HclError | None = None
    tree = Tree(())
    try:
        tree = Tree(parser.items(inside=False, depth=0), parser.comments)
    except HclError as error:
        problem = error
    if parser.scanner.error:
        raise HclError(parser.scanner.error)
    if problem:
        raise problem
    return tree


def _error(token: Token, problem: str) -> HclError:
    return HclError(f"At {token.at}: {problem}")


def _no_key(kind: str, *, has_keys: bool) -> str:
    """Say what is wrong with a word where a key could stand."""
    if kind == "ASSIGN":
        return "nested object expected: LBRACE got: ASSIGN" if has_keys else "no object keys found!"
    if kind == "LBRACE":
        return "expected: IDENT | STRING got: LBRACE"
    return "illegal character" if kind == "ILLEGAL" else f"expected: IDENT | STRING | ASSIGN | LBRACE got: {kind}"


class _Parser:
    """One text on its way into a tree: the word that was read last, and the comments around it."""

    def __init__(self, text: str, unique: bool) -> None:
        self.scanner = Scanner(text)
        self.comments: list[Comments] = []
        self._unique = unique
        self._token = Token("ILLEGAL", "", 0, 0, -1)
        self._is_given_back = False
        self._lead: Comments | None = None
        self._behind: Comments | None = None

    def items(self, *, inside: bool, depth: int) -> list[Item]:
        """Read items to the end of the text, or `inside` of braces to the closing one. Raises: HclError."""
        if depth > _MAX_DEPTH:
            raise _error(self._token, "nested too deeply")
        found: list[Item] = []
        seen: set[str] = set()
        while not (inside and self._peek().kind == "RBRACE"):
            try:
                item = self._item(depth)
            except _AtEnd:
                break
            if self._unique and item.assign:
                self._check_unique(item, seen)
            found.append(item)
            if self._next().kind != "COMMA":
                self._is_given_back = True
        return found

    def _check_unique(self, item: Item, seen: set[str]) -> None:
        for key in item.keys:
            if key.text in seen:
                raise HclError(
                    f"The argument {quoted(key.text)} at {key.at} was already set. Each argument can only be defined"
                    " once"
                )
            seen.add(key.text)

    def _item(self, depth: int) -> Item:
        keys = self._keys()
        lead, self._lead = self._lead, None
        assign = self._token if self._token.kind == "ASSIGN" else None
        value: Value
        if assign:
            value = self._value(depth)
        elif self._token.kind == "LBRACE":
            value = self._object(depth)
        else:
            shown = " ".join(key.text for key in keys)
            raise _error(self._token, f"key '{shown}' expected start of object ('{{') or assignment ('=')")
        behind, self._behind = self._behind, None
        self._next()
        self._is_given_back = True
        if value.line == keys[0].line and self._behind:
            behind, self._behind = self._behind, None
        return Item(keys, value, assign, lead, behind)

    def _keys(self) -> list[Token]:
        """Read keys up to what follows them, which stays the last word. Raises: _AtEnd without any, HclError."""
        keys: list[Token] = []
        while True:
            token = self._next()
            if token.kind in ("IDENT", "STRING"):
                keys.append(token)
            elif token.kind == "EOF":
                if not keys:
                    raise _AtEnd
                return keys
            elif (token.kind == "ASSIGN" and len(keys) == 1) or (token.kind in ("LBRACE", "RBRACE") and keys):
                return keys
            else:
                raise _error(token, _no_key(token.kind, has_keys=bool(keys)))

    def _value(self, depth: int) -> Value:
        token = self._next()
        if token.kind in _LITERALS:
            return Literal(token)
        if token.kind == "LBRACE":
            return self._object(depth)
        if token.kind == "LBRACK":
            return self._list(depth)
        if token.kind == "EOF":
            raise _AtEnd
        raise _error(token, f"Unknown token: {token.at} {token.kind} {token.text}")

    def _object(self, depth: int) -> ObjectValue:
        opening = self._token
        items = self.items(inside=True, depth=depth + 1)
        closing = self._next()
        if closing.kind != "RBRACE":
            raise _error(closing, f"object expected closing RBRACE got: {closing.kind}")
        return ObjectValue(items, opening, closing)

    def _list(self, depth: int) -> ListValue:
        if depth > _MAX_DEPTH:
            raise _error(self._token, "nested too deeply")
        opening, needs_comma = self._token, False
        found: list[Value] = []
        while True:
            token = self._next()
            if needs_comma and token.kind not in ("COMMA", "RBRACK"):
                raise _error(token, f"error parsing list, expected comma or list end, got: {token.kind}")
            if token.kind in _LITERALS:
                lead, self._lead = self._lead, None
                found.append(Literal(token, lead))
                needs_comma = True
            elif token.kind == "COMMA":
                self._comment_behind(found)
                needs_comma = False
            elif token.kind == "LBRACE":
                found.append(self._inner(token, "object", depth))
                needs_comma = True
            elif token.kind == "LBRACK":
                found.append(self._inner(token, "list", depth))
            elif token.kind == "RBRACK":
                return ListValue(found, opening)
            else:
                raise _error(token, f"unexpected token while parsing list: {token.kind}")

    def _inner(self, token: Token, kind: str, depth: int) -> Value:
        try:
            return self._object(depth + 1) if kind == "object" else self._list(depth + 1)
        except HclError as error:
            raise _error(token, f"error while trying to parse {kind} within list: {error}") from None

    def _comment_behind(self, found: list[Value]) -> None:
        """Give the last value of a list the comment that stands behind its comma."""
        self._next()
        if self._behind and found and isinstance(found[-1], Literal):
            found[-1] = found[-1]._replace(behind=self._behind)
            self._behind = None
        self._is_given_back = True

    def _peek(self) -> Token:
        token = self._next()
        self._is_given_back = True
        return token

    def _next(self) -> Token:
        """Give the next word that is no comment, and remember what comments stand before and behind it."""
        if self._is_given_back:
            self._is_given_back = False
            return self._token
        before = self._token
        self._token = self.scanner.scan()
        if self._token.kind == "COMMENT":
            self._collect(before.line)
        return self._token

    def _collect(self, line_before: int) -> None:
        group: Comments | None = None
        if self._token.line == line_before:
            group, end = self._group(0)
            if self._token.line != end:
                self._behind = group
        end = -1
        while self._token.kind == "COMMENT":
            group, end = self._group(1)
        if end + 1 == self._token.line and self._token.kind not in ("RBRACE", "RBRACK"):
            self._lead = group

    def _group(self, lines: int) -> tuple[Comments, int]:
        """Read comments that are at most so many lines apart; give them, and the line on which they end."""
        found: list[Token] = []
        end = self._token.line
        while self._token.kind == "COMMENT" and self._token.line <= end + lines:
            end = self._token.line
            if self._token.text[1:2] == "*":
                end += self._token.text.count("\n")
            found.append(self._token)
            self._token = self.scanner.scan()
        group = Comments(found)
        self.comments.append(group)
        return group, end
