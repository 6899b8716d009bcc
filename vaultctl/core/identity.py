"""Entities and their aliases: who somebody is, whatever auth method was used. Logins make them.

An alias is a name in one mount, by the mount's accessor, which follows a move; so an entity does, within its namespace.
"""

from collections.abc import Callable, Mapping
from typing import Any

from vaultctl.core import records, tokens
from vaultctl.core.mounts import ROOT_NAMESPACE, Mount, new_uuid
from vaultctl.core.state import View

ENTITIES = "core/identity/entity/"
ALIASES = "core/identity/alias/"


def entity_at_login(view: View, mount: Mount, alias: str, *, random: Callable[[int], bytes], now_ns: int) -> str:
    """Give the id of the entity that an alias belongs to; both are made where the alias is a new one."""
    name = f"{ALIASES}{mount.namespace}/{mount.accessor}/{tokens.hash_of(view, alias)}"
    found = records.load(view, name)
    if found:
        return str(found["entity"])
    suffix = "" if mount.namespace == ROOT_NAMESPACE else f".{mount.namespace}"
    entity_id = new_uuid(random) + suffix
    made: Mapping[str, Any] = {"created_ns": now_ns, "updated_ns": now_ns}
    records.save(
        view,
        f"{ENTITIES}{mount.namespace}/{entity_id}",
        {"name": f"entity_{random(4).hex()}", "policies": [], **made},
    )
    records.save(view, name, {"id": new_uuid(random) + suffix, "entity": entity_id, "name": alias, **made})
    return entity_id
