"""Paths of policies with places for what an entity is, filled in. Pure. Source: OpenBao 2.7."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vaultctl.logical.errors import VaultError, one_error
from vaultctl.logical.go_text import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.identity import Who

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_ENTITY = "identity.entity."


class BadTemplate(VaultError):
    """What an entity is called cannot stand in a path: none of the token's policies count."""

    status = 403


def filled(path: str, who: Who | None, *, forbidden: str, policy: str) -> str | None:
    """Give a path with what an entity is in its places; None where there is no such thing, and the rule says nothing.

    `forbidden` are the characters that may not come in by that. Raises: BadTemplate.
    """
    if who is None:
        return None
    values = [_value(name.strip(), who) for name in _PLACE.findall(path)]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    for value in known:
        for character in forbidden:
            if character in value:
                raise BadTemplate(
                    one_error(
                        f"error parsing templated policy {quoted(policy)}: failed to parse policy: path {quoted(path)}:"
                        f" template substitution contains forbidden value: {quoted(character)}"
                    )
                )
    left = iter(known)
    return _PLACE.sub(lambda _: next(left), path)


def _value(name: str, who: Who) -> str | None:
    """Give what stands for a name in a template, or None."""
    if not name.startswith(_ENTITY):
        return None  # groups, and what is no part of an identity
    first, dot, rest = name.removeprefix(_ENTITY).partition(".")
    if not dot:
        return {"id": who.entity.id, "name": who.entity.name}.get(first)
    if first == "metadata":
        return _text(who.entity.metadata, rest)
    return _of_alias(who, *rest.partition(".")[::2]) if first == "aliases" else None


def _of_alias(who: Who, accessor: str, name: str) -> str | None:
    found = next((alias for alias in who.aliases if alias.accessor == accessor), None)
    if found is None:
        return None
    kind, dot, key = name.partition(".")
    if not dot:
        return {"id": found.id, "name": found.name}.get(kind)
    texts = {"metadata": found.metadata, "custom_metadata": found.custom_metadata}
    return _text(texts.get(kind), key)


def _text(texts: Mapping[str, str] | None, key: str) -> str | None:
    return (texts or {}).get(key)
