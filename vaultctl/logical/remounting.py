"""Whether a mount may move from one path to another: asked by the engine of its tables, by clients of what they see.

Source: OpenBao 2.7, for the order of checks and the messages.
"""

from typing import NamedTuple, Protocol

from vaultctl.logical import paths
from vaultctl.logical.errors import InvalidRequest, VaultError, one_error
from vaultctl.logical.go_text import quoted

PROTECTED = ("sys/", "cubbyhole/", "identity/", "auth/", "audit/")
"""Paths, and all below them, that no secrets engine can be mounted at."""


class Place(NamedTuple):
    """Where a mount is, or shall be: the full path of a namespace, and a path in it; both end in a slash, or are ""."""

    namespace: str
    path: str

    @property
    def full_path(self) -> str:
        """Give the path as the root has it."""
        return self.namespace + self.path


class NoMatchingMount(InvalidRequest):
    """There is no mount at the path that a move begins at, or above it."""


class MayNotRewrite(VaultError):
    """The token may move the mount, and may not write a policy that is to go with it."""

    status = 403

    def __init__(self, path: str) -> None:
        """`path` is that of the policy in the API, in full, or says which one without its name."""
        super().__init__(one_error(f"permission denied: {path} is to be rewritten, and may not be"))


class Landscape(Protocol):
    """Which namespaces and mounts there are. Namespaces are named by their full paths."""

    def has_namespace(self, full: str, /) -> bool:
        """Tell whether there is such a namespace."""

    def descend(self, namespace: str, path: str, /) -> tuple[str, str]:
        """Give the namespace that a path within another one leads to, and what is left of the path there."""

    def serving(self, place: Place, /) -> bool:
        """Tell whether there is a mount at a place, or above it."""

    def taken(self, place: Place, /) -> str | None:
        """Give the full path of the mount at, above or below a place; all of a namespace's are below its own path."""


def check(landscape: Landscape, namespace: str, source: str, target: str) -> tuple[Place, Place]:
    """Check a move that is asked for in a namespace; give both places. Raises: InvalidRequest."""
    if not source or not target:
        raise InvalidRequest("both 'from' and 'to' path must be specified as a string")
    for name, path in (("from", source), ("to", target)):
        if path != path.strip(" "):
            raise InvalidRequest(f"'{name}' path cannot contain trailing whitespace")
    _check_target_form(landscape, namespace, target)
    old = Place(*landscape.descend(namespace, _as_sent(source)))
    owner, path = landscape.descend(namespace, paths.mount_path(target))
    new = Place(owner, path.removeprefix("/"))
    _check_protected(old.path, new.path)
    if not old.path or not landscape.serving(old):
        raise NoMatchingMount(f"no matching mount at {quoted(_as_sent(source))}")
    taken = landscape.taken(new)
    if taken:
        raise InvalidRequest(f"path already in use at {quoted(taken)}")
    return old, new


def no_mount(source: Place) -> str:
    """Say that a move cannot be made, as there is a mount above its source, and none at it."""
    return f"no mount is enabled at {source.full_path} itself"


def protects(path: str) -> bool:
    """Tell whether a path is the system's own, or below it."""
    return path.startswith(PROTECTED)


def _as_sent(path: str) -> str:
    """Give a path with a slash behind it, and without one in front: what more slashes there are name no mount."""
    return (path if path.endswith("/") else f"{path}/").removeprefix("/")


def _check_target_form(landscape: Landscape, namespace: str, target: str) -> None:
    if target == "/" or landscape.has_namespace(namespace + target):
        raise InvalidRequest(f"invalid destination mount path {quoted(target)}")
    stripped = _within(landscape, namespace + target)
    cleaned = paths.clean(stripped) if stripped else "/"  # one that begins with a slash could not be asked for
    if stripped != cleaned:
        raise InvalidRequest(f"invalid destination mount: path '{stripped}/' does not match cleaned path '{cleaned}/'")
    if not stripped.isprintable():
        raise InvalidRequest("invalid destination mount: path cannot contain non-printable characters")


def _within(landscape: Landscape, full: str) -> str:
    """Give a full path as it is within the namespace that it leads to, or whole if it leaves that one on the way."""
    owner, _ = landscape.descend("", paths.clean(full) + "/")
    within = full.removeprefix(owner)
    leaves = within.strip("/") and paths.clean(within).partition("/")[0] in (".", "..")
    return (full if leaves else within).removeprefix("/").removesuffix("/")


def _check_protected(old: str, new: str) -> None:
    if old.startswith("auth/"):
        if not new.startswith("auth/"):
            raise InvalidRequest(f"cannot remount auth mount to non-auth mount {quoted(new)}")
        if old.startswith("auth/token/"):
            raise InvalidRequest(f"cannot remount {quoted(old)}")
        if new == "auth/" or new.startswith("auth/token/"):
            raise InvalidRequest(f"cannot remount to destination {quoted(new)}")
        return
    if protects(old):
        raise InvalidRequest(f"cannot remount {quoted(old)}")
    if protects(new):
        raise InvalidRequest(f"cannot remount to destination {new}")
