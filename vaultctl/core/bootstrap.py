"""What a new state holds: the built-in mounts, a root token, and on first use a kv engine at `secret/`."""

from collections.abc import Callable

from vaultctl.core import mounts, tokens
from vaultctl.core.views import Transaction


def fill(transaction: Transaction, root_token: str, random: Callable[[int], bytes], now_s: int) -> None:
    """Write the first entries of a state; the root token is as that of OpenBao's `server -dev`."""
    mounts.store(transaction, mounts.first_kv(random))
    _fill(transaction, random)
    add_root_token(transaction, root_token, now_s)


def fill_by_hand(transaction: Transaction, root_token: str, random: Callable[[int], bytes], now_s: int) -> None:
    """Write the first entries of a state as `operator init` makes it: no kv engine. Source: OpenBao 2.7."""
    _fill(transaction, random)
    add_root_token(transaction, root_token, now_s, path=tokens.FIRST_PATH, display_name="root")


def _fill(transaction: Transaction, random: Callable[[int], bytes]) -> None:
    for mount in mounts.built_in(random):
        mounts.store(transaction, mount)
    tokens.make_salt(transaction, random)


def add_root_token(
    transaction: Transaction,
    root_token: str,
    now_s: int,
    *,
    path: str = "auth/token/create",
    display_name: str = "token",
) -> None:
    """Give a state a root token that never ends."""
    made_by = mounts.load_table(transaction).at("auth/token/")
    tokens.create(
        transaction,
        root_token,
        policies=(tokens.ROOT_POLICY,),
        path=path,
        display_name=display_name,
        creation_time_s=now_s,
        mount=made_by.uuid if made_by else "",
        below="create",
    )
