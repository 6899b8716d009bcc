"""What a new state holds: the built-in mounts, a root token, and on first use a kv engine at `secret/`."""

from collections.abc import Callable

from vaultctl.core import mounts, tokens
from vaultctl.core.state import Transaction


def fill(transaction: Transaction, root_token: str, random: Callable[[int], bytes], now_s: int) -> None:
    """Write the first entries of a state; the root token is as that of OpenBao's `server -dev`."""
    for mount in [*mounts.built_in(random), mounts.first_kv(random)]:
        mounts.store(transaction, mount)
    tokens.make_salt(transaction, random)
    add_root_token(transaction, root_token, random, now_s)


def add_root_token(transaction: Transaction, root_token: str, random: Callable[[int], bytes], now_s: int) -> None:
    """Give a state a root token that never ends."""
    made_by = mounts.load_table(transaction).at("auth/token/")
    tokens.create(
        transaction,
        root_token,
        accessor=tokens.random_text(random, 24),
        policies=(tokens.ROOT_POLICY,),
        path="auth/token/create",
        display_name="token",
        creation_time_s=now_s,
        mount=made_by.uuid if made_by else "",
        below="create",
    )
