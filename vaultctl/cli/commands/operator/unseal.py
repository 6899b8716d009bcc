"""`vaultctl operator unseal`: a share of the key, until there are enough of them."""

import sys as system
from typing import Any

from vaultctl.cli import prompt, seal_status
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import switch
from vaultctl.client import operator, sys

_NOT_ASKED = """\
An error occurred attempting to ask for an unseal key. The raw error message
is shown below, but usually this is because you attempted to pipe a value
into the unseal command or you are executing outside of a terminal (tty). You
should run the unseal command from a terminal for maximum security. If this
is not an option, the unseal key can be provided as the first argument to the
unseal command. The raw error was:  {}"""


def run(run: Run) -> None:
    """Enter a share, or forget those that were entered; show how the state is sealed. Raises: Misuse, VaultError."""
    fmt = run.format()
    run.env.connect(run.common, by_hand=True)
    status = operator.reset_unseal(run.client) if run["reset"] else _enter(run)
    seal_status.show(run, fmt, seal_status.complete(run, status))


def _enter(run: Run) -> dict[str, Any]:
    if not run.args and _opens_without(run):
        return operator.unseal_as_owner(run.client)
    key = run.args[0] if run.args else _ask()
    return operator.unseal(run.client, key.strip(), migrate=run["migrate"])


def _opens_without(run: Run) -> bool:
    """Tell whether no share is needed: of the local state, where its seal opens by itself, or shares are named."""
    if run.env.is_remote or run.common.shows:
        return False
    if run.env.unseal_key:
        return True
    status = sys.seal_status(run.client)
    return bool(status["recovery_seal"]) or not status["sealed"]


def _ask() -> str:
    try:
        return prompt.ask_hidden("Unseal Key", system.stdout)
    except Failure as error:
        raise Misuse(_NOT_ASKED.format(error)) from None


COMMAND = command(
    "unseal",
    run,
    usage="operator unseal [options] [KEY]",
    short_help="Unseal the state, by a share of its key",
    help="Takes a share of the unseal key; where there are enough of them the state is unsealed. Without KEY it is"
    " asked for. A state whose seal opens by itself is unsealed by its owner without any; over HTTP that takes shares"
    " of the recovery key. What commands need of an unsealed state stays in $XDG_RUNTIME_DIR/vaultctl, which must be"
    " the owner's alone and in memory; where there is no such folder, VAULTCTL_UNSEAL_KEY names the shares for each"
    " command (file:PATH or fd:NUMBER, a share a line).",
    doing="Error unsealing",
    arity=(0, 1),
    arity_text="1",
    flags=(
        FORMAT,
        FIELD,
        switch("reset", "Forget the shares that were entered."),
        switch("migrate", "Of bao: a local state is migrated with operator seal-migrate.", hidden=True),
    ),
)
