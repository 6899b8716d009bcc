"""Ranges of entry names: every list, backlog and page is one. Names sort by code point, which is byte order."""

from collections.abc import Callable, Iterable, Iterator

Names = Callable[[str], Iterator[str]]
"""From a first name on, all names in order."""


def children(names: Names, prefix: str, after: str, limit: int | None) -> list[str]:
    """Give what stands directly below a prefix; see `logical.storage.Reading.list`.

    A folder costs one look-up, however much it holds.
    """
    found: list[str] = []
    walk = names(_start(prefix, after))
    while limit is None or len(found) < limit:
        name = next(walk, None)
        if name is None or not name.startswith(prefix):
            break
        rest = name[len(prefix) :]
        slash = rest.find("/")
        if slash < 0:
            found.append(rest)
        else:
            folder = rest[: slash + 1]
            if folder > after:
                found.append(folder)
            walk = names(past(prefix + folder))
    return found


def below(names: Names, prefix: str, after: str = "") -> Iterator[str]:
    """Give every name that begins with the prefix, and sorts after another that does so too, if there is one."""
    for name in names(after + "\0" if after else prefix):
        if not name.startswith(prefix):
            return
        yield name


def past(folder: str) -> str:
    """Give the first name behind a folder: "0" is the character that follows "/"."""
    return folder[:-1] + "0"


def found(names: Iterator[str], get: Callable[[str], bytes | None]) -> Iterator[tuple[str, bytes]]:
    """Give the entries that the names stand for."""
    for name in names:
        blob = get(name)
        if blob is not None:
            yield name, blob


def merge(base: Iterator[str], changed: Iterable[str], is_gone: Callable[[str], bool]) -> Iterator[str]:
    """Walk the base's names and an overlay's together; `changed` is sorted, a name in both counts once."""
    pending = iter(changed)
    ours = next(pending, None)
    for name in base:
        while ours is not None and ours < name:
            if not is_gone(ours):
                yield ours
            ours = next(pending, None)
        if ours == name:
            ours = next(pending, None)
        if not is_gone(name):
            yield name
    while ours is not None:
        if not is_gone(ours):
            yield ours
        ours = next(pending, None)


def _start(prefix: str, after: str) -> str:
    if not after:
        return prefix
    return past(prefix + after) if after.endswith("/") else prefix + after + "\0"
