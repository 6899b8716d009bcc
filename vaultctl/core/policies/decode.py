"""Values of an HCL tree as a field wants them: as weakly as HCL 1 converts, and in its words where it does not.

A key that stands twice is read twice: texts and numbers take the last value, lists and maps grow. Source: OpenBao 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.logical.go_text import quoted
from vaultctl.logical.hcl.tree import (
    NOWHERE,
    HclError,
    Item,
    ListValue,
    Literal,
    ObjectValue,
    Value,
    matching,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Node = Value | Item | list[Item] | None
"""A list of items is what an object holds, or what stands below one key."""


def values(items: Sequence[Item], key: str) -> Iterator[Node]:
    """Give what stands at a key: what is below longer keys that begin so together, then each value for itself."""
    found = matching(items, key)
    below = [item for item in found if item.keys]
    if below:
        yield below
    for item in found:
        if not item.keys:
            yield list(item.value.items) if isinstance(item.value, ObjectValue) else item.value


def last(items: Sequence[Item], key: str, name: str, convert: Callable[[str, Node], Any]) -> Any:
    """Give the last value at a key, or None. Raises: HclError."""
    found = None
    for node in values(items, key):
        found = convert(f"root.{name}", node)
    return found


def string(name: str, node: Node) -> str:
    """Give a text; a number stands for its own. Raises: HclError."""
    if isinstance(node, Literal) and node.token.kind in ("NUMBER", "STRING", "HEREDOC"):
        return text_of(node.token)
    raise HclError(f"At {_at(node)}: {name}: unknown type for string {node_type(node)}")


def integer(name: str, node: Node) -> int:
    """Give a whole number, which may be quoted. Raises: HclError."""
    if isinstance(node, Literal) and node.token.kind in ("NUMBER", "STRING"):
        return _parsed_integer(text_of(node.token))
    raise HclError(f"At {_at(node)}: {name}: unknown type {node_type(node)}")


def anything(name: str, node: Node, *, in_list: bool = False) -> Any:
    """Give a value as what it is; an object that is in no list becomes a list of one. Raises: HclError."""
    if isinstance(node, Literal):
        return _literal(node)
    if isinstance(node, ListValue):
        return [anything(f"{name}[{i}]", each, in_list=True) for i, each in enumerate(node.items)]
    if isinstance(node, Item) or node is None:
        raise HclError(f"{name}: cannot decode into interface: {node_type(node)}")
    items = node.items if isinstance(node, ObjectValue) else node
    found = {text_of(item.keys[0]): anything(f"{name}.{text_of(item.keys[0])}", item.value) for item in items}
    return found if in_list else [found]


def strings(name: str, node: Node) -> list[str]:
    """Give a list of texts. Raises: HclError."""
    return [string(f"{name}[{i}]", each) for i, each in enumerate(_elements(node))]


def anythings(name: str, node: Node) -> list[Any]:
    """Give a list of values. Raises: HclError."""
    return [anything(f"{name}[{i}]", each, in_list=True) for i, each in enumerate(_elements(node))]


def lists(name: str, node: Node, into: dict[str, list[Any]]) -> None:
    """Add a map of lists to one. Raises: HclError."""
    if isinstance(node, ObjectValue):
        node = list(node.items)
    if isinstance(node, Item):
        node = [node]
    if not isinstance(node, list):
        raise HclError(f"At {_at(node)}: {name}: not an object type for map ({node_type(node)})")
    done: set[str] = set()
    for item in node:
        key = text_of(item.keys[0]) if item.keys else ""
        if key in done:
            continue
        value: Node = item.value
        if len(item.keys) > 1:
            value = matching(node, key)
            done.add(key)
        into.setdefault(key, []).extend(anythings(f"{name}.{key}", value))


def _elements(node: Node) -> Sequence[Node]:
    if isinstance(node, list):
        return node
    if isinstance(node, ObjectValue):
        return [node]
    if isinstance(node, ListValue):
        return node.items
    raise HclError(f"At {_at(node)}: unknown slice type: {node_type(node)}")


def _literal(node: Literal) -> Any:
    text = text_of(node.token)
    if node.token.kind == "BOOL":
        return text == "true"
    if node.token.kind == "NUMBER":
        return _parsed_integer(text)
    if node.token.kind == "FLOAT":
        return _parsed_float(text)
    return text


def _parsed_integer(text: str) -> int:
    digits = text.lstrip("+-")
    base = 0 if digits[:1] != "0" or not digits.isdigit() else 8
    try:
        number = int(text, base)
    except ValueError:
        raise HclError(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax") from None
    if not -(2**63) <= number < 2**63:
        raise HclError(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return number


def _parsed_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise HclError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax") from None


def _at(node: Node) -> str:
    if isinstance(node, list):
        return node[0].at if node else NOWHERE
    return NOWHERE if node is None else node.at


def node_type(node: object) -> str:
    """Name a kind of node as HCL's messages do."""
    names = {
        Literal: "*ast.LiteralType",
        ListValue: "*ast.ListType",
        ObjectValue: "*ast.ObjectType",
        Item: "*ast.ObjectItem",
        list: "*ast.ObjectList",
    }
    return names.get(type(node), "<nil>")
