"""OpenAPI, made from the endpoints: what path-help says, for programs."""

from collections.abc import Iterable, Mapping
from typing import Any

from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.request import MERGE_PATCH, Operation

_METHODS = {
    Operation.READ: "get",
    Operation.LIST: "get",
    Operation.SCAN: "get",
    Operation.UPDATE: "post",
    Operation.PATCH: "patch",
    Operation.DELETE: "delete",
}
_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "int64": {"type": "integer"},
    "float": {"type": "number"},
    "ints": {"type": "array", "items": {"type": "integer"}},
    "bool": {"type": "boolean"},
    "duration": {"type": "string", "format": "duration"},
    "signed_duration": {"type": "string", "format": "duration"},
    "time": {"type": "string", "format": "date-time"},
    "map": {"type": "object"},
    "keypair": {"type": "object", "additionalProperties": {"type": "string"}},
    "slice": {"type": "array", "items": {"type": "string"}},
    "strings": {"type": "array", "items": {"type": "string"}},
}


def document(mounts: Iterable[tuple[str, str, Iterable[Endpoint]]], *, version: str) -> dict[str, Any]:
    """Describe the endpoints of mounts, each given by its path, its type and them."""
    paths: dict[str, Any] = {}
    for mount_path, tag, endpoints in mounts:
        for endpoint in endpoints:
            path, variable = _path_of(mount_path, endpoint.pattern)
            paths.setdefault(path, _item(endpoint, variable, tag))
    return {
        "openapi": "3.0.2",
        "info": {
            "title": "OpenBao API",
            "description": "HTTP API of vaultctl. All API routes are prefixed with `/v1/`.",
            "version": version,
        },
        "paths": paths,
        "components": {"schemas": {}},
    }


def _path_of(mount_path: str, pattern: str) -> tuple[str, str]:
    """Give the path of a pattern as OpenAPI writes it, and the name of its variable."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        return f"/{mount_path}{pattern}", ""
    variable, _, behind = rest.partition("}")
    name = variable.rstrip("*+")
    return f"/{mount_path}{before}{{{name}}}{behind}", name


def _item(endpoint: Endpoint, variable: str, tag: str) -> dict[str, Any]:
    item: dict[str, Any] = {"description": endpoint.synopsis}
    if endpoint.sudo:
        item["x-vault-sudo"] = True
    if endpoint.unauthenticated:
        item["x-vault-unauthenticated"] = True
    if variable:
        field = endpoint.fields.get(variable, Field("string", ""))
        item["parameters"] = [_parameter(variable, field, "path", required=True)]
    for operation in (*endpoint.operations, *((Operation.UPDATE,) if endpoint.login else ())):
        method = _METHODS.get(operation)
        if method:
            item.setdefault(method, _operation(endpoint, operation, variable, tag))
    _tell_of_lists(item, endpoint)
    return item


def _tell_of_lists(item: dict[str, Any], endpoint: Endpoint) -> None:
    """Say of a GET that it may list: a listing is a GET with `list=true`."""
    switches = [name for name in (Operation.LIST, Operation.SCAN) if name in endpoint.operations]
    for name in switches:
        required = Operation.READ not in endpoint.operations and len(switches) == 1
        wanted = {"name": name.value, "in": "query", "required": required}
        item["get"]["parameters"].append({**wanted, "schema": {"type": "string", "enum": ["true"]}})


def _operation(endpoint: Endpoint, operation: Operation, variable: str, tag: str) -> dict[str, Any]:
    others = {name: field for name, field in endpoint.fields.items() if name != variable}
    described: dict[str, Any] = {
        "summary": endpoint.synopsis,
        "tags": [tag],
        "responses": {"200": {"description": "OK"}},
    }
    if operation in (Operation.UPDATE, Operation.PATCH):
        content_type = MERGE_PATCH if operation is Operation.PATCH else "application/json"
        described["requestBody"] = {"content": {content_type: {"schema": _schema(others)}}}
    else:
        described["parameters"] = [_parameter(name, field, "query") for name, field in others.items()]
    return described


def _parameter(name: str, field: Field, where: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "description": field.help,
        "in": where,
        "schema": dict(_SCHEMAS[field.kind]),
        "required": required,
    }


def _schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    properties = {name: {**_SCHEMAS[field.kind], "description": field.help} for name, field in fields.items()}
    return {"type": "object", "properties": properties}
