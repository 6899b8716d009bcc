"""`vaultctl operator rotate-keys`: new key shares, with the former ones."""

from vaultctl.cli import rekeys
from vaultctl.cli.command import Run, command

_WORDS = rekeys.Words(
    command="rotate-keys",
    with_token=True,
    noun="rotation",
    status="rotate",
    cancelled="rotation",
    rotated="rotated",
    verified="Rotation verification successful. The rotation is complete and the new keys are now active.",
    process="rotation",
    heading="rotation",
)


def run(run: Run) -> None:
    """Make new shares. Raises: Misuse, VaultError."""
    rekeys.run(run, _WORDS)


COMMAND = command(
    "rotate-keys",
    run,
    usage="operator rotate-keys [options] [KEY]",
    short_help="Make new key shares",
    help="Makes new shares of the unseal key, or with -target=recovery of the recovery key; nobody notices meanwhile."
    " -init says how many; then each of those who hold enough shares runs the command with the nonce and their KEY (-"
    " reads it from stdin; without it, it is asked for). With -verify the new shares count only once enough of them"
    " were entered again, so that none can be lost on the way: until then the former ones do. A state that was made on"
    " first use has no shares: its seal's key counts as the one."
    "\n\n    $ vaultctl operator rotate-keys -init -n=5 -t=3 -verify",
    arity=(0, 1),
    flags=rekeys.flags(),
)
