"""HCL 1 and its JSON form, read into a tree that knows where each word stands: what policies are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.logical.hcl import json_form, parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultctl.logical.hcl.tree import Item


def is_json(text: str) -> bool:
    """Tell whether a text is in the JSON form: it begins with a brace."""
    return text.strip().startswith("{")


def read(text: str) -> Sequence[Item]:
    """Read a text in HCL or JSON. Raises: HclError."""
    return json_form.parse(text).items if is_json(text) else parser.parse(text).items
