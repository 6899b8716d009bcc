"""What the kv commands share: finding the mount, and the heading over a secret of version 2."""

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.go_flags import flag
from vaultctl.client import kv
from vaultctl.client.client import Client

MOUNT = flag("mount", "The path of the mount; KEY is then the path below it.", metavar="PATH", completes="mount")


def place_of(run: Run, client: Client) -> kv.Place:
    """Find the secret that a command names. A refusal here has no other heading. Raises: VaultError."""
    place = kv.locate(client, run.args[0], run["mount"] or "")
    run.env.doing = ""
    return place


def secret_heading(run: Run, path: str) -> None:
    """Print the block that names the secret's path."""
    run.env.out(f"{output.centred('Secret Path', len(path.encode()))}\n{path}\n\n")
