"""Entities and aliases as the API shows them, and what may be said of them. Source: OpenBao 2.7."""

import re
from collections.abc import Mapping
from typing import Any

from vaultctl.core import identity
from vaultctl.core.exchange import SystemContext
from vaultctl.core.identity import Alias, Entity
from vaultctl.core.mounts import Mount
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, VaultError, one_error
from vaultctl.logical.go_text import quoted

_MOST_PAIRS, _MOST_KEY, _MOST_VALUE = 64, 128, 512
_KEY = re.compile(r"[a-zA-Z0-9=/+_-]+")
_RESERVED = "vault-"


class Elsewhere(VaultError):
    """What is asked for lies in another namespace, or is out of use. Source: OpenBao 2.7."""

    status = 403


def mount_with(ctx: SystemContext, accessor: str) -> Mount | None:
    """Find the mount with an accessor, in whatever namespace."""
    table = ctx.session.mounts
    if ("accessors", "") not in table.derived:
        table.derived["accessors", ""] = {mount.accessor: mount for mount in table}
    found: Mount | None = table.derived["accessors", ""].get(accessor)
    return found


def entity_in_full(ctx: SystemContext, entity: Entity) -> dict[str, Any]:
    """Give an entity with its aliases. There are no groups, and nothing is merged."""
    aliases = identity.aliases_of(ctx.session.view, entity)
    return {
        "aliases": [_in_entity(ctx, alias) for alias in aliases],
        "creation_time": rfc3339(entity.created_ns),
        "direct_group_ids": [],
        "disabled": entity.disabled,
        "group_ids": [],
        "id": entity.id,
        "inherited_group_ids": [],
        "last_update_time": rfc3339(entity.updated_ns),
        "merged_entity_ids": None,
        "metadata": _sorted(entity.metadata),
        "name": entity.name,
        "namespace_id": entity.namespace,
        "policies": list(entity.policies),
    }


def entity_in_list(ctx: SystemContext, entity: Entity) -> dict[str, Any]:
    """Give what a listing tells of an entity."""
    aliases = [
        {"id": alias.id, **_mount_of(ctx, alias), "name": alias.name}
        for alias in identity.aliases_of(ctx.session.view, entity)
    ]
    return {**({"aliases": aliases} if aliases else {}), "name": entity.name}


def alias_in_full(ctx: SystemContext, alias: Alias) -> dict[str, Any]:
    """Give an alias."""
    return {**_in_entity(ctx, alias), "namespace_id": alias.namespace}


def alias_in_list(ctx: SystemContext, alias: Alias) -> dict[str, Any]:
    """Give what a listing tells of an alias."""
    return {
        "canonical_id": alias.entity,
        "custom_metadata": _sorted(alias.custom_metadata),
        "local": False,
        "metadata": _sorted(alias.metadata),
        **_mount_of(ctx, alias),
        "name": alias.name,
    }


def _in_entity(ctx: SystemContext, alias: Alias) -> dict[str, Any]:
    return {
        "canonical_id": alias.entity,
        "creation_time": rfc3339(alias.created_ns),
        "custom_metadata": _sorted(alias.custom_metadata),
        "id": alias.id,
        "last_update_time": rfc3339(alias.updated_ns),
        "local": False,
        "merged_from_canonical_ids": None,
        "metadata": _sorted(alias.metadata),
        **_mount_of(ctx, alias),
        "name": alias.name,
    }


def _mount_of(ctx: SystemContext, alias: Alias) -> dict[str, Any]:
    """Give an alias's mount as it is now, within whatever namespace; of one that is gone, the accessor alone."""
    mount = mount_with(ctx, alias.accessor)
    place = {"mount_path": mount.path, "mount_type": mount.type} if mount else {}
    return {"mount_accessor": alias.accessor, **place}


def _sorted(texts: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if texts is None else dict(sorted(texts.items()))


def check_metadata(metadata: Mapping[str, str]) -> None:
    """Refuse what no entity has as metadata. Raises: InvalidRequest. Source: OpenBao 2.7, as 500."""
    if len(metadata) > _MOST_PAIRS:
        raise _invalid(f"metadata cannot contain more than {_MOST_PAIRS} key/value pairs")
    for key, value in metadata.items():
        problem = _problem(key, value)
        if problem:
            raise _invalid(f"failed to load metadata pair ({quoted(key)}, {quoted(value)}): {problem}")


def _invalid(text: str) -> InvalidRequest:
    return InvalidRequest(one_error(f"invalid entity metadata: {text}"))


def _problem(key: str, value: str) -> str:
    if not key:
        return "key cannot be blank"
    if not _KEY.fullmatch(key):
        return "key contains invalid characters"
    if len(key) > _MOST_KEY:
        return f"key is too long (limit: {_MOST_KEY} characters)"
    if key.startswith(_RESERVED):
        return f'key prefix "{_RESERVED}" is reserved for internal use'
    return f"value is too long (limit: {_MOST_VALUE} characters)" if len(value) > _MOST_VALUE else ""
