"""`vaultctl wrapping verify`: whether a wrapping token is what it should be, before it is used."""

from vaultctl.cli import output, wrapping_checks, wrapping_flags, wrapping_tokens
from vaultctl.cli.command import FORMAT, Run, command


def run(run: Run) -> None:
    """Check a wrapping token, which stays as it is. Raises: Misuse, CheckFailed, VaultError."""
    fmt, want = run.format(), wrapping_checks.wanted(run)
    token = wrapping_tokens.named(run)
    run.env.hints_at_token = False
    found = wrapping_checks.asked(run, token, want)
    wrong = wrapping_checks.problem(found, want)
    told = {name: found.told[name] for name in _ORDER if name in found.told}
    if fmt == "table":
        output.table(run.env, ["Key", "Value"], [[name, *_cells(name, told[name])] for name in told])
    else:
        output.emit(run.env, fmt, {**told, "good": wrong is None})
    if wrong:
        raise wrong
    for doubt in wrapping_checks.doubts(found, want):
        run.env.err(f"warning: {doubt}")


def _cells(name: str, value: object) -> list[str]:
    return [row[1] for row in output.data_rows({name: value})]


_ORDER = (
    "state",
    "creation_path",
    "creation_time",
    "creation_ttl",
    "expiry_time",
    "used_time",
    "revoked_time",
    "rewrapped",
    "namespace",
    "matches",
)

COMMAND = command(
    "verify",
    run,
    usage="wrapping verify [options] [TOKEN]",
    short_help="Check a wrapping token before it is used",
    help="Checks that a wrapping token is good, that it was made where -expect-path says, and that nobody wrapped anew"
    f" what it stands for; the token stays as it is. {wrapping_tokens.SOURCES} line; without TOKEN it is the token in"
    " use. Where it is not good, the exit code says why. OpenBao and Vault do not tell used, expired and never here"
    " apart, nor whether anybody wrapped anew.\n\n"
    "    $ vaultctl wrapping verify -expect-path=auth/approle/role/ci/secret-id -",
    doing="Error verifying",
    arity=(0, 1),
    wraps="look",
    exit_codes=wrapping_flags.EXIT_CODES,
    flags=(
        FORMAT,
        wrapping_flags.EXPECT_PATH,
        wrapping_flags.ISSUED_BEFORE,
        wrapping_flags.ALLOW_REWRAPPED,
    ),
)
