"""A move of a mount, followed to its end: what `secrets move`, `auth move` and `remount watch` share."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import DURATION, flag, switch
from vaultctl.client import sys

TIMEOUT = flag("timeout", "Wait no longer than this; the move itself goes on.", DURATION)
CHECK = switch("check", "Change nothing, and tell what the move would do, and what would break.")
REWRITE = switch("rewrite-policies", "Have the policies that spell the old path out say the new one.")
CHECK_HELP = (
    "With -check nothing is changed. It tells whether this token may move the mount, and whether the move would be"
    " refused; how many leases or tokens it would revoke; which policies name the old path, with a diff to what they"
    " should say; which aliases, quotas, roles and users go along; and what could not be seen. With -format=json that"
    " is one object, with verdict, allowed, refusals, leases, tokens, policies, entity_aliases, quotas, roles, users,"
    " breaks, unseen and notes. It ends with exit code 0 where nothing would break, 2 where the move would be refused,"
    " and 3 where it would be made and something would break, or not everything could be seen.\n\n"
    "Policies stay as they are, and those that name the old path name nothing then. With -rewrite-policies those that"
    " spell it out say the new one: on the local state all of them with the move or none, on another cluster after it,"
    " one by one. There the old texts are kept in the data folder first, and 'remount watch ID' tries again what could"
    " not be written. A path that reaches the mount by a pattern is never rewritten."
)

ENGINE = "secrets engine"

_POLL_S = 0.1
_POLL_MAX_S = 5.0
_BAR_AFTER_S = 0.3

Info = Mapping[str, Any] | None
"""How a move stood when it was last looked at; None where nobody knows of it."""


def go_on_with(run: Run, migration_id: str) -> None:
    """Have an interruption say how to follow the move further."""
    run.env.goes_on = f"the move goes on: vaultctl remount watch {migration_id}"


def begin(run: Run, source: str, target: str, *, rewrites: bool = False) -> str:
    """Begin to move a mount, with its policies or without; give the migration's id. Raises: VaultError."""
    connection = run.env.connect(run.common)
    if not connection.is_remote or run.common.shows:
        return sys.start_move(run.client, source, target, rewrite_policies=rewrites)
    from vaultctl.cli import remote_moves

    return remote_moves.begin(run, connection, source, target, rewrites=rewrites)


def known(run: Run, migration_id: str) -> Mapping[str, Any]:
    """Tell how a move stands. Raises: Failure where nobody knows of it, VaultError."""
    connection = run.env.connect(run.common)
    if not connection.is_remote or run.common.shows:
        info = sys.move_status(run.client, migration_id)
    else:
        from vaultctl.cli import remote_moves

        info = remote_moves.known(run, connection, migration_id)
    if info is None:
        raise Failure(f"no move has the migration ID {migration_id}")
    return info


def move(run: Run, kind: str, source: str, target: str) -> None:
    """Begin to move a mount of a kind, and wait for the end. Raises: Failure, VaultError."""
    fmt = run.format(from_environment=False)
    run.env.doing = f"Error moving {kind} {source} to {target}"
    if run["check"]:
        from vaultctl.cli import move_checks

        move_checks.show(run, fmt, kind, source, target)
        return
    migration_id = begin(run, source, target, rewrites=run["rewrite_policies"])
    go_on_with(run, migration_id)
    if fmt == "table":
        run.env.out(f"Started moving {kind} {source} to {target}, with migration ID {migration_id}\n")
    await_end(run, fmt, migration_id, source, target, kind)


def await_end(run: Run, fmt: str, migration_id: str, source: str, target: str, kind: str = ENGINE) -> None:
    """Wait for a move's end, and say how it ended. Raises: Failure where it did not succeed."""
    info = _follow(run, migration_id, source, target)
    say_end(run, fmt, migration_id, source, target, info or {"status": "unknown"}, kind)


def say_end(
    run: Run, fmt: str, migration_id: str, source: str, target: str, info: Mapping[str, Any], kind: str = ENGINE
) -> None:
    """Say how a move ended, with the paths as they were typed. Raises: Failure where it did not succeed."""
    words = f"{kind} {source} to {target}, with migration ID {migration_id}"
    info = _with_policies(run, migration_id, info)
    if fmt != "table":
        output.emit(run.env, fmt, {"migration_id": migration_id, **info})
    if info["status"] != "success":
        raise Failure(_why(words, migration_id, info))
    if info.get("seen"):
        run.env.err(f"vaultctl: the server has forgotten the move, and {info['seen']}")
    if fmt == "table":
        run.env.out(f"Success! Finished moving {words}\n")
    _say_policies(run, fmt, migration_id, info)


def _with_policies(run: Run, migration_id: str, info: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rewrite what a move on a remote has to; what is told of a move has the policies that went with it."""
    connection = run.env.connect(run.common)
    if not connection.is_remote or info["status"] != "success":
        return info
    from vaultctl.cli import remote_moves

    if not remote_moves.has_rewrites(run, connection, migration_id):
        return info
    from vaultctl.cli import remote_rewrites

    found = remote_rewrites.carry_out(run, connection, migration_id)
    names = [each["namespace"] + each["name"] for each in found if each["status"] == "rewritten"]
    left = [each for each in found if each["status"] == "left"]
    return {**info, "policies": names, **({"policies_left": left} if left else {})}


def _say_policies(run: Run, fmt: str, migration_id: str, info: Mapping[str, Any]) -> None:
    """Say which policies were rewritten. Raises: Failure where some were not."""
    if fmt == "table":
        for name in info.get("policies", ()):
            run.env.out(f"Success! Rewrote policy: {name}\n")
    left = info.get("policies_left")
    if left:
        lines = "".join(f"\n* policy {each['namespace']}{each['name']}: {each.get('error', '')}" for each in left)
        raise Failure(
            f"Failure! The move is made, and {len(left)} of its policies are not rewritten:\n{lines}"
            f"\n\ntry them again with: vaultctl remount watch {migration_id}"
        )


def _follow(run: Run, migration_id: str, source: str, target: str) -> Info:
    """Wait until a move is over, or -timeout is; a bar shows it on a terminal when it takes a while."""
    look: Callable[[], Info]
    end: Callable[[Info, str, str], Info]
    connection = run.env.connect(run.common)
    begun_s, pause_s = time.monotonic(), _POLL_S
    until_s = begun_s + run["timeout"] if run["timeout"] else None

    def is_over(info: Info) -> bool:
        late = until_s is not None and time.monotonic() >= until_s
        return info is None or info["status"] != "in-progress" or late

    if connection.is_remote:
        from vaultctl.cli import remote_moves

        follower = remote_moves.Follower(run, connection, migration_id, until_s)
        look, end = follower.read, follower.ended
    else:
        look, end = (lambda: sys.move_status(run.client, migration_id)), _as_it_is

    def read() -> Info:
        nonlocal pause_s
        worked = False if connection.is_remote else connection.advance(pause_s)
        info = look()
        if not worked and not is_over(info):
            time.sleep(pause_s)  # somebody else works on it
        pause_s = min(pause_s * 2, _POLL_MAX_S)
        return info

    info = look()
    while not is_over(info):
        if run.env.shows_progress and time.monotonic() > begun_s + _BAR_AFTER_S:
            from vaultctl.cli import terminal

            return end(terminal.follow(f"moving {source} to {target}", read, is_over), source, target)
        info = read()
    return end(info, source, target)


def _as_it_is(info: Info, _source: str, _target: str) -> Info:
    return info


def _why(words: str, migration_id: str, info: Mapping[str, Any]) -> str:
    if info["status"] == "in-progress":
        return f"Still moving {words}: -timeout is over\n\nfollow it with: vaultctl remount watch {migration_id}"
    if info.get("seen"):
        go_on = f"\n\ngo on with: {info['go_on']}" if info.get("go_on") else ""
        return f"Failure! The server has forgotten the move of {words}\n{info['seen']}{go_on}"
    if info["status"] == "unknown":
        return f"Failure! Nobody knows any more of moving {words}"
    return f"Failure! Error moving {words}: {info.get('error') or 'no reason is given'}"
