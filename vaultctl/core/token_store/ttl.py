"""How long a token may live: what was asked for, within what its mount and its own limits allow. Seconds throughout.

Source: OpenBao 2.7, recorded: the order of what counts, and the warnings.
"""

from typing import NamedTuple

from vaultctl.logical.durations import humanise
from vaultctl.logical.errors import VaultError, one_error


class Limits(NamedTuple):
    """What bounds a life: the mount's default and maximum, and those of the token; 0 is none.

    A `period_s` is given anew at each renewal, and only an explicit maximum ends it.
    """

    default_s: float
    mount_max_s: float
    period_s: float = 0
    max_s: float = 0
    explicit_max_s: float = 0

    @property
    def longest_s(self) -> float:
        """The smallest of all maxima."""
        return min(limit for limit in (self.mount_max_s, self.max_s, self.explicit_max_s) if limit > 0)


def life(wanted_s: float, limits: Limits, *, since_s: float, now_s: float) -> tuple[float, list[str]]:
    """Give the seconds from now on, and what to warn of. Raises: VaultError past the maximum."""
    since_s, now_s = int(since_s), int(now_s)
    longest_s, warnings = limits.longest_s, []
    if limits.period_s > 0:
        ttl_s, end_s = limits.period_s, since_s + limits.explicit_max_s if limits.explicit_max_s > 0 else None
        if ttl_s > longest_s:
            warnings.append(_capped("period", ttl_s, longest_s))
            ttl_s = longest_s
    else:
        ttl_s, end_s = wanted_s if wanted_s > 0 else limits.default_s, since_s + longest_s
    if end_s is None:
        return ttl_s, warnings
    left_s = end_s - now_s
    if left_s <= 0:
        raise VaultError(one_error("past the max TTL, cannot renew"))
    if ttl_s > left_s:
        warnings.append(_capped("TTL", ttl_s, left_s))
        ttl_s = left_s
    return ttl_s, warnings


def _capped(what: str, asked_s: float, longest_s: float) -> str:
    asked, longest = humanise(int(asked_s)), humanise(int(longest_s))
    return f'{what} of "{asked}" exceeded the effective max_ttl of "{longest}"; {what} value is capped accordingly'
