"""Mount and request paths: one rule, one function."""


def mount_path(path: str) -> str:
    """Give the path as the mount table has it: no slash in front, one behind."""
    return path.strip("/") + "/"


def contains(outer: str, inner: str) -> bool:
    """Tell whether mount path `inner` is `outer` or lies below it."""
    return inner.startswith(outer)


def clean(path: str) -> str:
    """Resolve empty and dot segments as Go's path.Clean does for a relative path."""
    kept: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        else:
            kept.append(part)
    return "/".join(kept) or "."


def escaped(path: str) -> str:
    """Write a path as it stands in a URL. Source: Go's net/url."""
    from urllib.parse import quote

    return quote(path, safe="/$&+,:;=@~", errors="surrogateescape")
