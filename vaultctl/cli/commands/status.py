"""`vaultctl status`: how the state is sealed."""

from vaultctl.cli import seal_status
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Failure
from vaultctl.client import sys
from vaultctl.logical.errors import VaultError


def run(run: Run) -> None:
    """Show the status; exit code 2 when the state is sealed. Raises: Failure, VaultError.

    A remote that cannot be asked is exit code 1. Source: OpenBao 2.7.
    """
    fmt = run.format()
    client = run.client
    try:
        answer = sys.seal_status_answer(client)
        status = seal_status.complete(run, answer.raw or {})
    except VaultError as error:
        if run.env.is_remote:
            error.exit_code = 1
        raise
    seal_status.show(run, fmt, status)
    for warning in answer.warnings:
        run.env.err(f"vaultctl: {warning}")
    if status["sealed"]:
        raise Failure("")


COMMAND = command(
    "status",
    run,
    usage="status [options]",
    short_help="Show how the state is sealed",
    help="Shows how the state is sealed, and which state it is. Exit code 2 means that it is sealed.",
    doing="Error checking seal status",
    flags=(FORMAT, FIELD),
)
