"""HCL 1 laid out as `bao policy fmt` does: two spaces a level, equals signs of neighbours one below the other.

Comments stay: those before and behind an item go with it, the others stay between the same items.
Source: OpenBao 2.7, whose layout this is to the byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.logical.hcl import parser
from vaultctl.logical.hcl.tree import Comments, Item, ListValue, Literal, ObjectValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vaultctl.logical.hcl.tree import Tree, Value

_INDENT = "  "
_FIXED = "\ue123"
"""Stands before lines of a text over several lines: they are not indented. No text can hold it."""

_START, _END = -1, float("inf")


def lay_out(text: str) -> str:
    """Give the text laid out. Raises: HclError."""
    tree = parser.parse(text, unique=True)
    return _unfixed(_Layout(tree).outermost(tree.items)) + "\n"


class _Layout:
    """One text: which comments belong to no item, and up to where it has been written."""

    def __init__(self, tree: Tree) -> None:
        owned = {comment.offset for comments in _owned(tree.items) for comment in comments.tokens}
        self._standing = [comments for comments in tree.comments if comments.offset not in owned]
        self._written: int = _START

    def outermost(self, items: Sequence[Item]) -> str:
        """Lay out what stands in no braces."""
        text = ""
        for index, item in enumerate(items):
            text += self._comments_before(item.offset)
            self._written = item.offset
            text += self._item(item)
            if index + 1 < len(items):
                following = items[index + 1]
                together = following.line == item.line + 1 and _is_empty(item) and _is_empty(following)
                text += "\n" if together else "\n\n"
        return text + self._comments_at_end()

    def _comments_before(self, offset: int) -> str:
        text = ""
        for comments in self._standing:
            lines = [each.text + "\n" for each in comments.tokens if self._written < each.offset < offset]
            text += "".join(lines) + ("\n" if lines else "")
        return text

    def _comments_at_end(self) -> str:
        text = ""
        for comments in self._standing:
            lines = [each.text + "\n" for each in comments.tokens if each.offset > self._written]
            if lines:
                text += ("\n\n" if self._written != _START else "") + "".join(lines)
        return text

    def _item(self, item: Item) -> str:
        on_key_line = item.value is not None and item.value.line == item.line
        text = _lines(item.lead) + ("" if on_key_line else _lines(item.behind))
        text += "".join(key.text + " " for key in item.keys)
        if item.assign and len(item.keys) == 1:
            text += "= "
        text += self._value(item.value)
        return text + (" " + _joined(item.behind) if on_key_line and item.behind else "")

    def _value(self, value: Value | None) -> str:
        if isinstance(value, ObjectValue):
            return self._object(value)
        if isinstance(value, ListValue):
            return self._list(value)
        return _literal(value) if value else ""

    def _object(self, value: ObjectValue) -> str:
        items, text, index = value.items, "{", 0
        begun = commented = False
        while True:
            end = items[index].offset if index < len(items) else value.closing.offset
            for comments in self._standing:
                inside = [each for each in comments.tokens if self._written < each.offset < end]
                for each in inside:
                    text += ("" if begun else "\n") + ("\n" if index else "") + _indented(_fixed(each.text))
                    begun = True
                    commented = commented or index > 0
                if inside:
                    text += "\n"
                    if index < len(items) and items[index].line != inside[-1].line + 1:
                        text += "\n"
            if index == len(items):
                self._written = value.closing.offset
                return text + "}"
            text += "" if begun else "\n"
            begun = True
            aligned, following = self._neighbours(items, index)
            if not commented and following != len(aligned):
                text += "\n"
            if aligned:
                self._written = aligned[-1].offset
                text += _indented(self._aligned(aligned))
            else:
                self._written = items[index].offset
                text += _indented(self._item(items[index]))
                following += 1
            index = following
            text += "\n"

    def _neighbours(self, items: Sequence[Item], index: int) -> tuple[list[Item], int]:
        """Give the items from here on that stand on lines of their own right below each other, and the next index."""
        found: list[Item] = []
        if len(items) == 1:
            return found, index
        for item in items[index:]:
            if self._item(item).count("\n") > 1:
                break
            line_behind = items[index + 1].line if index + 1 < len(items) else 0
            line_before = items[index - 1].line if index else 0
            has_next = item.line + 1 == line_behind
            if not has_next and item.line - 1 != line_before:
                break
            found.append(item)
            index += 1
            if not has_next:
                break
        return found, index

    def _aligned(self, items: Sequence[Item]) -> str:
        widest_key = max(_size(item.keys[0].text) for item in items)
        widest_value = max(_size(self._value(item.value)) for item in items)
        lines = []
        for item in items:
            line = _lines(item.lead)
            for key in item.keys:
                line += key.text + " " * (widest_key - _size(key.text) + 1)
            line += "= " if len(item.keys) == 1 else ""
            value = self._value(item.value)
            line += value
            if item.behind and item.value and item.value.line == item.line:
                line += " " * (widest_value - _size(value) + 1) + _joined(item.behind)
            lines.append(line)
        return "\n".join(lines)

    def _list(self, value: ListValue) -> str:
        if _is_one_line(value):
            return "[" + ", ".join(_literal(each) + ("\n" if _is_heredoc(each) else "") for each in value.items) + "]"
        widest = max((_size(each.token.text) for each in value.items if isinstance(each, Literal)), default=0)
        text, after_blank = "[\n", False
        for index, each in enumerate(value.items):
            lead = each.lead if isinstance(each, Literal) else None
            if lead:
                text += "" if after_blank or not index else "\n"
                text += "".join(_indented(comment.text) + "\n" for comment in lead.tokens)
            shown = self._value(each)
            text += _indented(shown) + ("\n" + _indented(",") if _is_heredoc(each) else ",")
            if isinstance(each, Literal) and each.behind:
                text += " " + " " * (widest - _size(shown)) + _joined(each.behind)
            text += "\n"
            after_blank = lead is not None and index + 1 < len(value.items)
            text += "\n" if after_blank else ""
        return text + "]"


def _owned(items: Sequence[Item]) -> Iterator[Comments]:
    """Give the comments that go with an item or with a value in a list."""
    for item in items:
        yield from (comments for comments in (item.lead, item.behind) if comments)
        yield from _owned_by_value(item.value)


def _owned_by_value(value: Value | None) -> Iterator[Comments]:
    if isinstance(value, ObjectValue):
        yield from _owned(value.items)
    elif isinstance(value, ListValue):
        for each in value.items:
            yield from _owned_by_value(each)
    elif isinstance(value, Literal):
        yield from (comments for comments in (value.lead, value.behind) if comments)


def _is_empty(item: Item) -> bool:
    """Tell whether an item is a block with nothing in it and no comment before it."""
    return not item.lead and not item.assign and isinstance(item.value, ObjectValue) and not item.value.items


def _is_heredoc(value: Value) -> bool:
    return isinstance(value, Literal) and value.token.kind == "HEREDOC"


def _is_one_line(value: ListValue) -> bool:
    """Tell whether a list stays on one line: it was on one, and holds nothing that needs more."""
    for each in value.items:
        if each.line != value.line or not isinstance(each, Literal) or each.behind:
            return False
        if _is_heredoc(each) and len(value.items) != 1:
            return False
    return True


def _literal(value: Value) -> str:
    if not isinstance(value, Literal):
        return ""
    text = value.token.text
    if value.token.kind == "HEREDOC":
        return _fixed(text.removesuffix("\n"))
    return _fixed(text) if value.token.kind == "STRING" else text


def _lines(comments: Comments | None) -> str:
    return "".join(each.text + "\n" for each in comments.tokens) if comments else ""


def _joined(comments: Comments | None) -> str:
    return "".join(each.text for each in comments.tokens) if comments else ""


def _size(text: str) -> int:
    """Measure a text in bytes, as Go does."""
    return len(text.encode())


def _indented(text: str) -> str:
    return "\n".join(_INDENT + line if line else line for line in text.split("\n"))


def _fixed(text: str) -> str:
    """Mark all lines but the first as ones that stay where they are."""
    first, *others = text.split("\n")
    return "\n".join([first, *(_FIXED + line if line else line for line in others)])


def _unfixed(text: str) -> str:
    """Take the marks away, and what was put before them."""
    return "\n".join(line.rpartition(_FIXED)[2] for line in text.split("\n"))
