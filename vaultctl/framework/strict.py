"""Fields of the few paths whose bodies OpenBao does not convert: each must be of its type already.

Source: OpenBao 2.7, in Go's words.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.logical.errors import InvalidRequest

_GO_TYPES: dict[type, str] = {str: "string", bool: "bool", int: "int", list: "[]string"}
_INT_MAX = 2**63


def read(data: Mapping[str, Any], struct: str, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Give the fields that are there; each must be of its type, as these few paths of OpenBao have it.

    Their names may be spelt with large letters; the last one counts. Raises: InvalidRequest, in Go's words.
    """
    found: dict[str, Any] = {}
    for spelt, value in data.items():
        name = spelt.lower()
        if name in kinds and value is not None:
            found[name] = _checked(value, kinds[name], f"{struct}.{name}")
    return found


def _checked(value: Any, wanted: type, where: str) -> Any:
    is_right = type(value) is wanted
    if not is_right or (isinstance(value, int) and not -_INT_MAX <= value < _INT_MAX):
        raise _wrong(f"{_shown(value, wanted)} into Go struct field {where} of type {_GO_TYPES[wanted]}")
    return [_item(item, f"{where}.{at}") for at, item in enumerate(value)] if isinstance(value, list) else value


def _item(value: Any, where: str) -> str:
    if value is not None and not isinstance(value, str):
        raise _wrong(f"{_shown(value, str)} into {where} of type string")
    return value or ""


def _wrong(what: str) -> InvalidRequest:
    return InvalidRequest(f"failed to decode JSON input: json: cannot unmarshal {what}")


def _shown(value: Any, wanted: type) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}" if wanted is int else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
