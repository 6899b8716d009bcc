"""`vaultctl operator key-status`: which key encrypts."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.client import rotation


def run(run: Run) -> None:
    """Show the term of the keyring that encrypts. Raises: VaultError."""
    fmt = run.format()
    show(run, fmt, rotation.key_status(run.client))


def show(run: Run, fmt: str, status: dict[str, Any]) -> None:
    """Print which key encrypts."""
    if fmt != "table":
        output.emit(run.env, fmt, status)
        return
    rows = [("Key Term", "term"), ("Install Time", "install_time"), ("Encryption Count", "encryptions")]
    output.pairs(run.env, [(title, status.get(name)) for title, name in rows])


COMMAND = command(
    "key-status",
    run,
    usage="operator key-status [options]",
    short_help="Show which key encrypts",
    help="Shows the term of the keyring that encrypts, since when it does, and how often it did.",
    doing="Error reading key status",
    flags=(FORMAT,),
)
