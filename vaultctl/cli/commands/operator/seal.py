"""`vaultctl operator seal`: all keys are dropped."""

from vaultctl.cli.command import Run, command
from vaultctl.client import operator


def run(run: Run) -> None:
    """Seal the state."""
    run.env.connect(run.common, by_hand=True)
    operator.seal(run.client)
    run.env.out("Success! Vault is sealed.\n")


COMMAND = command(
    "seal",
    run,
    usage="operator seal [options]",
    short_help="Seal the state: all keys are dropped",
    help="Seals the state: every process, a running server too, drops its keys when it is next asked. Until 'operator"
    " unseal' nothing is answered but how the state is sealed.",
    doing="Error sealing",
)
