"""`vaultctl token revoke`: the end of a token and of all that descend from it."""

from vaultctl.cli.command import Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag, switch


def run(run: Run) -> None:
    """Revoke a token, or those that were made at a path. Raises: Misuse, VaultError."""
    given = [word.strip() for word in run.args]
    mode = run["mode"] or ""
    _check(run, given, mode)
    if run["self"]:
        run.client.call("PUT", "auth/token/revoke-self")
    elif run["accessor"]:
        run.client.call("POST", "auth/token/revoke-accessor", {"accessor": given[0]})
    elif mode == "orphan":
        run.client.call("PUT", "auth/token/revoke-orphan", {"token": given[0]})
    elif mode == "path":
        run.client.call("PUT", f"sys/leases/revoke-prefix/{given[0]}")
    else:
        run.client.call("PUT", "auth/token/revoke", {"token": given[0]})
    run.env.out("Success! Revoked token (if it existed)\n")


def _check(run: Run, given: list[str], mode: str) -> None:
    """Refuse what does not go together, in bao's order. Raises: Misuse."""
    itself, by_accessor = run["self"], run["accessor"]
    if mode not in ("", "orphan", "path"):
        raise Misuse(f"Invalid mode: {mode}")
    if itself and given:
        raise Misuse(f"Too many arguments with -self (expected 0, got {len(given)})")
    if not itself and len(given) != 1:
        many = "Too many" if given else "Not enough"
        raise Misuse(f"{many} arguments (expected 1 or -self, got {len(given)})")
    if itself and by_accessor:
        raise Misuse("Cannot use -self with -accessor!")
    if itself and mode:
        raise Misuse("Cannot use -self with -mode!")
    if by_accessor and mode:
        raise Misuse(f"Cannot use -accessor with -mode={mode}!")


COMMAND = command(
    "revoke",
    run,
    usage="token revoke [options] [TOKEN | ACCESSOR]",
    short_help="Revoke a token and all that descend from it",
    help="Revokes TOKEN, and with it all tokens that were made with it.\n\n"
    "    $ vaultctl token revoke -accessor 9793c9b3",
    doing="Error revoking token",
    arity=(0, None),
    flags=(
        switch("accessor", "The argument is an accessor."),
        switch("self", "Revoke the token in use."),
        flag("mode", "orphan: its children live on. path: all tokens that were made at a path.", metavar="MODE"),
    ),
    loses=True,
)
