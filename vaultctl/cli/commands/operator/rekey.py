"""`vaultctl operator rekey`: new key shares, where the server lets people make them without a token."""

from vaultctl.cli import rekeys
from vaultctl.cli.command import Run, command

_WORDS = rekeys.Words(
    command="rekey",
    with_token=False,
    noun="rekey",
    status="rekey",
    cancelled="rekeying",
    rotated="rekeyed",
    verified="Rekey verification successful. The rekey operation is complete and the new keys are now active.",
    process="rekey",
    heading="Rekey operation",
)


def run(run: Run) -> None:
    """Make new shares. Raises: Misuse, VaultError."""
    rekeys.run(run, _WORDS)


COMMAND = command(
    "rekey",
    run,
    usage="operator rekey [options] [KEY]",
    short_help="Make new key shares, without a token",
    help="Makes new key shares as 'operator rotate-keys' does, of a server that lets people do so without a token. By"
    " default none does: use 'operator rotate-keys'.",
    arity=(0, 1),
    flags=rekeys.flags(),
)
