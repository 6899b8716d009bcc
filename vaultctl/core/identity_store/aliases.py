"""identity/entity-alias: names in mounts, and whose they are. Source: OpenBao 2.7 for messages and order of checks."""

from collections.abc import Mapping
from typing import Any

from vaultctl.core import identity
from vaultctl.core.exchange import SystemContext
from vaultctl.core.identity import Alias
from vaultctl.core.identity_store import entities, shown
from vaultctl.core.mounts import Mount
from vaultctl.framework import custom_metadata
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response


def write(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Make an alias, or change one that is there by its id, or by its mount and name. Raises: VaultError."""
    custom = fields.get("custom_metadata")
    custom_metadata.check(custom or {})
    if fields.get("id"):
        return _change_by_id(ctx, fields, custom)
    name, accessor = fields.get("name", ""), fields.get("mount_accessor", "")
    if not name or not accessor:
        raise InvalidRequest("'id' or 'mount_accessor' and 'name' must be provided")
    if _mount(ctx, accessor).namespace != ctx.namespace.id:
        raise shown.Elsewhere("matching mount is in a different namespace than request")
    found = identity.alias_at(ctx.session.view, ctx.namespace.id, accessor, name)
    custom = custom or {}
    if found:
        wanted = found._replace(name=name, custom_metadata=custom, entity=_canonical(fields) or found.entity)
        return _changed(ctx, found, wanted)
    return _made(ctx, accessor, name, _canonical(fields), custom)


def _made(ctx: SystemContext, accessor: str, name: str, canonical: str, custom: Mapping[str, str]) -> Response:
    view = ctx.session.view
    if canonical:
        owner = entities.find(ctx, canonical)
        if owner is None:
            raise InvalidRequest("invalid canonical ID")
        if _has_alias_on(owner.places, accessor):
            raise InvalidRequest("Alias already exists for requested entity and mount accessor")
    else:
        owner = identity.new_entity(ctx.namespace.id, random=ctx.random, now_ns=ctx.now_ns)
        identity.save(view, owner)
    made = identity.new_alias(owner, accessor, name, random=ctx.random, now_ns=ctx.now_ns, custom_metadata=custom)
    identity.save_alias(view, made)
    return _named(made)


def _change_by_id(ctx: SystemContext, fields: Mapping[str, Any], custom: Mapping[str, str] | None) -> Response | None:
    found = _find(ctx, fields["id"])
    if found is None:
        raise InvalidRequest("invalid alias ID provided")
    accessor = fields.get("mount_accessor", "")
    if accessor and _mount(ctx, accessor).namespace != found.namespace:
        raise shown.Elsewhere("given mount accessor is not in the same namespace as the existing alias")
    wanted = found._replace(
        name=fields.get("name", "") or found.name,
        accessor=accessor or found.accessor,
        entity=_canonical(fields) or found.entity,
        custom_metadata=found.custom_metadata if custom is None else custom or None,
    )
    return _changed(ctx, found, wanted)


def _changed(ctx: SystemContext, old: Alias, new: Alias) -> Response | None:
    """Store an alias that may have got another name, mount or entity. Raises: InvalidRequest."""
    if new._replace(custom_metadata=new.custom_metadata or None) == old._replace(
        custom_metadata=old.custom_metadata or None
    ):
        return None
    view = ctx.session.view
    owner = entities.find(ctx, new.entity)
    if owner is None:
        raise InvalidRequest("given 'canonical_id' is not associated with an entity")
    taken = identity.alias_at(view, new.namespace, new.accessor, new.name)
    if taken and taken.id != old.id:
        raise InvalidRequest("alias with combination of mount accessor and name already exists")
    if new.entity != old.entity:
        if _has_alias_on(owner.places, new.accessor):
            raise InvalidRequest("Alias cannot be updated as the given entity already has an alias for this mount ")
    elif new.accessor != old.accessor and _has_alias_on(owner.places, new.accessor):
        raise InvalidRequest(
            "Alias cannot be updated as the entity already has an alias for the given 'mount_accessor' "
        )
    identity.save_alias(view, new._replace(updated_ns=ctx.now_ns))
    return _named(new)


def _canonical(fields: Mapping[str, Any]) -> str:
    return str(fields.get("canonical_id", "") or fields.get("entity_id", ""))


def _has_alias_on(places: tuple[str, ...], accessor: str) -> bool:
    return any(place.startswith(accessor + "/") for place in places)


def _mount(ctx: SystemContext, accessor: str) -> Mount:
    mount = shown.mount_with(ctx, accessor)
    if mount is None:
        raise InvalidRequest(f"invalid mount accessor {quoted(accessor)}")
    return mount


def _named(alias: Alias) -> Response:
    return Response(data={"canonical_id": alias.entity, "id": alias.id})


def _find(ctx: SystemContext, id_: str) -> Alias | None:
    found = identity.find_alias(ctx.session.view, id_)
    return found if found and found.namespace == ctx.namespace.id else None


def read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give an alias by its id."""
    found = _find(ctx, fields["id"])
    return Response(data=shown.alias_in_full(ctx, found)) if found else None


def delete(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove an alias by its id; its entity stays."""
    found = _find(ctx, fields["id"])
    if found:
        identity.remove_alias(ctx.session.view, found)
    return EMPTY


def list_ids(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give all aliases of the namespace by their ids."""
    found = identity.all_aliases(ctx.session.view, ctx.namespace.id)
    named = {alias.id: shown.alias_in_list(ctx, alias) for alias in found}
    return Response(data={"keys": list(named), "key_info": named}) if named else None


_FIELDS = {
    "id": Field("string", "The id of the alias."),
    "name": Field("string", "The name that somebody has in the mount."),
    "mount_accessor": Field("string", "The accessor of the mount."),
    "canonical_id": Field("string", "The id of the entity; without it a new alias gets an entity of its own."),
    "entity_id": Field("string", "The older name of canonical_id."),
    "custom_metadata": Field("keypair", "Any texts by name; a write gives all of them anew."),
}

ENDPOINTS = (
    Endpoint(
        "entity-alias",
        {Operation.UPDATE: write},
        "Make an alias of an entity, or change one.",
        "An entity has at most one alias in each mount. A login with an alias's name is that entity's.",
        _FIELDS,
    ),
    *(
        Endpoint(pattern, {Operation.LIST: list_ids}, "List the aliases of entities.")
        for pattern in ("entity-alias/id", "entity-alias/id/")
    ),
    Endpoint(
        "entity-alias/id/{id}",
        {Operation.READ: read, Operation.UPDATE: write, Operation.DELETE: delete},
        "Read, change or remove an alias by its id.",
        fields=_FIELDS,
    ),
)
