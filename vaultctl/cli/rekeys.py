"""What `operator rotate-keys` and `operator rekey` do: new key shares, with the former ones. Source: OpenBao 2.7.

The two differ in their words, and in the API that they ask.
"""

import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.cli import output, shares
from vaultctl.cli.command import FORMAT, Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import INT, Flag, flag, switch
from vaultctl.cli.pgp_keys import PGP_KEYS
from vaultctl.client.rotation import Rekeying

_WIDTH = 78


class Words(NamedTuple):
    """How one of the two commands speaks."""

    command: str
    with_token: bool
    noun: str
    status: str
    cancelled: str
    rotated: str
    verified: str
    process: str
    heading: str


def run(run: Run, words: Words) -> None:
    """Begin an attempt, enter a share, or look how it stands. Raises: Misuse, VaultError."""
    fmt = run.format()
    target = run["target"]
    if target not in ("barrier", "recovery"):
        raise Misuse(f"Unknown target: {target}")
    rekeying = Rekeying(run.client, target, with_token=words.with_token)
    if run["backup_delete"]:
        _delete_backup(run, words, rekeying)
    elif run["backup_retrieve"]:
        run.env.doing = f"Error retrieving {words.noun} backed up keys"
        output.secret(run.env, fmt, rekeying.backup()._replace(request_id="", lease=None))
    elif run["cancel"]:
        _cancel(run, words, rekeying)
    elif run["init"]:
        _begin(run, words, rekeying, fmt)
    elif run["status"]:
        _status(run, words, rekeying, fmt)
    elif run["verify"]:
        _verify(run, words, rekeying, fmt)
    else:
        _enter(run, words, rekeying, fmt)


def _delete_backup(run: Run, words: Words, rekeying: Rekeying) -> None:
    run.env.doing = f"Error deleting {words.noun} backed up keys"
    rekeying.delete_backup()
    run.env.out("Success! Deleted backed up keys (if they existed)\n")


def _cancel(run: Run, words: Words, rekeying: Rekeying) -> None:
    run.env.doing = f"Error canceling {words.noun}"
    if run["verify"]:
        rekeying.verify_anew()
    else:
        rekeying.cancel()
    run.env.out(f"Success! Canceled {words.cancelled} (if it was started)\n")


def _begin(run: Run, words: Words, rekeying: Rekeying, fmt: str) -> None:
    run.env.doing = f"Error initializing {words.noun}"
    keys = run["pgp_keys"] or []
    status = rekeying.begin(
        {
            "secret_shares": run["n"] if "n" in run.given else run["key_shares"],
            "secret_threshold": run["t"] if "t" in run.given else run["key_threshold"],
            "pgp_keys": keys or None,
            "backup": run["backup"],
            "require_verification": run["verify"],
        }
    )
    if fmt == "table":
        _warn_of_loss(run, status, has_keys=bool(keys))
    _show(run, fmt, status)


def _warn_of_loss(run: Run, status: Mapping[str, Any], *, has_keys: bool) -> None:
    """Say before anything is made how it could be lost."""
    whose = "recovery" if run["target"] == "recovery" else "unseal"
    if not status["n"] and not status["t"]:
        run.env.out("\nRotating barrier root key using recovery shares.\n\n")
    elif not has_keys:
        run.env.err(_wrapped(_NO_RECOVERY.format(whose=whose)))
        run.env.out("\n")
    elif not run["backup"]:
        run.env.err(_wrapped(_NO_BACKUP.format(whose=whose)))
        run.env.out("\n")


def _status(run: Run, words: Words, rekeying: Rekeying, fmt: str) -> None:
    run.env.doing = f"Error reading {words.status} status"
    if run["verify"]:
        _show_verification(run, fmt, rekeying.verification())
    else:
        _show(run, fmt, rekeying.status())


def _enter(run: Run, words: Words, rekeying: Rekeying, fmt: str) -> None:
    run.env.doing = f"Error getting {words.noun} status"
    status = rekeying.status()
    if not status["started"]:
        raise Misuse(
            _wrapped(
                f"No {words.noun} is in progress. Start a {words.process} process by running"
                f' "bao operator {words.command} -init".'
            )
        )
    share, nonce = shares.given(run, status["nonce"], f"{words.heading} nonce")
    run.env.doing = "Error posting unseal key"
    if not run.common.shows:
        run.env.check_stdout()
    result = rekeying.enter(share, nonce)
    if not result.get("complete"):
        _show(run, fmt, result)
        return
    try:
        if fmt == "table":
            _show_keys(run, words, result, status)
        else:
            output.emit(run.env, fmt, result)
    except (BrokenPipeError, Failure):
        run.env.err(_not_shown(words, result))
        raise
    if fmt == "table" and result["verification_required"]:
        run.env.doing = f"Error getting {words.noun} status"
        _show_verification(run, fmt, rekeying.verification())


def _verify(run: Run, words: Words, rekeying: Rekeying, fmt: str) -> None:
    run.env.doing = f"Error getting {words.noun} status"
    status = rekeying.verification()
    if not status["started"]:
        raise Misuse(f"No {words.noun} verification is in progress: the shares of the attempt come first")
    share, nonce = shares.given(run, status["nonce"], "Verification nonce")
    run.env.doing = "Error posting unseal key"
    result = rekeying.verify(share, nonce)
    if result.get("complete"):
        run.env.out(_wrapped(words.verified) + "\n")
    else:
        _show_verification(run, fmt, result)


def _show(run: Run, fmt: str, status: Mapping[str, Any]) -> None:
    """Print how an attempt stands."""
    if fmt != "table":
        output.emit(run.env, fmt, status)
        return
    rows = {"Nonce": status["nonce"], "Started": status["started"]}
    if status["started"]:
        rows["Progress"] = f"{status['progress']}/{status['required']}"
        if status["n"] or status["t"]:
            rows |= {"New Shares": status["n"], "New Threshold": status["t"]}
        rows["Verification Required"] = status["verification_required"]
        if status["verification_nonce"]:
            rows["Verification Nonce"] = status["verification_nonce"]
    if status["pgp_fingerprints"]:
        rows |= {"PGP Fingerprints": status["pgp_fingerprints"], "Backup": status["backup"]}
    _table(run, rows)


def _show_verification(run: Run, fmt: str, status: Mapping[str, Any]) -> None:
    if fmt != "table":
        output.emit(run.env, fmt, status)
        return
    rows = {
        "Started": status["started"],
        "New Shares": status["n"],
        "New Threshold": status["t"],
        "Verification Nonce": status["nonce"],
        "Verification Progress": f"{status['progress']}/{status['t']}",
    }
    _table(run, rows)


def _table(run: Run, rows: Mapping[str, Any]) -> None:
    output.table(run.env, ["Key", "Value"], [[name, output.go_text(value)] for name, value in rows.items()])


def _show_keys(run: Run, words: Words, result: Mapping[str, Any], status: Mapping[str, Any]) -> None:
    """Print the new shares; nobody can show them again."""
    out = run.env.out
    out("\n" + "".join(line + "\n" for line in _key_lines(result)))
    if not result["keys_base64"]:
        out("\nBarrier root key rotated using recovery keys.\n")
        return
    out(f"\nOperation nonce: {result['nonce']}\n\n")
    if result["pgp_fingerprints"] and result["backup"]:
        out(_wrapped(_BACKED_UP.format(whose=_whose(run), command=words.command)) + "\n\n")
    numbers = {"n": status["n"], "t": status["t"], "whose": _whose(run)}
    if result["verification_required"]:
        out(_wrapped(_NOT_YET.format(**numbers) + _must_supply(run, numbers, "When  OpenBao")) + "\n\n\n\n")
        run.env.err(_again(run, words))
        return
    made = f"OpenBao {{whose}} keys {words.rotated} to {{n}} key shares and a key threshold of {{t}}. {_DISTRIBUTE}"
    out(_wrapped(made.format(**numbers) + _must_supply(run, numbers, "When OpenBao")) + "\n")


def _not_shown(words: Words, result: Mapping[str, Any]) -> str:
    """Say how to go on where stdout did not take the new shares; those that count by now are shown after all."""
    if result["verification_required"]:
        return _NOT_SHOWN + f"the former ones count: run 'vaultctl operator {words.command} -cancel', and begin again"
    if not result["keys_base64"]:
        return "stdout did not take it: the root key was rotated"
    return "\n".join([_NOT_SHOWN + "they count from now on, and these are they:", *_key_lines(result)])


def _key_lines(result: Mapping[str, Any]) -> list[str]:
    names = result["pgp_fingerprints"]
    if names:
        pairs = zip(names, result["keys_base64"], strict=True)
        return [f"Key {number} fingerprint: {name}; value: {key}" for number, (name, key) in enumerate(pairs, 1)]
    return [f"Key {number}: {key}" for number, key in enumerate(result["keys_base64"], 1)]


def _whose(run: Run) -> str:
    return "recovery" if run["target"] == "recovery" else "unseal"


def _must_supply(run: Run, numbers: Mapping[str, Any], when: str) -> str:
    return "" if run["target"] == "recovery" else _SUPPLY.format(when=when, **numbers)


def _again(run: Run, words: Words) -> str:
    loses = "authenticate with" if run["target"] == "recovery" else "unseal"
    text = _AGAIN.format(loses=loses, process=words.process)
    first = "Again, these key shares are _not_ valid until verification is performed."
    return f"{first}\n{_wrapped(text)}\nThe current verification status, including initial nonce, is shown below."


def _wrapped(text: str) -> str:
    """Wrap a text where `bao` does, and name ourselves in it."""
    lines = textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return lines.replace('"bao operator', '"vaultctl operator')


_NO_RECOVERY = (
    "WARNING! If you lose the keys after they are returned, there is no recovery. Consider canceling this operation and"
    " re-initializing with the -pgp-keys flag to protect the returned {whose} keys along with -backup to allow recovery"
    " of the encrypted keys in case of emergency. You can delete the stored keys later using the -delete flag."
)
_NO_BACKUP = (
    "WARNING! You are using PGP keys for encryption of resulting {whose} keys, but you did not enable the option to"
    " backup the keys to OpenBao's core. If you lose the encrypted keys after they are returned, you will not be able"
    " to recover them. Consider canceling this operation and re-running with -backup to allow recovery of the encrypted"
    " {whose} keys in case of emergency. You can delete the backed up keys later using the -delete flag."
)
_BACKED_UP = (
    'The encrypted {whose} keys are backed up to "core/{whose}-keys-backup" in the storage backend. Remove these keys'
    ' at any time using "bao operator {command} -backup-delete". OpenBao does not automatically remove these keys.'
)
_NOT_SHOWN = "stdout did not take the new key shares; "
_DISTRIBUTE = "Please securely distribute the key shares printed above."
_SUPPLY = (
    " {when} is re-sealed, restarted, or stopped, you must supply at least {t} of these keys to unseal it before it can"
    " start servicing requests."
)
_NOT_YET = (
    "OpenBao has created a new {whose} key, split into {n} key shares and a key threshold of {t}. These will not be"
    f" active until after verification is complete. {_DISTRIBUTE}"
)
_AGAIN = (
    "Do not lose or discard your current key shares until after verification is complete or you will be unable to"
    " {loses} OpenBao. If you cancel the {process} process or seal OpenBao before verification is complete the new"
    " shares will be discarded and the current shares will remain valid."
)


def flags() -> tuple[Flag, ...]:
    """Give the flags that both commands have."""
    return (
        FORMAT,
        switch("init", "Begin an attempt."),
        switch("cancel", "End the attempt; with -verify, only the new shares that were entered are forgotten."),
        switch("status", "Show how the attempt stands; with -verify, how far the verification is."),
        switch("verify", "With -init: new shares count once they were entered again. Else: KEY is a new share."),
        flag("key-shares", "How many shares to make.", INT, default=5, metavar="NUMBER"),
        flag("n", "Another name for -key-shares.", INT, metavar="NUMBER", hidden=True),
        flag("key-threshold", "How many of them it takes.", INT, default=3, metavar="NUMBER"),
        flag("t", "Another name for -key-threshold.", INT, metavar="NUMBER", hidden=True),
        shares.NONCE,
        flag("target", "Whose shares: barrier (the unseal key's) or recovery.", default="barrier", metavar="TARGET"),
        flag("pgp-keys", "Files with a PGP key for each share, as a list with commas.", PGP_KEYS, metavar="FILES"),
        switch("backup", "Keep the encrypted shares in the state, for those who lose theirs."),
        switch("backup-delete", "Remove what was kept."),
        switch("backup-retrieve", "Show what was kept."),
    )
