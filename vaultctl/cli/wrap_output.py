"""How the `wrap_info` of an answer is shown: the token that a wrapped answer can be had for. Source: OpenBao 2.7."""

from collections.abc import Mapping
from typing import Any

from vaultctl.logical.durations import humanise

_SHOWN: Mapping[str, Any] = {
    "token": "",
    "accessor": "",
    "ttl": 0,
    "creation_time": "",
    "creation_path": "",
    "wrapped_accessor": "",
}
"""What bao shows in JSON, in its order, and what stands for what is missing."""

_NAMES = {
    "token": "wrapping_token",
    "accessor": "wrapping_accessor",
    "ttl": "wrapping_token_ttl",
    "creation_time": "wrapping_token_creation_time",
    "creation_path": "wrapping_token_creation_path",
    "wrapped_accessor": "wrapped_accessor",
}


def block(info: Mapping[str, Any]) -> dict[str, Any]:
    """Give the object that JSON and YAML show."""
    return {name: info.get(name, absent) for name, absent in _SHOWN.items()}


def fields(info: Mapping[str, Any]) -> dict[str, Any]:
    """Give what `-field` can name."""
    return {_NAMES[name]: value for name, value in block(info).items()}


def rows(info: Mapping[str, Any]) -> list[list[str]]:
    """Give the rows of a table."""
    shown = block(info)
    shown |= {"ttl": humanise(int(shown["ttl"])), "creation_time": _go_time(str(shown["creation_time"]))}
    told = [[f"{_NAMES[name]}:", str(value)] for name, value in shown.items() if name != "wrapped_accessor"]
    return told + ([["wrapped_accessor:", str(shown["wrapped_accessor"])]] if shown["wrapped_accessor"] else [])


def _go_time(text: str) -> str:
    """Write a moment in RFC 3339 as Go prints one."""
    day, _, time = text.partition("T")
    if time.endswith("Z"):
        return f"{day} {time[:-1]} +0000 UTC"
    zone = time[-6:].replace(":", "")
    return f"{day} {time[:-6]} {zone} {zone}" if zone[:1] in ("+", "-") else text
