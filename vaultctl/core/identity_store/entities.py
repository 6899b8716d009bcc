"""identity/entity and identity/lookup/entity. Source: OpenBao 2.7 for messages and the order of checks."""

from collections.abc import Mapping
from typing import Any

from vaultctl.core import identity
from vaultctl.core.exchange import SystemContext
from vaultctl.core.identity import Entity
from vaultctl.core.identity_store import shown
from vaultctl.core.token_store.policies import sanitised
from vaultctl.core.tokens import ROOT_POLICY
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response


def find(ctx: SystemContext, id_: str) -> Entity | None:
    """Find an entity of the request's namespace by its id."""
    found = identity.find(ctx.session.view, id_)
    return found if found and found.namespace == ctx.namespace.id else None


def write(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make an entity, or change what is named of one that is there by its id or its name. Raises: InvalidRequest."""
    id_, name = fields.get("id", ""), fields.get("name", "")
    entity = find(ctx, id_) if id_ else None
    if id_ and entity is None:
        raise InvalidRequest("entity not found from id")
    named = identity.find_by_name(ctx.session.view, ctx.namespace.id, name) if name else None
    if entity and named and named.id != entity.id:
        raise InvalidRequest("entity name is already in use")
    entity = entity or named
    changes = _changes(fields)
    if entity:
        identity.save(ctx.session.view, entity._replace(**changes, updated_ns=ctx.now_ns))
        return EMPTY
    made = identity.new_entity(ctx.namespace.id, random=ctx.random, now_ns=ctx.now_ns, **{"name": "", **changes})
    identity.save(ctx.session.view, made)
    return Response(data={"aliases": None, "id": made.id, "name": made.name})


def _changes(fields: Mapping[str, Any]) -> dict[str, Any]:
    changes = {name: fields[name] for name in ("disabled", "metadata") if name in fields}
    if fields.get("name"):
        changes["name"] = fields["name"]
    if "policies" in fields:
        changes["policies"] = tuple(sanitised(fields["policies"]))
        if ROOT_POLICY in changes["policies"]:
            raise InvalidRequest("policies cannot contain root")
    shown.check_metadata(changes.get("metadata") or {})
    return changes


def read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give an entity by its id."""
    return _answer(ctx, find(ctx, fields["id"]))


def read_named(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give an entity by its name."""
    return _answer(ctx, identity.find_by_name(ctx.session.view, ctx.namespace.id, fields["name"]))


def _answer(ctx: SystemContext, entity: Entity | None) -> Response | None:
    return Response(data=shown.entity_in_full(ctx, entity)) if entity else None


def delete(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove an entity by its id; its tokens are refused from now on."""
    return _removed(ctx, find(ctx, fields["id"]))


def delete_named(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove an entity by its name."""
    return _removed(ctx, identity.find_by_name(ctx.session.view, ctx.namespace.id, fields["name"]))


def delete_many(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove entities by their ids. Raises: InvalidRequest."""
    if not fields.get("entity_ids"):
        raise InvalidRequest("missing entity ids to delete")
    for id_ in fields["entity_ids"]:
        _removed(ctx, find(ctx, id_))
    return EMPTY


def _removed(ctx: SystemContext, entity: Entity | None) -> Response:
    if entity:
        identity.remove(ctx.session.view, entity)
    return EMPTY


def list_ids(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give all entities of the namespace by their ids."""
    named = {one.id: shown.entity_in_list(ctx, one) for one in identity.all_of(ctx.session.view, ctx.namespace.id)}
    return Response(data={"keys": list(named), "key_info": named}) if named else None


def list_names(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all entities of the namespace, in the order of their ids."""
    names = [entity.name for entity in identity.all_of(ctx.session.view, ctx.namespace.id)]
    return Response(data={"keys": names}) if names else None


_BY_ALIAS = ("alias_name", "alias_mount_accessor")


def look_up(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Find an entity by its id or name, or by an alias. Raises: InvalidRequest."""
    given = {name: value for name, value in fields.items() if value}
    if not given:
        raise InvalidRequest("query parameter not supplied")
    if len(given) > 1 and set(given) != set(_BY_ALIAS):
        raise InvalidRequest("query parameter conflict; please supply distinct set of query parameters")
    if set(given) & set(_BY_ALIAS) and len(given) == 1:
        raise InvalidRequest("both 'alias_name' and 'alias_mount_accessor' needs to be set")
    return _answer(ctx, _looked_up(ctx, given))


def _looked_up(ctx: SystemContext, given: Mapping[str, str]) -> Entity | None:
    view, namespace = ctx.session.view, ctx.namespace.id
    if "id" in given:
        return find(ctx, given["id"])
    if "name" in given:
        return identity.find_by_name(view, namespace, given["name"])
    if "alias_id" in given:
        alias = identity.find_alias(view, given["alias_id"])
    else:
        alias = identity.alias_at(view, namespace, given["alias_mount_accessor"], given["alias_name"])
    return find(ctx, alias.entity) if alias else None


_FIELDS = {
    "metadata": Field("keypair", "Any texts by name; a write gives all of them anew."),
    "policies": Field("slice", "Policies that all tokens of the entity have besides their own."),
    "disabled": Field("bool", "Whether the entity's tokens and logins are refused."),
}
_ID = {"id": Field("string", "The id of the entity.")}
_NAME = {"name": Field("string", "The name of the entity.")}

ENDPOINTS = (
    Endpoint(
        "entity",
        {Operation.UPDATE: write},
        "Make an entity, or change one.",
        "With the id or the name of an entity that is there, the write changes what it names of that one.",
        {**_ID, **_NAME, **_FIELDS},
    ),
    *(
        Endpoint(pattern, {Operation.LIST: list_ids}, "List the entities by their ids.")
        for pattern in ("entity/id", "entity/id/")
    ),
    Endpoint(
        "entity/id/{id}",
        {Operation.READ: read, Operation.UPDATE: write, Operation.DELETE: delete},
        "Read, change or remove an entity by its id.",
        "With an entity go its aliases, and its tokens are refused.",
        {**_ID, **_NAME, **_FIELDS},
    ),
    *(
        Endpoint(pattern, {Operation.LIST: list_names}, "List the names of the entities.")
        for pattern in ("entity/name", "entity/name/")
    ),
    Endpoint(
        "entity/name/{name+}",
        {Operation.READ: read_named, Operation.UPDATE: write, Operation.DELETE: delete_named},
        "Read, make, change or remove an entity by its name.",
        "Names are the same in any case.",
        {**_ID, **_NAME, **_FIELDS},
    ),
    Endpoint(
        "entity/batch-delete",
        {Operation.UPDATE: delete_many},
        "Remove entities by their ids.",
        fields={"entity_ids": Field("slice", "The ids of the entities.")},
    ),
    Endpoint(
        "lookup/entity",
        {Operation.UPDATE: look_up},
        "Find an entity by its id, its name, or an alias.",
        fields={
            **_ID,
            **_NAME,
            "alias_id": Field("string", "The id of an alias."),
            "alias_name": Field("string", "The name of an alias; with the accessor of its mount."),
            "alias_mount_accessor": Field("string", "The accessor of an alias's mount; with its name."),
        },
    ),
)
