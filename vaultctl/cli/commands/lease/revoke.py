"""`vaultctl lease revoke`: what was leased, taken back."""

from vaultctl.cli import waiting
from vaultctl.cli.command import Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import switch
from vaultctl.client import leases

_OUT_OF_SYNC = "Warning! Force-removing leases can cause OpenBao to become out of sync with\nsecret engines!"
"""Source: OpenBao 2.7, as it stands there."""


def run(run: Run) -> None:
    """Revoke a lease, or all below a path. Raises: Misuse, VaultError."""
    force, prefix, sync = run["force"] or run["f"], run["prefix"], run["sync"]
    lease_id = run.args[0].strip()
    if force and not prefix:
        raise Misuse("Specifying -force requires also specifying -prefix")
    if force:
        run.env.err(_OUT_OF_SYNC)
        run.env.doing = f"Error force revoking leases with prefix {lease_id}"
    else:
        run.env.doing = f"Error revoking {'leases with prefix' if prefix else 'lease'} {lease_id}"
    how = "force" if force else "prefix" if prefix else ""
    waiting.to_the_end(run, f"revoking {lease_id}", lambda: leases.revoke(run.client, lease_id, how, sync=sync))
    run.env.out(_done(lease_id, force=force, prefix=prefix, sync=sync))


def _done(lease_id: str, *, force: bool, prefix: bool, sync: bool) -> str:
    if force:
        return f"Success! Force revoked any leases with prefix: {lease_id}\n"
    if not sync:
        return "All revocation operations queued successfully!\n"
    return f"Success! Revoked {'any leases with prefix' if prefix else 'lease'}: {lease_id}\n"


COMMAND = command(
    "revoke",
    run,
    usage="lease revoke [options] ID",
    short_help="Revoke a lease, or all below a path",
    help="Takes back what was leased. Without -sync, what cannot be taken back is tried again by itself, later and"
    " later; with it, it is an error, and nobody tries again. -force drops leases whose secrets cannot be taken back"
    " any more, because they are gone already for example.\n\n    $ vaultctl lease revoke -prefix ssh/creds/otp",
    arity=(1, 1),
    completes=("lease",),
    flags=(
        switch("force", "Drop the leases, even if their secrets cannot be taken back. Only with -prefix."),
        switch("f", "Another name for -force.", hidden=True),
        switch("prefix", "ID is the beginning of the path of leases: all of them are revoked."),
        switch("sync", "Wait for the end, and fail if something could not be revoked."),
    ),
    loses=True,
)
