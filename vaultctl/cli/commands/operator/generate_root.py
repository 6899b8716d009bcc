"""`vaultctl operator generate-root`: a root token, with the key shares of several people."""

import secrets
import sys
from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output, shares
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag, switch
from vaultctl.cli.pgp_keys import PGP_KEYS
from vaultctl.client import rotation
from vaultctl.logical import one_time
from vaultctl.logical.errors import NotOffered

_NOTHING_BEGUN = """\
No root generation is in progress. Start a root generation by running "vaultctl
operator generate-root -init".
If starting root generation using the OTP method and generating your own OTP,
the length of the OTP string needs to be {} characters in length.
"""
_MADE = """\
A One-Time-Password has been generated for you and is shown in the OTP field.
You will need this value to decode the resulting root token, so keep it safe."""
_CANCELED = "Success! Root token generation canceled (if it was started)\n"


def run(run: Run) -> None:
    """Begin an attempt, enter a share, or look how it stands. Raises: Misuse, VaultError."""
    fmt = run.format()
    if run["recovery_token"]:
        raise NotOffered("recovery tokens are for servers in recovery mode, which vaultctl does not know")
    if run["generate_otp"]:
        _make_otp(run, fmt)
    elif run["decode"]:
        _decode(run, fmt)
    elif run["cancel"]:
        run.env.doing = "Error canceling root token generation"
        rotation.cancel_root(run.client)
        run.env.out(_CANCELED)
    elif run["init"]:
        _begin(run, fmt)
    elif run["status"]:
        run.env.doing = "Error getting root generation status"
        _show(run, fmt, rotation.root_attempt(run.client))
    else:
        _enter(run, fmt)


def _make_otp(run: Run, fmt: str) -> None:
    """Print a password that is as long as the token that will be made."""
    run.env.doing = "Error getting root generation status"
    length = rotation.root_attempt(run.client)["otp_length"]
    otp = "".join(secrets.choice(one_time.ALPHABET) for _ in range(length))
    if fmt == "table":
        run.env.out(otp + ("\n" if run.env.is_terminal else ""))
    else:
        output.emit(run.env, fmt, {"otp": otp, "otp_length": length})


def _decode(run: Run, fmt: str) -> None:
    """Print the token from under its password. Nothing is asked of anybody. Raises: Misuse."""
    if not run["otp"]:
        raise Misuse("Missing otp: use -otp to supply it")
    encoded = sys.stdin.readline().strip() if run["decode"] == "-" else run["decode"]
    try:
        token = one_time.decode(encoded, run["otp"])
    except ValueError as error:
        raise Misuse(f"Error decoding root token: {error}") from None
    if fmt == "table":
        run.env.out(token + ("\n" if run.env.is_terminal else ""))
    else:
        output.emit(run.env, fmt, {"token": token})


def _begin(run: Run, fmt: str) -> None:
    keys, otp = run["pgp_key"] or [], run["otp"] or ""
    if keys and otp:
        raise Misuse("Error initializing: cannot specify both -otp and -pgp-key")
    run.env.doing = "Error initializing root generation"
    status = rotation.begin_root(run.client, otp, keys[0] if keys else "")
    if status["otp"] and fmt == "table":
        run.env.err(_MADE)
    _show(run, fmt, status)


def _enter(run: Run, fmt: str) -> None:
    run.env.doing = "Error getting root generation status"
    status = rotation.root_attempt(run.client)
    if not status["started"]:
        raise Misuse(_NOTHING_BEGUN.format(status["otp_length"]).rstrip("\n"))
    share, nonce = shares.given(run, status["nonce"], "Operation nonce")
    run.env.doing = "Error posting unseal key"
    _show(run, fmt, rotation.enter_for_root(run.client, share, nonce))


def _show(run: Run, fmt: str, status: Mapping[str, Any]) -> None:
    """Print how an attempt stands; what it does not have is left out."""
    if fmt != "table":
        output.emit(run.env, fmt, status)
        return
    rows = {
        "Nonce": status["nonce"],
        "Started": status["started"],
        "Progress": f"{status['progress']}/{status['required']}",
        "Complete": status["complete"],
    }
    named = {
        "PGP Fingerprint": status["pgp_fingerprint"],
        "Encoded Token": status["encoded_token"],
        "OTP": status["otp"],
        "OTP Length": status["otp_length"],
    }
    output.pairs(run.env, [*rows.items(), *((name, value) for name, value in named.items() if value)])


COMMAND = command(
    "generate-root",
    run,
    usage="operator generate-root [options] [KEY]",
    short_help="Make a root token, with the key shares of several people",
    help="Makes a root token. -init begins an attempt, and prints a one-time password that the token will be under;"
    " then each of those who hold enough shares runs the command with the nonce and their KEY (- reads it from stdin;"
    " without it, it is asked for). The last one gets the encoded token, and -decode with the password shows it. A"
    " state that was made on first use has no shares: its seal's key counts as the one."
    "\n\n    $ vaultctl operator generate-root -decode=ENCODED -otp=PASSWORD",
    arity=(0, 1),
    flags=(
        FORMAT,
        switch("init", "Begin an attempt."),
        switch("cancel", "End the attempt."),
        switch("status", "Show how the attempt stands."),
        shares.NONCE,
        flag("otp", "The one-time password: for -init one of your own, for -decode the one it was.", metavar="TEXT"),
        switch("generate-otp", "Print a one-time password of the right length."),
        flag("pgp-key", "A file with a PGP key, which the token is encrypted for.", PGP_KEYS, metavar="FILE"),
        flag("decode", "Show an encoded token; - reads it from stdin.", metavar="TEXT"),
        switch("recovery-token", "Make a recovery token instead: not here.", hidden=True),
    ),
)
