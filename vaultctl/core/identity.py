"""Entities and their aliases: who somebody is, whatever auth method was used. Logins make them, and so may people.

An alias is a name in one mount, by the mount's accessor, which follows a move; so the entity does, in its namespace. An
alias outlives its mount. Names of entities and of aliases are the same in any case. An id of an inner namespace ends in
a dot and the namespace's id. Source: OpenBao 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core import records, tokens
from vaultctl.core.mounts import ROOT_NAMESPACE, Mount, new_uuid
from vaultctl.core.views import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ENTITIES = "core/identity/entity/"
NAMES = "core/identity/name/"
ALIASES = "core/identity/alias/"
ALIAS_IDS = "core/identity/alias-id/"
TABLES = (ENTITIES, NAMES, ALIASES, ALIAS_IDS)
"""Where they lie, each below its namespace: entities by id and by name, aliases by mount and name, and by id."""

_MOST_DECODED = 10_000
"""So many entities are kept decoded."""


class Alias(NamedTuple):
    """A name in a mount. `metadata` is the auth method's, `custom_metadata` people's; None where nobody gave any."""

    id: str
    entity: str
    name: str
    accessor: str
    namespace: str
    created_ns: int
    updated_ns: int
    metadata: Mapping[str, str] | None = None
    custom_metadata: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        """Name it by its id."""
        return f"Alias({self.id})"


class Entity(NamedTuple):
    """Somebody. The policies count in every token of theirs; those of a disabled one are refused.

    `places` are those of the aliases, below their namespace: the mount's accessor, a slash, and the name's hash.
    """

    id: str
    name: str
    namespace: str
    created_ns: int
    updated_ns: int
    policies: tuple[str, ...] = ()
    metadata: Mapping[str, str] | None = None
    disabled: bool = False
    places: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name it by its id."""
        return f"Entity({self.id})"


class Who(NamedTuple):
    """An entity with its aliases."""

    entity: Entity
    aliases: tuple[Alias, ...]


def find(view: View, id_: str) -> Entity | None:
    """Find an entity by its id, which names its namespace."""
    namespace = id_.partition(".")[2] or ROOT_NAMESPACE
    record = records.load(view, f"{ENTITIES}{namespace}/{id_}")
    return _entity(id_, namespace, record) if record else None


def find_by_name(view: View, namespace: str, name: str) -> Entity | None:
    """Find an entity of a namespace by its name."""
    named = records.load(view, _by_name(view, namespace, name))
    return find(view, named["id"]) if named else None


def all_of(view: View, namespace: str) -> Iterator[Entity]:
    """Give the entities of a namespace, by id."""
    prefix = f"{ENTITIES}{namespace}/"
    for id_ in view.list(prefix):
        record = records.load(view, prefix + id_)
        if record:
            yield _entity(id_, namespace, record)


def save(view: View, entity: Entity) -> None:
    """Write an entity; its name becomes its own."""
    old = find(view, entity.id)
    if old and old.name != entity.name:
        view.delete(_by_name(view, old.namespace, old.name))
    defaults = Entity._field_defaults
    record = {name: value for name, value in entity._asdict().items() if value != defaults.get(name, ...)}
    del record["id"], record["namespace"]
    records.save(view, f"{ENTITIES}{entity.namespace}/{entity.id}", record)
    records.save(view, _by_name(view, entity.namespace, entity.name), {"id": entity.id})


def remove(view: View, entity: Entity) -> None:
    """Remove an entity with its aliases; its tokens are refused from now on."""
    for alias in aliases_of(view, entity):
        _remove_alias_rows(view, alias)
    view.delete(_by_name(view, entity.namespace, entity.name))
    view.delete(f"{ENTITIES}{entity.namespace}/{entity.id}")


def new_entity(namespace: str, *, random: Callable[[int], bytes], now_ns: int, name: str = "", **fields: Any) -> Entity:
    """Make an entity; without a name it gets one."""
    name = name or f"entity_{random(4).hex()}.{namespace}"
    return Entity(new_uuid(random) + suffix_of(namespace), name, namespace, now_ns, now_ns, **fields)


def suffix_of(namespace: str) -> str:
    """Give what an id ends in that is of this namespace."""
    return "" if namespace == ROOT_NAMESPACE else f".{namespace}"


def find_alias(view: View, id_: str) -> Alias | None:
    """Find an alias by its id, which names its namespace."""
    namespace = id_.partition(".")[2] or ROOT_NAMESPACE
    named = records.load(view, f"{ALIAS_IDS}{namespace}/{id_}")
    return _alias_in(view, namespace, named["place"]) if named else None


def alias_at(view: View, namespace: str, accessor: str, name: str) -> Alias | None:
    """Find an alias by its mount and its name."""
    return _alias_in(view, namespace, _place(view, accessor, name))


def aliases_of(view: View, entity: Entity) -> list[Alias]:
    """Give the aliases of an entity, the oldest first."""
    found = (_alias_in(view, entity.namespace, place) for place in entity.places)
    return [alias for alias in found if alias]


def all_aliases(view: View, namespace: str) -> Iterator[Alias]:
    """Give the aliases of a namespace, by id."""
    for id_ in view.list(f"{ALIAS_IDS}{namespace}/"):
        found = find_alias(view, id_)
        if found:
            yield found


def save_alias(view: View, alias: Alias) -> None:
    """Write an alias, and put it with its entity, and away from the one that it was with."""
    old = find_alias(view, alias.id)
    place = _place(view, alias.accessor, alias.name)
    if old:
        old_place = _place(view, old.accessor, old.name)
        if old.entity != alias.entity or old_place != place:
            _take_away(view, old, old_place)
    defaults = Alias._field_defaults
    record = {name: value for name, value in alias._asdict().items() if value != defaults.get(name, ...)}
    del record["accessor"], record["namespace"]
    records.save(view, f"{ALIASES}{alias.namespace}/{place}", record)
    records.save(view, f"{ALIAS_IDS}{alias.namespace}/{alias.id}", {"place": place})
    owner = find(view, alias.entity)
    if owner and place not in owner.places:
        save(view, owner._replace(places=(*owner.places, place)))


def remove_alias(view: View, alias: Alias) -> None:
    """Remove an alias; its entity stays."""
    _take_away(view, alias, _place(view, alias.accessor, alias.name))
    view.delete(f"{ALIAS_IDS}{alias.namespace}/{alias.id}")


def entity_at_login(
    view: View,
    mount: Mount,
    alias: str,
    *,
    random: Callable[[int], bytes],
    now_ns: int,
    metadata: Mapping[str, str] | None = None,
) -> Entity:
    """Give the entity that an alias belongs to; both are made where the alias is a new one."""
    found = alias_at(view, mount.namespace, mount.accessor, alias)
    owner = find(view, found.entity) if found else None
    if found and owner:
        if (found.metadata or {}) != (metadata or {}):
            save_alias(view, found._replace(metadata=metadata, updated_ns=now_ns))
        return owner
    owner = new_entity(mount.namespace, random=random, now_ns=now_ns)
    save(view, owner)
    save_alias(view, new_alias(owner, mount.accessor, alias, random=random, now_ns=now_ns, metadata=metadata))
    return owner


def new_alias(
    owner: Entity, accessor: str, name: str, *, random: Callable[[int], bytes], now_ns: int, **fields: Any
) -> Alias:
    """Make an alias of an entity."""
    id_ = new_uuid(random) + suffix_of(owner.namespace)
    return Alias(id_, owner.id, name, accessor, owner.namespace, now_ns, now_ns, **fields)


def who(view: View, entity_id: str) -> Who | None:
    """Give the entity of a token, with its aliases; as long as no entity changes it is read once."""
    kept = _kept(view)
    if entity_id not in kept:
        found = find(view, entity_id)
        kept[entity_id] = Who(found, tuple(aliases_of(view, found))) if found else None
    return kept[entity_id]


def policies_of(view: View, entity_id: str, namespace: str) -> tuple[str, ...]:
    """Give the policies that a token of a namespace has by its entity: none by one of another namespace."""
    found = who(view, entity_id) if entity_id else None
    return found.entity.policies if found and found.entity.namespace == namespace else ()


def may_act(view: View, entity_id: str) -> bool:
    """Tell whether tokens of an entity are good: not where it is disabled, or gone."""
    found = who(view, entity_id) if entity_id else None
    return not entity_id or (found is not None and not found.entity.disabled)


def _kept(view: View) -> dict[str, Who | None]:
    """Give what was decoded, for as long as no entity changes; a transaction sees its own changes."""
    if view.changed_below("core/identity/"):
        return {}
    version = view.header.tables.get("identity")
    kept = view.memo.get("identity")
    if kept is None or kept[0] != version or len(kept[1]) > _MOST_DECODED:
        kept = view.memo["identity"] = (version, {})
    decoded: dict[str, Who | None] = kept[1]
    return decoded


def _entity(id_: str, namespace: str, record: Mapping[str, Any]) -> Entity:
    lists: dict[str, Any] = {name: tuple(record[name]) for name in ("policies", "places") if name in record}
    return Entity(id=id_, namespace=namespace, **{**record, **lists})


def _alias_in(view: View, namespace: str, place: str) -> Alias | None:
    record = records.load(view, f"{ALIASES}{namespace}/{place}")
    return Alias(accessor=place.partition("/")[0], namespace=namespace, **record) if record else None


def _take_away(view: View, alias: Alias, place: str) -> None:
    """Remove an alias from where it is, and from its entity."""
    view.delete(f"{ALIASES}{alias.namespace}/{place}")
    owner = find(view, alias.entity)
    if owner:
        save(view, owner._replace(places=tuple(each for each in owner.places if each != place)))


def _remove_alias_rows(view: View, alias: Alias) -> None:
    view.delete(f"{ALIASES}{alias.namespace}/{_place(view, alias.accessor, alias.name)}")
    view.delete(f"{ALIAS_IDS}{alias.namespace}/{alias.id}")


def _place(view: View, accessor: str, name: str) -> str:
    return f"{accessor}/{tokens.hash_of(view, name.lower())}"


def _by_name(view: View, namespace: str, name: str) -> str:
    return f"{NAMES}{namespace}/{tokens.hash_of(view, name.lower())}"
