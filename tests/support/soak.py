"""VAULTCTL_SOAK=1 makes the long tests longer."""

import os

SOAK = os.environ.get("VAULTCTL_SOAK", "") == "1"


def times(few: int, many: int) -> int:
    """Give how often to do it: a few times in the normal suite, many times in a soak."""
    return many if SOAK else few
