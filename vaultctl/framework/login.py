"""What an auth method says of whoever logs in: who that is, and the token to be given. The core makes it a token."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vaultctl.logical.errors import InvalidRequest, VaultError


class Login(NamedTuple):
    """What an auth method says of whoever proved to be somebody: the token to be given, before the mount's limits.

    `alias` is the name that whoever it is has in this mount: an entity hangs on it, and failures are counted by it.
    `alias_meta` is what the method says of that name. `token_type` is "" or "default" where the mount decides.
    """

    policies: Sequence[str] = ()
    display_name: str = ""
    meta: Mapping[str, str] | None = None
    ttl_s: float = 0
    max_ttl_s: float = 0
    explicit_max_ttl_s: float = 0
    period_s: float = 0
    num_uses: int = 0
    renewable: bool = True
    token_type: str = ""
    no_default_policy: bool = False
    bound_cidrs: Sequence[str] = ()
    entity_id: str = ""
    alias: str = ""
    alias_meta: Mapping[str, str] | None = None


class Refused(InvalidRequest):
    """A login that is refused for good: what the method stored stays. One that `counts` brings a lockout nearer."""

    def __init__(self, error: str, *, counts: bool = False) -> None:
        super().__init__(error)
        self.counts = counts


class LoginDenied(VaultError):
    """A login from where, or while, there may be none. Source: OpenBao 2.7, a bare "permission denied"."""

    status = 403

    def __init__(self) -> None:
        super().__init__("permission denied")


class Renewing(NamedTuple):
    """A token that a method gave, and that is to be renewed: what the method itself said of it."""

    policies: Sequence[str]
    meta: Mapping[str, str]
