"""Policies as text: what the command line does with them without asking anybody."""

import time

from vaultctl.core.policies import layout, rules
from vaultctl.logical.hcl.tree import HclError


class BadLayout(Exception):
    """A policy that is good, but cannot be laid out."""


def lay_out(text: str) -> str:
    """Give a policy's text in its canonical layout. Raises: VaultError for one that is no policy, BadLayout."""
    rules.parse(text, time.time())
    try:
        return layout.lay_out(text)
    except HclError as error:
        raise BadLayout(str(error)) from None
