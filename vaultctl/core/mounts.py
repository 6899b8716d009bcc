"""The mount table: one record a mount, for secrets engines and auth methods alike.

A mount's data lies under its uuid, so a move rewrites one record and touches no data. Auth mounts have paths that begin
with `auth/`. No two mounts of a namespace have paths of which one lies below the other.
"""

import json
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core import records
from vaultctl.logical import paths

if TYPE_CHECKING:
    from vaultctl.core.namespaces import Namespace, NamespaceTable
    from vaultctl.core.views import View
    from vaultctl.logical.storage import Storage

PREFIX = "core/mounts/"
ROOT_NAMESPACE = "root"
SYSTEM_TTL_S = 2764800
"""The system's default and maximum lease TTL: 768 hours."""

UNREPEATABLE = frozenset({"system", "cubbyhole", "identity", "token"})
"""Types that exist once, and cannot be enabled."""


Place = tuple[str, str]
"""A namespace and a path in it."""


class Mount(NamedTuple):
    """One mount. `config` holds default_lease_ttl, max_lease_ttl (0: the system's), force_no_cache, and what was set.

    `options` is None only on built-in mounts. A tainted mount is being moved or disabled, and serves nothing;
    one that is `upgrading` still holds entries of its engine's former version. `generation` counts how often all tokens
    of an auth method, or all leases of an engine, ended at once.
    """

    uuid: str
    accessor: str
    type: str
    path: str
    description: str = ""
    options: Mapping[str, str] | None = None
    config: Mapping[str, Any] = {}
    local: bool = False
    seal_wrap: bool = False
    external_entropy_access: bool = False
    plugin_version: str = ""
    tainted: bool = False
    upgrading: bool = False
    namespace: str = ROOT_NAMESPACE
    generation: int = 0

    @property
    def token_source(self) -> str:
        """Name what stands in its tokens as what made them; no token that was revoked with all others has it."""
        return f"{self.uuid}.{self.generation}" if self.generation else self.uuid

    @property
    def lease_source(self) -> str:
        """Name what stands in its leases as what gave them; no lease that ended with all others has it."""
        return self.token_source

    @property
    def place(self) -> Place:
        """Where the mount is; no other mount is there."""
        return self.namespace, self.path

    @property
    def shown_type(self) -> str:
        """Give the type as the API shows it: what every namespace has is named so. Source: OpenBao 2.7."""
        ours = self.namespace != ROOT_NAMESPACE and self.type in UNREPEATABLE
        return f"ns_{self.type}" if ours else self.type

    @property
    def is_auth(self) -> bool:
        """Tell whether this is an auth method."""
        return self.path.startswith("auth/")

    @property
    def default_lease_ttl_s(self) -> int:
        """The effective default TTL."""
        return self.config.get("default_lease_ttl", 0) or SYSTEM_TTL_S

    @property
    def max_lease_ttl_s(self) -> int:
        """The effective maximum TTL."""
        return self.config.get("max_lease_ttl", 0) or SYSTEM_TTL_S

    @property
    def storage_prefix(self) -> str:
        """Where its data lies."""
        return f"logical/{self.uuid}/"

    @property
    def leased_prefix(self) -> str:
        """Where its engine's `Leases.entries` lie: with its data, until all of them ended at once."""
        return f"logical/{self.lease_source}/"


class MountTable:
    """All mounts; it never changes."""

    def __init__(self, by_uuid: dict[str, Mount], by_path: dict[Place, Mount], order: list[Place]) -> None:
        self._by_uuid = by_uuid
        self._by_path = by_path
        self._order = order
        self.derived: dict[tuple[str, str], Any] = {}
        """What was made of this table and nothing else, by a name for it and a namespace; it never changes either."""
        self.routes: dict[tuple[str, str], Any] = {}
        """Where paths lead that were asked for lately, by namespace and path."""

    def __iter__(self) -> Iterator[Mount]:
        """Give all mounts, by namespace and path."""
        return (self._by_path[place] for place in self._order)

    def __len__(self) -> int:
        """Count the mounts."""
        return len(self._by_uuid)

    def within(self, namespace: str) -> Iterator[Mount]:
        """Give the mounts of a namespace by path."""
        for index in range(bisect_left(self._order, (namespace, "")), len(self._order)):
            if self._order[index][0] != namespace:
                return
            yield self._by_path[self._order[index]]

    def get(self, uuid: str) -> Mount | None:
        """Find a mount by its uuid."""
        return self._by_uuid.get(uuid)

    def at(self, path: str, namespace: str = ROOT_NAMESPACE) -> Mount | None:
        """Find the mount at exactly this path."""
        return self._by_path.get((namespace, path))

    def serving(self, path: str, namespace: str = ROOT_NAMESPACE) -> Mount | None:
        """Find the mount that a request path falls to; "a" and "a/b/c" both fall to `a/`."""
        end = path.find("/")
        while end >= 0:  # from the left: most mounts have one part, and none lies below another
            mount = self._by_path.get((namespace, path[:end].rstrip("/") + "/"))
            if mount:
                return mount
            end = path.find("/", end + 1)
        return self._by_path.get((namespace, path + "/"))

    def conflicting(self, path: str, namespace: str = ROOT_NAMESPACE) -> Mount | None:
        """Find a mount at, above or below a mount path."""
        above = self.serving(path, namespace)
        if above:
            return above
        index = bisect_left(self._order, (namespace, path))
        inside = self._order[index] if index < len(self._order) else None
        if inside and inside[0] == namespace and paths.contains(path, inside[1]):
            return self._by_path[inside]
        return None

    def replaced(self, uuid: str, mount: Mount | None) -> "MountTable":
        """Give a table with this mount put in, or taken out."""
        by_uuid, by_path, order = self._by_uuid.copy(), self._by_path.copy(), self._order.copy()
        old = by_uuid.pop(uuid, None)
        if old:
            del by_path[old.place]
            order.remove(old.place)
        if mount:
            by_uuid[uuid] = by_path[mount.place] = mount
            insort(order, mount.place)
        return MountTable(by_uuid, by_path, order)


class Mounts:
    """The mounts of one namespace, as a request in it sees them."""

    def __init__(self, table: MountTable, namespaces: "NamespaceTable", namespace: "Namespace") -> None:
        self._table = table
        self._namespaces = namespaces
        self._namespace = namespace

    def __iter__(self) -> Iterator[Mount]:
        """Give the mounts by path."""
        return self._table.within(self._namespace.id)

    def at(self, path: str) -> Mount | None:
        """Find the mount at exactly this path."""
        return self._table.at(path, self._namespace.id)

    def serving(self, path: str) -> Mount | None:
        """Find the mount that a path falls to, of a namespace in this one too."""
        namespace, rest = self._namespaces.descend(self._namespace, path)
        return self._table.serving(rest, namespace.id)

    def conflicting(self, path: str) -> Mount | None:
        """Find a mount at, above or below a mount path."""
        return self._table.conflicting(path, self._namespace.id)

    def keep(self, name: str, make: Callable[["Mounts"], Any]) -> Any:
        """Give what is made of these mounts and nothing else: it is made once for a table, and nobody changes it."""
        kept, key = self._table.derived, (name, self._namespace.id)
        if key not in kept:
            kept[key] = make(self)
        return kept[key]


def load_table(view: "View") -> MountTable:
    """Read all records; one call of the parser takes half the time of one for each."""
    stored = json.loads(b"[" + b",".join(data for _, data in view.entries(PREFIX)) + b"]")
    mounts = [Mount(**record) for record in stored]
    by_path = {mount.place: mount for mount in mounts}
    return MountTable({mount.uuid: mount for mount in mounts}, by_path, sorted(by_path))


def store(storage: "Storage", mount: Mount) -> None:
    """Write one record."""
    storage.put(PREFIX + mount.uuid, records.to_bytes(mount._asdict()))


def new_mount(type_: str, path: str, random: Callable[[int], bytes], **fields: Any) -> Mount:
    """Make a mount with a fresh uuid and accessor."""
    kind = "auth_" + type_ if path.startswith("auth/") else type_
    config = {"default_lease_ttl": 0, "max_lease_ttl": 0, "force_no_cache": False, **fields.pop("config", {})}
    return Mount(new_uuid(random), f"{kind}_{random(4).hex()}", type_, path, config=config, **fields)


def new_uuid(random: Callable[[int], bytes]) -> str:
    """Make a uuid as Vault does: random in all its bits."""
    digits = random(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def built_in(random: Callable[[int], bytes], namespace: str = ROOT_NAMESPACE) -> list[Mount]:
    """Give the mounts that every namespace begins with. Source: OpenBao 2.7, a new server."""
    made = [
        new_mount("cubbyhole", "cubbyhole/", random, description="per-token private secret storage", local=True),
        new_mount("identity", "identity/", random, description="identity store", config=_passing("Authorization")),
        new_mount(
            "system",
            "sys/",
            random,
            description="system endpoints used for control, policy and debugging",
            seal_wrap=True,
            config=_passing("Accept"),
        ),
        new_mount(
            "token",
            "auth/token/",
            random,
            description="token based credentials",
            config={"token_type": "default-service" if namespace == ROOT_NAMESPACE else "default"},
        ),
    ]
    return [mount._replace(namespace=namespace) for mount in made]


def first_kv(random: Callable[[int], bytes]) -> Mount:
    """Give the mount that a state made on first use has besides. Source: OpenBao 2.7, `server -dev`."""
    return new_mount("kv", "secret/", random, description="key/value secret storage", options={"version": "2"})


def suffix_of(namespace: str) -> str:
    """Give what the tokens, accessors and leases of a namespace end in: a dot and its id, and nothing in the root."""
    return "" if namespace == ROOT_NAMESPACE else f".{namespace}"


def _passing(header: str) -> dict[str, Any]:
    return {"passthrough_request_headers": [header]}
