"""What several policies allow together, compiled so that one look tells it.

Of the rules that fit a path one decides: an exact one, else the one whose first wildcard stands farthest right, and
where that is the same, one without a star, with fewer `+`, and the longer one. Rules of one path, of whatever policies,
are joined first: what any allows is allowed, unless one denies. Source: OpenBao 2.7. Pure: no clock and no storage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core.policies.rule import ORDER, Rule, place
from vaultctl.logical.request import Operation, Repeated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WITH_PARAMETERS = frozenset({Operation.READ, Operation.UPDATE, Operation.PATCH})
_NEVER = float("inf")
_LIMIT = "limit"
_NEWER = frozenset({"patch", "scan"})
"""Capabilities that stand behind all others where a whole list is shown. Source: OpenBao 2.7."""
DENY = "deny"


class Permissions:
    """What is allowed on one path: the rules of all policies for it, joined."""

    __slots__ = (
        "allowed",
        "capabilities",
        "denied",
        "keys_filter",
        "longest_s",
        "pagination_limit",
        "place",
        "plain",
        "required",
        "shortest_s",
    )

    def __init__(self) -> None:
        self.capabilities: frozenset[str] = frozenset()
        self.allowed: dict[str, list[Any]] = {}
        self.denied: dict[str, list[Any]] = {}
        self.required: list[str] = []
        self.shortest_s = 0.0
        self.longest_s = 0.0
        self.pagination_limit = 0
        self.keys_filter = ""
        self.plain = True
        """Whether the capabilities alone decide."""
        self.place = ("", "")
        """The table that it is in, and its path there."""

    def join(self, rule: Rule) -> None:
        """Add what a rule says. A denial ends it: what was allowed before, and what comes behind, counts no more."""
        if DENY in self.capabilities:
            return
        if DENY in rule.capabilities:
            self.capabilities = frozenset({DENY})
            self.allowed, self.denied = {}, {}
            return
        self.capabilities |= frozenset(rule.capabilities)
        self.longest_s = _lower(self.longest_s, rule.max_wrapping_ttl_s)
        self.shortest_s = _lower(self.shortest_s, rule.min_wrapping_ttl_s)
        self.pagination_limit = int(_lower(self.pagination_limit, rule.pagination_limit))
        _join(self.allowed, rule.allowed_parameters or {})
        _join(self.denied, rule.denied_parameters or {})
        self.required += [name for name in rule.required_parameters if name not in self.required]
        self.keys_filter = self.keys_filter or rule.keys_filter
        self.plain = not (self.allowed or self.denied or self.required or self.shortest_s or self.longest_s)

    @property
    def names(self) -> list[str]:
        """The capabilities by name; "deny" where there is none."""
        return [name for name in ORDER if name in self.capabilities] or [DENY]

    def describe(self) -> dict[str, Any]:
        """Give what the API shows."""
        limits = {
            "min_wrapping_ttl": int(self.shortest_s),
            "max_wrapping_ttl": int(self.longest_s),
            "allowed_parameters": self.allowed,
            "denied_parameters": self.denied,
            "required_parameters": self.required,
        }
        return {
            "capabilities": sorted(self.names, key=_NEWER.__contains__),
            **{name: limit for name, limit in limits.items() if limit},
        }

    def allow(self, operation: Operation, capability: str, data: Mapping[str, Any], wrap_ttl_s: float) -> bool:
        """Tell whether a request may be made. An update that makes something new needs "create", else "update"."""
        if operation is Operation.HEAD or capability not in self.capabilities:
            return False  # OpenBao knows no capability that lets a HEAD in
        if self.plain:
            return True
        if not self._allow_wrapping(wrap_ttl_s):
            return False
        return operation not in _WITH_PARAMETERS or self._allow_parameters(data)

    def _allow_wrapping(self, wrap_ttl_s: float) -> bool:
        if not self.longest_s and not self.shortest_s:
            return True
        return wrap_ttl_s > 0 and self.shortest_s <= wrap_ttl_s <= (self.longest_s or _NEVER)

    def _allow_parameters(self, data: Mapping[str, Any]) -> bool:
        if any(name.lower() not in data for name in self.required):
            return False
        if not data:
            return True
        if "*" in self.denied:
            return False
        for name, value in data.items():
            wanted = self.denied.get(name.lower())
            if wanted is not None and _is_among(value, wanted):
                return False
        return self._all_allowed(data)

    def _all_allowed(self, data: Mapping[str, Any]) -> bool:
        allows_others = "*" in self.allowed
        if not self.allowed or (allows_others and len(self.allowed) == 1):
            return True
        for name, value in data.items():
            wanted = self.allowed.get(name.lower())
            if wanted is None:
                if not allows_others:
                    return False
            elif not _is_among(value, wanted):
                return False
        return True

    def page(self, query: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Give a listing's query with the limit that is set for it; None for one that asks for more.

        Who says "max" gets as many as there may be. Source: OpenBao 2.7.
        """
        given = query.get(_LIMIT)
        if self.pagination_limit <= 0:
            return {**query, _LIMIT: "0"} if given == "max" else query
        most = {**query, _LIMIT: str(self.pagination_limit)}
        if given is None:
            return None if any(name.lower() == _LIMIT for name in self.required) else most
        if given == "max":
            return most
        number = _integer(given)
        if number is None or not 0 <= number <= self.pagination_limit:
            return None
        return query if number else most


def _lower(one: float, other: float) -> float:
    """Give the lower of two limits; 0 is none."""
    return min(one, other) if one > 0 and other > 0 else max(one, other)


def _join(into: dict[str, list[Any]], parameters: Mapping[str, Sequence[Any]]) -> None:
    """Add values of parameters; no values at all means any, and stays so."""
    for name, values in parameters.items():
        known = into.get(name)
        into[name] = [] if not values or known == [] else [*values, *(known or ())]


def _is_among(value: Any, wanted: Sequence[Any]) -> bool:
    return not wanted or any(_fits(value, each) for each in wanted)


def _fits(value: Any, wanted: Any) -> bool:
    """Tell whether a value is one that a policy names.

    Source: OpenBao 2.7, where a number of a request equals no number of a policy.
    """
    if isinstance(value, str) and isinstance(wanted, str):
        return _matches_glob(wanted, value)
    return _equal(value, wanted)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, Repeated):
        return False
    if isinstance(value, bool) or isinstance(wanted, bool) or value is None or isinstance(value, str):
        return type(value) is type(wanted) and bool(value == wanted)
    if isinstance(value, list):
        return isinstance(wanted, list) and len(value) == len(wanted) and all(map(_equal, value, wanted))
    if isinstance(value, dict):
        return (
            isinstance(wanted, dict)
            and value.keys() == wanted.keys()
            and all(_equal(value[k], wanted[k]) for k in value)
        )
    return False


def _matches_glob(glob: str, text: str) -> bool:
    if len(glob) < 2:
        return glob == text
    if glob.startswith("*") and glob.endswith("*"):
        return glob[1:-1] in text
    if glob.startswith("*"):
        return text.endswith(glob[1:])
    return text.startswith(glob[:-1]) if glob.endswith("*") else text == glob


def _integer(value: object) -> int | None:
    try:
        return int(str(value), 10)
    except ValueError:
        return None


_Rank = tuple[int, bool, int, int, bytes]


class _Segments:
    """A path with `+` for segments, ready to be compared with others that fit too."""

    __slots__ = ("is_prefix", "last", "parts", "permissions", "rank")

    def __init__(self, path: str, permissions: Permissions) -> None:
        text = path.removesuffix("*")
        self.is_prefix = text != path
        self.parts = text.split("/")
        self.last = self.parts[-1]
        self.permissions = permissions
        before = len(path[: path.index("+")].encode())
        self.rank: _Rank = (before, not self.is_prefix, -self.parts.count("+"), len(text.encode()), text.encode())

    def reaches(self, mount: str) -> bool:
        """Tell whether a path below a mount can be meant. Source: OpenBao 2.7, for the list of mounts."""
        parts = mount.split("/")
        found: list[str] = []
        if len(self.parts) < len(parts) - 1:
            return False
        for index, part in enumerate(self.parts[: len(parts) - 1]):
            if part in ("+", parts[index]):
                found.append(parts[index])
            elif self.is_prefix and index == len(self.parts) - 1 and parts[index].startswith(part):
                found += parts[index:]
        return ("/".join(found) + "/").startswith(mount)


class _Node:
    """A place in the tree of paths with `+`: what ends here, what goes on by a segment, and what by a prefix of one."""

    __slots__ = ("below", "end", "prefixes")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.end: _Segments | None = None
        self.prefixes: list[_Segments] = []

    def add(self, segments: _Segments) -> None:
        """Add a path to the tree of which this is the root."""
        node = self
        for part in segments.parts[:-1] if segments.is_prefix else segments.parts:
            node = node.below.setdefault(part, _Node())
        if segments.is_prefix:
            node.prefixes.append(segments)
        else:
            node.end = segments

    def best(self, parts: Sequence[str]) -> _Segments | None:
        """Find the path that fits best, from the root of the tree."""
        best: _Segments | None = None
        size, left = len(parts), [(self, 0)]
        while left:
            node, index = left.pop()
            if index == size:
                if node.end and (best is None or node.end.rank > best.rank):
                    best = node.end
                continue
            part = parts[index]
            for each in node.prefixes:
                if part.startswith(each.last) and (best is None or each.rank > best.rank):
                    best = each
            for key in (part, "+"):
                below = node.below.get(key)
                if below:
                    left.append((below, index + 1))
        return best


class Acl:
    """What policies allow, by full paths. `valid_until_s` is when a rule expires, in seconds since the epoch."""

    def __init__(self, rules: Iterable[Rule], now_s: float = 0, within: str = "") -> None:
        """Join rules, whose paths are those `within` a namespace, given by its own path.

        Those that expired by now, and templated ones, for which there is no entity, do not count.
        """
        self.grants: set[object] = set()
        """What was allowed before, as whoever asked names it; only what nothing but these rules decides."""
        self.valid_until_s = _NEVER
        self.exact: dict[str, Permissions] = {}
        self.prefixes: dict[str, Permissions] = {}
        segments: dict[str, Permissions] = {}
        tables = {"exact": self.exact, "prefix": self.prefixes, "segments": segments}
        for rule in rules:
            if rule.templated or 0 < rule.expires_s <= now_s:
                continue
            if rule.expires_s > 0:
                self.valid_until_s = min(self.valid_until_s, rule.expires_s)
            path, kind = place(within + rule.path)
            permissions = tables[kind].setdefault(path, Permissions())
            permissions.place = (kind, path)
            permissions.join(rule)
        self._tables = tables
        self._lengths = sorted({len(prefix) for prefix in self.prefixes}, reverse=True)
        self._segments = [_Segments(path, permissions) for path, permissions in segments.items()]
        self._tree = _Node()
        for each in self._segments:
            self._tree.add(each)

    def at(self, path: str, *, listing: bool = False) -> Permissions | None:
        """Find what decides on a path; a `listing` of `a/` may be decided by what is said of `a`."""
        found = self.exact.get(path)
        if found is None and listing:
            found = self.exact.get(path.removesuffix("/"))
        if found is None:
            found = self._by_wildcard(path)
        if found is None and listing and path.endswith("/"):
            found = self._by_wildcard(path[:-1])
        return found

    def same_place(self, permissions: Permissions) -> Permissions | None:
        """Give what is said here of the path that another list's permissions are for."""
        kind, path = permissions.place
        return self._tables[kind].get(path)

    def capabilities(self, path: str) -> list[str]:
        """Give the capabilities on a path by name; "deny" for none. Source: OpenBao 2.7, which looks as for a list."""
        found = self.at(path.lstrip("/"), listing=True)
        return found.names if found else [DENY]

    def reaches(self, mount: str) -> bool:
        """Tell whether anything at or below a mount's path is allowed."""
        if self.capabilities(mount) != [DENY]:
            return True
        for table in (self.exact, self.prefixes):
            if any(path.startswith(mount) and each.names != [DENY] for path, each in table.items()):
                return True
        return any(each.permissions.names != [DENY] and each.reaches(mount) for each in self._segments)

    def _by_wildcard(self, path: str) -> Permissions | None:
        prefix = self._longest_prefix(path)
        best = self._tree.best(path.split("/")) if self._segments else None
        if best and (prefix is None or best.rank > _rank_of_prefix(prefix)):
            return best.permissions
        return None if prefix is None else self.prefixes[prefix]

    def _longest_prefix(self, path: str) -> str | None:
        size = len(path)
        for length in self._lengths:
            if length <= size and path[:length] in self.prefixes:
                return path[:length]
        return None


def _rank_of_prefix(prefix: str) -> _Rank:
    text = prefix.encode()
    return len(text), False, 0, len(text), text
