"""`vaultctl lease renew`: a new end for a lease."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import DURATION, flag


def run(run: Run) -> None:
    """Renew a lease. Raises: Misuse, VaultError."""
    fmt = run.format()
    if not run.args:
        raise Misuse("Missing ID!")
    if len(run.args) > 1:
        raise Misuse(f"Too many arguments (expected 1-2, got {len(run.args)})")
    data = {"increment": max(int(run["increment"] or 0), 0), "lease_id": run.args[0].strip()}
    output.secret(run.env, fmt, run.client.call("PUT", "sys/leases/renew", data))


COMMAND = command(
    "renew",
    run,
    usage="lease renew [options] ID",
    short_help="Give a lease a new end",
    help="Lets what was leased be good for longer, as far as its limits allow.\n\n"
    "    $ vaultctl lease renew -increment=30m database/creds/readonly/2f6a614c",
    doing="Error renewing {}",
    arity=(0, None),
    completes=("lease",),
    flags=(FORMAT, flag("increment", "For how long from now on; the lease's limits may allow less.", DURATION)),
)
