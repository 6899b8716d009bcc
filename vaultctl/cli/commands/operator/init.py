"""`vaultctl operator init`: a state made by hand, and its keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import INT, flag, switch
from vaultctl.cli.pgp_keys import PGP_KEYS
from vaultctl.client import operator, sys

_SHARES, _THRESHOLD = 5, 3
_SEALED = """\

Vault initialized with {shares} key shares and a key threshold of {threshold}. Please securely
distribute the key shares printed above. When the Vault is re-sealed,
restarted, or stopped, you must supply at least {threshold} of these keys to unseal it
before it can start servicing requests.

Vault does not store the generated root key. Without at least {threshold} keys to
reconstruct the root key, Vault will remain permanently sealed!

It is possible to generate new unseal keys, provided you have a quorum
of existing unseal keys shares. See "vaultctl operator rotate-keys" for more
information.
"""
_AUTO = """\

Success! Vault is initialized
"""
_RECOVERY = """\

Recovery key initialized with {shares} key shares and a key threshold of {threshold}. Please
securely distribute the key shares printed above.
"""


def run(run: Run) -> None:
    """Make the state, and print its keys; they are shown this once. Raises: Misuse, VaultError."""
    fmt = run.format()
    connection = run.env.connect(run.common, by_hand=True, seal=run["seal"] or "")
    if connection.is_remote and run["seal"]:
        raise Misuse("-seal is for a local state: a server's seal is a matter of its config")
    status = sys.seal_status(run.client)
    if run["status"]:
        _show_status(run, fmt, is_made=operator.is_made(run.client))
        return
    run.env.doing = "Error initializing"
    body = _body(run, is_auto=bool(status.get("recovery_seal")))
    if not run.common.shows:
        run.env.check_stdout()
    made = _record(operator.init(run.client, body), body)
    try:
        _show(run, fmt, made, body)
    except BrokenPipeError:
        run.env.err(_lost(connection))
        raise
    except Failure as error:
        raise Failure(f"{error}\n\n{_lost(connection)}") from None
    if not connection.is_remote:
        connection.init_seen()


def _show(run: Run, fmt: str, made: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    if fmt == "table":
        run.env.out(_text(made, body))
    else:
        output.emit(run.env, fmt, made)


def _lost(connection: Any) -> str:
    """Say how to go on where the keys could not be shown."""
    if connection.is_remote:
        return f"{connection.address} is initialized, and nobody has its keys: start over with an empty storage"
    return str(connection.init_unseen())


def _show_status(run: Run, fmt: str, *, is_made: bool) -> None:
    if fmt == "table":
        run.env.out(f"Vault is {'' if is_made else 'not '}initialized\n")
    else:
        output.emit(run.env, fmt, {"Initialized": is_made})
    if not is_made:
        raise Failure("")


def _body(run: Run, *, is_auto: bool) -> dict[str, Any]:
    """Give what is asked for, in bao's order.

    Source: OpenBao 2.7, where a 0 is as good as nothing for unseal keys, and of recovery keys only those for whom they
    are encrypted are not left out where there are none.
    """
    recovery_shares = run["recovery_shares"] if is_auto else 0
    recovery_threshold = run["recovery_threshold"] if is_auto else 0
    return {
        "secret_shares": run["key_shares"] or (0 if is_auto else _SHARES),
        "secret_threshold": run["key_threshold"] or (0 if is_auto else _THRESHOLD),
        "pgp_keys": run["pgp_keys"] or None,
        "recovery_shares": recovery_shares,
        "recovery_threshold": recovery_threshold,
        "recovery_pgp_keys": run["recovery_pgp_keys"] or None,
        "root_token_pgp_key": "".join(run["root_token_pgp_key"] or []),
    }


def _record(made: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was made as `-format=json` shows it."""
    is_auto = not body["secret_shares"]
    return {
        "unseal_keys_b64": made.get("keys_base64") or [],
        "unseal_keys_hex": made.get("keys") or [],
        "unseal_shares": 1 if is_auto else body["secret_shares"],
        "unseal_threshold": 1 if is_auto else body["secret_threshold"],
        "recovery_keys_b64": made.get("recovery_keys_base64"),
        "recovery_keys_hex": made.get("recovery_keys"),
        "recovery_keys_shares": body["recovery_shares"],
        "recovery_keys_threshold": body["recovery_threshold"],
        "root_token": made.get("root_token", ""),
    }


def _text(made: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    text = _numbered("Unseal Key", made["unseal_keys_b64"])
    text += _numbered("Recovery Key", made["recovery_keys_b64"] or [])
    text += f"\nInitial Root Token: {made['root_token']}\n"
    if body["secret_shares"]:
        return text + _SEALED.format(shares=body["secret_shares"], threshold=body["secret_threshold"])
    text += _AUTO
    if made["recovery_keys_b64"]:
        text += _RECOVERY.format(shares=body["recovery_shares"], threshold=body["recovery_threshold"])
    return text


def _numbered(what: str, keys: Sequence[str]) -> str:
    return "".join(f"{what} {number}: {key}\n" for number, key in enumerate(keys, 1))


COMMAND = command(
    "init",
    run,
    usage="operator init [options]",
    short_help="Make a state by hand, and its keys",
    help="Makes a state by hand, under the shamir seal unless -seal, VAULTCTL_SEAL or the config file names another"
    " one, and without a kv engine at secret/. It prints the shares of the unseal key, or of the recovery key where"
    " the seal opens by itself, and a root token: nobody can show them again. The state is there before anything is"
    " printed.",
    flags=(
        FORMAT,
        flag("key-shares", "Into how many shares the unseal key is split; 5.", INT, default=0, metavar="NUMBER"),
        flag("key-threshold", "How many of them unseal; 3.", INT, default=0, metavar="NUMBER"),
        flag("recovery-shares", "The same of the recovery key.", INT, default=_SHARES, metavar="NUMBER"),
        flag("recovery-threshold", "How many of them make it.", INT, default=_THRESHOLD, metavar="NUMBER"),
        flag("pgp-keys", "Files with PGP keys, commas between: each encrypts a share.", PGP_KEYS, metavar="FILES"),
        flag("recovery-pgp-keys", "The same of the recovery key.", PGP_KEYS, metavar="FILES"),
        flag("root-token-pgp-key", "A file with a PGP key, which encrypts the root token.", PGP_KEYS, metavar="FILE"),
        flag("seal", "The seal of a local state: shamir, static, pkcs11 or transit.", metavar="TYPE"),
        switch("status", "Tell whether there is a state; exit code 2 where there is none."),
    ),
)
