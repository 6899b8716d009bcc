"""Paths in policies that name a mount which moves: found, judged, and rewritten where they stand.

A path whose parts that name the mount are spelt out gets the new ones; all else in the text stays as it is. One that
reaches the mount by `*`, `+` or a template is never rewritten: it may mean other mounts, too. Pure text work.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.logical import hcl
from vaultctl.logical.hcl.tree import HclError, matching, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vaultctl.logical.remounting import Place

NAMED = "named"
"""The path spells the mount's path out."""
PATTERN = "pattern"
"""It reaches the mount by a star or a plus."""
TEMPLATE = "template"
"""It reaches the mount where an entity has such a name."""

_SYSTEM = (
    "sys/mounts",
    "sys/internal/ui/mounts",
    "sys/leases/lookup",
    "sys/leases/renew",
    "sys/leases/revoke",
    "sys/leases/revoke-force",
    "sys/leases/revoke-prefix",
    "sys/renew",
    "sys/revoke",
    "sys/revoke-force",
    "sys/revoke-prefix",
)
"""Paths of the API below which the path of a mount stands."""

_TEMPLATE = re.compile(r"\{\{.*?\}\}")


class Written(NamedTuple):
    """A path as a policy has it, the line it is on, and where its word begins and ends in the text, quotes and all."""

    path: str
    line: int
    start: int
    end: int


class Use(NamedTuple):
    """A path of a policy that reaches a mount which moves.

    `new` is what it shall say, "" where it is not to be rewritten; `covers_new` tells whether it reaches the new
    place as it is; `is_outside` that the new place is not in the policy's namespace, `is_unspeakable` that a policy
    which said it would mean something else.
    """

    written: Written
    kind: str
    new: str
    covers_new: bool
    is_outside: bool = False
    is_unspeakable: bool = False

    @property
    def breaks(self) -> bool:
        """Tell whether what the path says of the mount is lost, even where policies are rewritten."""
        return not self.new and not self.covers_new


def paths_in(text: str) -> list[Written]:
    """Give the paths of a policy in HCL or JSON, in the order of the text. Raises: HclError."""
    # HCL is read without the carriage returns, which count in the text itself.
    breaks = [] if hcl.is_json(text) else [match.start() for match in re.finditer("\r\n", text)]
    starts = [at - index for index, at in enumerate(breaks)]
    found: dict[int, Written] = {}
    for item in matching(hcl.read(text), "path"):
        if item.keys:
            token = item.keys[0]
            start = token.offset + bisect_left(starts, token.offset)
            found[start] = Written(text_of(token), token.line, start, start + len(token.text))
    return [found[start] for start in sorted(found)]


def uses(paths: Iterable[Written], namespace: str, source: Place, target: Place) -> list[Use]:
    """Give the paths of a policy that reach a mount which moves. `namespace` is the policy's, in full."""
    pairs = _roots(source, target)
    judged = (_judged(written, namespace, pairs) for written in paths)
    return [use for use in judged if use]


def any_named(paths: Iterable[str], namespace: str, source: Place, target: Place) -> bool:
    """Tell whether one of the paths of a policy is to be rewritten, without a look at its text."""
    return any(use.new for use in uses((Written(path, 0, 0, 0) for path in paths), namespace, source, target))


def reaching(paths: Iterable[Written], namespace: str, place: Place) -> list[Written]:
    """Give the paths of a policy that reach what is below a place."""
    root = place.full_path.rstrip("/").split("/")
    return [each for each in paths if _rest(_Shape(namespace, each.path), root) is not None]


def rewritten(text: str, found: Iterable[Use]) -> str:
    """Give a policy's text with what its paths shall say; nothing else of it changes."""
    for use in sorted(found, key=lambda use: -use.written.start):
        if use.new:
            start, end = use.written.start, use.written.end
            text = text[:start] + _word(text[start:end], use) + text[end:]
    return text


def _word(word: str, use: Use) -> str:
    """Give a path's word anew; what stands behind the mount's path keeps its spelling."""
    old, new = use.written.path, use.new
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    head = len(old) - same
    inner = word[1:-1] if word.startswith('"') else word
    if inner.startswith(old[:head]) and "\\" not in old[:head]:
        return f'"{_escaped(new[: len(new) - same])}{inner[head:]}"'
    return f'"{_escaped(new)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _roots(source: Place, target: Place) -> list[tuple[str, str]]:
    """Give the full paths, old and new, below which a mount is spoken of: its own first; no slash is behind them."""
    old, new = source.path.rstrip("/"), target.path.rstrip("/")
    pairs = [("", "")] + [(f"{prefix}/", f"{prefix}/") for prefix in _SYSTEM]
    found = [(source.namespace + a + old, target.namespace + b + new) for a, b in pairs]
    if old.startswith("auth/"):
        found.append((f"{source.namespace}sys/{old}", f"{target.namespace}sys/{new}"))
    return found


class _Shape:
    """A policy's path in full, by its parts; a prefix has no star at its end any more.

    The first parts are the policy's namespace: in them nothing is a pattern.
    """

    def __init__(self, namespace: str, path: str) -> None:
        self.full = namespace + path.removeprefix("/")
        self.is_prefix = self.full.endswith("*")
        self.parts = self.full.removesuffix("*").split("/")
        self.literals = namespace.count("/")


def _judged(written: Written, namespace: str, pairs: Sequence[tuple[str, str]]) -> Use | None:
    shape = _Shape(namespace, written.path)
    found: Use | None = None
    for old, new in pairs:
        root = old.split("/")
        rest = _rest(shape, root)
        if rest is None:
            continue
        if _spells_out(shape, root):
            return _named(written, namespace, shape.full[len(old) :], new)
        covers = _covers(shape, new.split("/"), rest)
        if found is None or (found.covers_new and not covers):
            kind = TEMPLATE if any("{{" in part for part in shape.parts[shape.literals : len(root)]) else PATTERN
            found = Use(written, kind, "", covers, not new.startswith(namespace))
    return found


def _named(written: Written, namespace: str, rest: str, new: str) -> Use:
    if not new.startswith(namespace):
        return Use(written, NAMED, "", covers_new=False, is_outside=True)
    within = new[len(namespace) :]
    if not _can_be_said(within, rest):
        return Use(written, NAMED, "", covers_new=False, is_unspeakable=True)
    slash = "/" if written.path.startswith("/") else ""
    return Use(written, NAMED, slash + within + rest, covers_new=False)


def _can_be_said(root: str, rest: str) -> bool:
    """Tell whether a path of a policy that begins with this root means no other one.

    A part `+`, a star at the end and braces mean something else there, and not all texts can stand in HCL.
    """
    if "{{" in root or "}}" in root or "+*" in root + rest or any(part.startswith("+") for part in root.split("/")):
        return False
    if not rest and root.endswith("*"):
        return False
    try:
        (read,) = paths_in(f'path "{_escaped(root)}/" {{}}')
    except HclError:
        return False
    return read.path == f"{root}/"


def _spells_out(shape: _Shape, root: Sequence[str]) -> bool:
    """Tell whether a path that reaches a root says each of its parts, and none of them is a pattern."""
    ends_in_root = shape.is_prefix and len(shape.parts) <= len(root)
    own = shape.parts[shape.literals : len(root)]
    is_plain = "+" not in own and not any("{{" in part for part in own)
    return is_plain and not ends_in_root and shape.parts[: len(root)] == list(root)


_ANY = "*"
"""Stands, in what is left of a path, for all that may follow."""


def _rest(shape: _Shape, root: Sequence[str]) -> list[str] | None:
    """Give what a path says below a root, by parts, a prefix with its star; None where it does not reach there."""
    for index, wanted in enumerate(root):
        if index >= len(shape.parts):
            return None
        part, is_last = shape.parts[index], index == len(shape.parts) - 1
        if index < shape.literals and part != wanted:
            return None
        if shape.is_prefix and is_last:
            return [_ANY] if _fits(part, wanted, is_open=True) else None
        if index >= shape.literals and not _fits(part, wanted):
            return None
    rest = shape.parts[len(root) :]
    return [*rest[:-1], rest[-1] + _ANY] if shape.is_prefix else rest


def _fits(part: str, wanted: str, *, is_open: bool = False) -> bool:
    """Tell whether a part of a path, with + and templates, may be this one, or begin it."""
    if part == "+":
        return True
    pieces = (re.escape(piece) for piece in _TEMPLATE.split(part))
    pattern = "[^/]*".join(pieces) + (".*" if is_open else "")
    return re.fullmatch(pattern, wanted) is not None


def _covers(shape: _Shape, root: Sequence[str], rest: Sequence[str]) -> bool:
    """Tell whether a path reaches all that another one says below a root, whose last part may end in a star."""
    wanted, is_open = [*root, *rest], bool(rest) and rest[-1].endswith(_ANY)
    for index, part in enumerate(shape.parts):
        if index >= len(wanted):
            return False
        is_end = index == len(wanted) - 1
        if shape.is_prefix and index == len(shape.parts) - 1:
            return wanted[index].removesuffix(_ANY if is_end and is_open else "").startswith(part)
        is_wild = part == "+" and index >= shape.literals
        if (is_open and is_end) or not (is_wild or part == wanted[index]):
            return False
    return len(shape.parts) == len(wanted)
