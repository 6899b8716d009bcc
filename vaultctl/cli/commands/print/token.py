"""`vaultctl print token`: the token in use."""

from vaultctl.cli.command import Run, command


def run(run: Run) -> None:
    """Print the token and a newline; an empty line where there is none."""
    run.format(from_environment=False, raw=True)
    run.env.out(run.env.connect(run.common).token + "\n")


COMMAND = command(
    "token",
    run,
    usage="print token",
    short_help="Print the token in use",
    help="Prints the token that commands use: VAULT_TOKEN if it is set, else the state's own.",
    arity=(0, None),
    arity_text="0",
)
