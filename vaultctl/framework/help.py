"""path-help, made from the endpoint that serves the path. Source: the layout of OpenBao 2.7's `?help=1`."""

from collections.abc import Sequence
from typing import Any

from vaultctl.framework.endpoint import Endpoint, find
from vaultctl.logical.errors import UnsupportedPath

_GO_KINDS = {
    "duration": "duration (sec)",
    "signed_duration": "duration (sec)",
    "ints": "slice",
    "strings": "slice",
}


def path_help(endpoints: Sequence[Endpoint], path: str) -> dict[str, Any]:
    """Give the answer to a help request on a path. Raises: UnsupportedPath."""
    found = find(endpoints, path)
    if not found:
        raise UnsupportedPath
    return {"help": endpoint_help(found.endpoint, path), "see_also": None}


def endpoint_help(endpoint: Endpoint, path: str) -> str:
    """Write the help text of one endpoint."""
    blocks = [f"Request:        {path}\nMatching Route: {route(endpoint.pattern)}", endpoint.synopsis]
    if endpoint.fields:
        blocks.append("## PARAMETERS")
        for name, field in sorted(endpoint.fields.items()):
            blocks.append(f"    {name} ({_GO_KINDS.get(field.kind, field.kind)})")
            blocks.append(_indented(field.help))
    blocks.append("## DESCRIPTION")
    blocks.append(endpoint.description or endpoint.synopsis)
    return "\n\n".join(blocks)


def engine_help(text: str, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Give the answer to a help request on a mount: what it is, and each of its paths."""
    lines = ["## DESCRIPTION", text, "## PATHS", "The following paths are supported by this backend."]
    by_pattern = sorted(endpoints, key=lambda endpoint: endpoint.pattern)
    lines += [f"    {route(endpoint.pattern)}\n        {endpoint.synopsis}" for endpoint in by_pattern]
    return {"help": "\n\n".join(lines), "see_also": None}


def route(pattern: str) -> str:
    """Write a pattern as the regular expression that it stands for."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        return f"^{pattern}$"
    variable, _, behind = rest.partition("}")
    name = variable.rstrip("*+")
    some = {"*": ".*", "+": ".+?"}.get(variable[-1], "[^/]+")
    return f"^{before}(?P<{name}>{some}){behind}$"


def _indented(text: str) -> str:
    return "\n".join(f"        {line}" for line in text.splitlines())
