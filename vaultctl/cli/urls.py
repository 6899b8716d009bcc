"""Requests as people see them: the method and the rest of the URL behind the address. Source: OpenBao 2.7."""

from collections.abc import Mapping
from typing import Any

from vaultctl.logical import paths

_QUERIES = {"HELP": {"help": "1"}, "LIST": {"list": "true"}, "SCAN": {"scan": "true"}}
"""How a verb that not every HTTP client has is sent: as a GET."""


def method(verb: str) -> str:
    """Give the method that a verb is sent with."""
    return "GET" if verb in _QUERIES else verb


def target(verb: str, path: str, query: Mapping[str, Any]) -> str:
    """Give what stands behind the address: the path, escaped, and the query by name."""
    from urllib.parse import urlencode

    whole = {**query, **_QUERIES.get(verb, {})}
    return f"/v1/{paths.escaped(path)}" + ("?" + urlencode(sorted(whole.items()), doseq=True) if whole else "")
