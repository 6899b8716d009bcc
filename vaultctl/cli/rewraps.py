"""A rewrap, followed to its end: what `sealwrap rewrap` and `operator seal-rotate-key` share."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import DURATION, flag, switch
from vaultctl.cli.report import NO_SEAL_WRAP
from vaultctl.client import sealwrap

TIMEOUT = flag("timeout", "Wait no longer than this; the rewrap itself goes on.", DURATION)
DETACH = switch("detach", "Do not wait for the end.")
WAIT = switch("wait", "Wait for the end, which is done without it, too.")

KEY_LABEL = flag("key-label", "The key of a pkcs11 seal's token that is gone over to.", metavar="LABEL")
GENERATE = switch("generate", "Have the token make that key first.")
REMOVE_OLD_KEY = switch("remove-old-key", "Remove the files of old keys at the end; copies from before need them.")

_POLL_S, _POLL_MAX_S = 0.1, 5.0
_BAR_AFTER_S = 0.3
_NAMED = 10

Info = Mapping[str, Any]


def look(run: Run) -> Info:
    """Tell how the rewrap stands. Raises: Failure where the server has none, VaultError."""
    try:
        return sealwrap.status(run.client)
    except sealwrap.NoSealWrap:
        raise _none(run) from None


def start(run: Run) -> bool:
    """Start a rewrap; tell whether none was running. Raises: Failure where the server has none, VaultError."""
    try:
        return sealwrap.start(run.client)
    except sealwrap.NoSealWrap:
        raise _none(run) from None


def _none(run: Run) -> Failure:
    return Failure(
        f"the server at {run.env.address} has no {sealwrap.PATH}: it is no matter of rights\n\n{NO_SEAL_WRAP}"
    )


def follow_as_owner(run: Run) -> Info:
    """Do so on the local state, for which its owner needs no token."""
    return follow(run, run.maintenance().rewrap)


def follow(run: Run, told: Callable[[], Info] | None = None) -> Info:
    """Wait until the rewrap is over, or -timeout is; a bar shows it on a terminal when it takes a while.

    `told` tells how it stands, where that is not asked over the door.
    """
    told = told or partial(look, run)
    connection = run.env.connect(run.common)
    run.env.goes_on = "the rewrap goes on: vaultctl sealwrap rewrap"
    begun_s, pause_s = time.monotonic(), _POLL_S
    until_s = begun_s + run["timeout"] if run["timeout"] else None

    def is_over(info: Info | None) -> bool:
        late = until_s is not None and time.monotonic() >= until_s
        return info is None or not info.get("is_running") or late

    def read() -> Info:
        nonlocal pause_s
        worked = False if connection.is_remote else connection.advance(pause_s)
        info = shown(told())
        if not worked and not is_over(info):
            time.sleep(pause_s)  # somebody else works on it
        pause_s = min(pause_s * 2, _POLL_MAX_S)
        return info

    info: Info = shown(told())
    while not is_over(info):
        if run.env.shows_progress and time.monotonic() > begun_s + _BAR_AFTER_S:
            from vaultctl.cli import terminal

            return terminal.follow("rewrapping", read, is_over) or info
        info = read()
    return info


def shown(info: Info) -> dict[str, Any]:
    """Give what a bar shows, beside what it is made of: Vault tells no total."""
    done, total = (info.get("entries") or {}).get("processed", 0), info.get("total") or 0
    phase = info.get("phase") or "in progress"
    return {**info, "done": done, "total": total, "phase": phase if total else f"{phase}, {done} entries"}


def say_end(run: Run, fmt: str, info: Info) -> None:
    """Say how it ended; with a format of "" only what is wrong.

    Raises: Failure unless it runs no more, nothing failed, and all that was seen succeeded.
    """
    told = {name: value for name, value in info.items() if name != "done"}
    entries = info.get("entries") or {}
    processed, succeeded, failed = (entries.get(name, 0) for name in ("processed", "succeeded", "failed"))
    if fmt not in ("table", ""):
        output.emit(run.env, fmt, told)
    if info.get("is_running"):
        raise Failure(
            f"Still rewrapping, {processed} entries by now: -timeout is over"
            "\n\nfollow it with: vaultctl sealwrap rewrap"
        )
    if failed or processed != succeeded or info.get("error"):
        raise Failure(_why(info, failed))
    if fmt == "table":
        run.env.out(f"Success! Rewrapped {processed} {'entry' if processed == 1 else 'entries'}\n")
    if info.get("note"):
        run.env.err(f"vaultctl: {info['note']}")


def _why(info: Info, failed: int) -> str:
    if not failed:
        go_on = "\n\ngo on with it, once that is mended: vaultctl sealwrap rewrap"
        return f"Failure! The rewrap stopped: {info.get('error') or 'no reason is given'}{go_on}"
    named = info.get("failed_entries") or []
    lines = [f"* {each.get('mount') or 'the state itself'}: {each.get('error', '')}" for each in named[:_NAMED]]
    more = [f"* and {failed - len(lines)} more"] if named and failed > len(lines) else []
    many = "1 entry" if failed == 1 else f"{failed} entries"
    return "\n".join([f"Failure! {many} could not be rewrapped", *lines, *more])


def settle(run: Run) -> None:
    """After a rewrap of the local state: tell of key files that nothing in it is under any more, or remove them."""
    if run.env.connect(run.common).is_remote:
        return
    settled = run.maintenance().settle_seal_keys(removes=run["remove_old_key"])
    if settled.why:
        run.env.err(f"vaultctl: no old key was removed: {settled.why}")
    for path in settled.removed:
        run.env.err(f"vaultctl: removed {path}: nothing in the state is under that key any more")
    for path in settled.kept:
        run.env.err(
            f"vaultctl: {path} is kept: copies of the state from before open with that key alone;"
            " remove it once none of them is needed"
        )
