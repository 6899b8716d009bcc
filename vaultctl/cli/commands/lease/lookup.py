"""`vaultctl lease lookup`: what is known of a lease."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse


def run(run: Run) -> None:
    """Look a lease up. Raises: Misuse, VaultError."""
    fmt = run.format()
    if not run.args:
        raise Misuse("Missing ID!")
    if len(run.args) > 1:
        raise Misuse(f"Too many arguments (expected 1, got {len(run.args)})")
    answer = run.client.call("PUT", "sys/leases/lookup", {"lease_id": run.args[0].strip()})
    output.secret(run.env, fmt, answer)


COMMAND = command(
    "lookup",
    run,
    usage="lease lookup [options] ID",
    short_help="Show what is known of a lease",
    help="Shows when what was leased was given out, and until when it is good. Where it could not be taken back, it"
    " says why.\n\n    $ vaultctl lease lookup ssh/creds/otp/UZVjXGuOMsKZkuL5u7bDEDFn",
    doing="error looking up lease id {}",
    arity=(0, None),
    completes=("lease",),
    flags=(FORMAT,),
)
