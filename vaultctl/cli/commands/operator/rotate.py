"""`vaultctl operator rotate`: another key that encrypts."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.commands.operator import key_status
from vaultctl.client import rotation


def run(run: Run) -> None:
    """Replace the key that encrypts, and show the new one. Raises: VaultError."""
    fmt = run.format()
    rotation.rotate(run.client)
    run.env.doing = "Error reading key status"
    status = rotation.key_status(run.client)
    if fmt == "table":
        run.env.out("Success! Rotated key\n\n")
    key_status.show(run, fmt, status)


COMMAND = command(
    "rotate",
    run,
    usage="operator rotate [options]",
    short_help="Replace the key that encrypts",
    help="Replaces the key that encrypts: a new term of the keyring encrypts from now on, and older ones decrypt what"
    " they encrypted. Nobody notices, and nothing is encrypted again. By itself it happens as sys/rotate/config says:"
    "\n\n    $ vaultctl write sys/rotate/config interval=720h",
    doing="Error rotating key",
    flags=(FORMAT,),
)
