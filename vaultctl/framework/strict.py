"""Fields of the few paths whose bodies OpenBao does not convert: each must be of its type already.

Source: OpenBao 2.7, in Go's words.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.logical.errors import InvalidRequest

_GO_TYPES: dict[type, str] = {str: "string", bool: "bool", int: "int", list: "[]string"}


def read(data: Mapping[str, Any], struct: str, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Give the fields that are there; each must be of its type, as these few paths of OpenBao have it.

    Raises: InvalidRequest, in Go's words.
    """
    found = {name: data[name] for name in kinds if data.get(name) is not None}
    for name, value in found.items():
        wanted = kinds[name]
        if type(value) is wanted and (not isinstance(value, list) or all(isinstance(item, str) for item in value)):
            continue
        shown = f"{_shown(value)} into Go struct field {struct}.{name} of type {_GO_TYPES[wanted]}"
        raise InvalidRequest(f"failed to decode JSON input: json: cannot unmarshal {shown}")
    return found


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}" if isinstance(value, float) else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
