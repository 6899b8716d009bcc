"""`vaultctl operator seal-migrate`: the state under another type of seal."""

import sys as system
from collections.abc import Sequence
from typing import Any

from vaultctl.cli import output, prompt, rewraps
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import INT, flag
from vaultctl.cli.pgp_keys import PGP_KEYS
from vaultctl.logical.json_text import base64_text

_SHARES, _THRESHOLD = 5, 3
_OF_NEW_SHARES = ("key_shares", "key_threshold", "pgp_keys")
_SHOWN = """\

The state goes over to these {shares} key shares with a key threshold of {threshold} as soon as they are
shown. Should this command not come to its end, run it again: as long as the
state has the seal that it had, the same shares are shown.

"""
_NOT_ASKED = (
    "the shares of {threshold} holders are needed, and there is no terminal to ask for them on: say - to read them from"
    " stdin, a share a line, or name a file that has them with VAULTCTL_UNSEAL_KEY"
)


def run(run: Run) -> None:
    """Migrate, and follow the rewrap that this begins. Raises: Misuse, VaultError."""
    fmt, kind = run.format(), run["to"]
    if not kind:
        raise Misuse("say with -to which seal it shall be: static, shamir, pkcs11 or transit")
    migration = run.maintenance().seal_migration(kind, key_label=run["key_label"] or "", generates=run["generate"])
    quorum = migration.quorum()
    _check_flags(run, makes_shares=quorum is None and kind == "shamir")
    shares: Sequence[bytes] = ()
    if quorum is None and kind == "shamir":
        numbers = run["key_shares"] or _SHARES, run["key_threshold"] or _THRESHOLD
        made = migration.prepare(*numbers, run["pgp_keys"] or [])
        _show(run, fmt, made.shares, made.threshold)
    elif quorum and (kind == "shamir" or not quorum.is_recovery):
        shares = migration.named_shares() or migration.read(_ask(run, quorum))
    migrated = migration.finish(shares)
    if fmt == "table":
        _say(run, migrated, quorum)
    elif not (quorum is None and kind == "shamir"):
        _show(run, fmt, (), quorum.threshold if quorum else 0)
    _follow(run, migrated)


def _check_flags(run: Run, *, makes_shares: bool) -> None:
    """Refuse what is said of new shares where none are made. Raises: Misuse."""
    given = [f"-{name.replace('_', '-')}" for name in _OF_NEW_SHARES if run[name]]
    if given and not makes_shares:
        raise Misuse(f"{', '.join(given)}: no new shares are made here; vaultctl operator rotate-keys makes new ones")


def _show(run: Run, fmt: str, shares: Sequence[bytes], threshold: int) -> None:
    """Show new shares, before they count."""
    texts = [base64_text(share) for share in shares]
    if fmt == "table":
        lines = "".join(f"Unseal Key {number}: {text}\n" for number, text in enumerate(texts, 1))
        run.env.out(lines + _SHOWN.format(shares=len(texts), threshold=threshold))
        return
    hexes = [share.hex() for share in shares]
    output.emit(
        run.env,
        fmt,
        {"seal": run["to"], "unseal_keys_b64": texts, "unseal_keys_hex": hexes, "threshold": threshold},
    )


def _ask(run: Run, quorum: Any) -> list[str]:
    """Take shares from stdin, or ask for them one by one. Raises: Misuse."""
    if run.args:
        if run.args != ("-",):
            raise Misuse("shares are never taken from the command line: say - to read them from stdin")
        return system.stdin.read().split()
    what = "Recovery Key" if quorum.is_recovery else "Unseal Key"
    try:
        return [
            prompt.ask_hidden(f"{what} {number} of {quorum.threshold}", system.stderr).strip()
            for number in range(1, quorum.threshold + 1)
        ]
    except Failure:
        raise Misuse(_NOT_ASKED.format(threshold=quorum.threshold)) from None


def _say(run: Run, migrated: Any, quorum: Any) -> None:
    run.env.out(f"Success! The state is sealed by {migrated.new} now; it was by {migrated.old}\n")
    if migrated.new != "shamir":
        run.env.out(f"Its key is {migrated.key_id}, from {migrated.source}\n")
    if quorum and migrated.new == "shamir":
        run.env.out(f"The recovery keys are unseal keys from now on: {quorum.threshold} of {quorum.shares} unseal\n")
    elif quorum and not quorum.is_recovery:
        run.env.out("The unseal keys are recovery keys from now on: the state opens by itself\n")


def _follow(run: Run, migrated: Any) -> None:
    """Follow the rewrap to its end, where this command can open the state. Raises: Failure, VaultError."""
    if not migrated.is_open:
        run.env.err("vaultctl: unseal the state, and then run: vaultctl sealwrap rewrap")
        return
    if run["detach"]:
        return
    info = rewraps.follow_as_owner(run)
    rewraps.say_end(run, "table" if run.format() == "table" else "", info)
    rewraps.settle(run)


COMMAND = command(
    "seal-migrate",
    run,
    usage="operator seal-migrate [options] -to=TYPE [-]",
    short_help="Put the state under another type of seal",
    help="Puts the state under another type of seal, and begins a rewrap, which is followed to its end; both seals are"
    " needed until then. From shamir to a seal that opens by itself the unseal keys become recovery keys, and the other"
    " way round: enough of their holders enter them, one after the other, or they come from stdin with -, or from the"
    " file or descriptor that VAULTCTL_UNSEAL_KEY names. A state that has neither, as after a first use, gets new"
    " unseal keys, which are shown before they count. How a pkcs11 or transit seal is reached is said by the"
    " environment or the config file. A migration is refused while a rewrap runs; one that was cut short is run again.",
    doing="Error migrating the seal",
    wraps="never",
    arity=(0, 1),
    arity_text="1",
    flags=(
        FORMAT,
        flag("to", "The type of seal: static, shamir, pkcs11 or transit.", metavar="TYPE"),
        rewraps.DETACH,
        rewraps.TIMEOUT,
        rewraps.REMOVE_OLD_KEY,
        rewraps.KEY_LABEL,
        rewraps.GENERATE,
        flag("key-shares", "Into how many shares a new unseal key is split; 5.", INT, default=0, metavar="NUMBER"),
        flag("key-threshold", "How many of them unseal; 3.", INT, default=0, metavar="NUMBER"),
        flag("pgp-keys", "Files with PGP keys, commas between: each encrypts a share.", PGP_KEYS, metavar="FILES"),
    ),
)
