"""`vaultctl secrets move`: a secrets engine to another path, followed to its end."""

import time
from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import DURATION, flag
from vaultctl.client import sys
from vaultctl.client.client import Client

_POLL_S = 0.1
_POLL_MAX_S = 5.0
_BAR_AFTER_S = 0.3


def run(run: Run) -> None:
    """Begin a move, and wait for its end."""
    fmt = run.format(from_environment=False)
    typed = [path.strip() for path in run.args]
    source, target = (mount_text(path) for path in typed)
    run.env.doing = f"Error moving secrets engine {source} to {target}"
    migration_id = sys.start_move(run.client, *typed)
    words = f"secrets engine {source} to {target}, with migration ID {migration_id}"
    run.env.goes_on = f"the move goes on: vaultctl remount status {migration_id}"
    if fmt == "table":
        run.env.out(f"Started moving {words}\n")
    info = follow(run, migration_id, f"moving {source} to {target}")
    if fmt != "table":
        output.emit(run.env, fmt, {"migration_id": migration_id, **(info or {})})
    if info is None or info["status"] != "success":
        raise Failure(_why(words, migration_id, info))
    if fmt == "table":
        run.env.out(f"Success! Finished moving {words}\n")


def follow(run: Run, migration_id: str, title: str) -> Mapping[str, Any] | None:
    """Wait until a move is over, or -timeout is; a bar shows it on a terminal when it takes a while."""
    client, advance = run.client, run.env.connect(run.common).advance
    begun_s, pause_s = time.monotonic(), _POLL_S

    def is_over(info: Mapping[str, Any] | None) -> bool:
        late = bool(run["timeout"]) and time.monotonic() >= begun_s + run["timeout"]
        return info is None or info["status"] != "in-progress" or late

    def read() -> Mapping[str, Any] | None:
        nonlocal pause_s
        worked = advance(pause_s)
        info = _read(client, migration_id)
        if not worked and not is_over(info):
            time.sleep(pause_s)  # somebody else works on it
        pause_s = min(pause_s * 2, _POLL_MAX_S)
        return info

    info = _read(client, migration_id)
    while not is_over(info):
        if run.env.shows_progress and time.monotonic() > begun_s + _BAR_AFTER_S:
            from vaultctl.cli import terminal

            return terminal.follow(title, read, is_over)
        info = read()
    return info


def _read(client: Client, migration_id: str) -> Mapping[str, Any] | None:
    return sys.move_status(client, migration_id)


def _why(words: str, migration_id: str, info: Mapping[str, Any] | None) -> str:
    if info is None:
        return f"Failure! The state no longer knows of moving {words}"
    if info["status"] == "in-progress":
        return f"Still moving {words}: -timeout is over\n\nfollow it with: vaultctl remount status {migration_id}"
    return f"Failure! Error moving {words}: {info.get('error') or 'no reason is given'}"


COMMAND = command(
    "move",
    run,
    usage="secrets move [options] SOURCE DESTINATION",
    short_help="Move a secrets engine to another path",
    help="Moves a secrets engine with all that it holds. Its data, accessor and configuration stay as they are; leases"
    " that it gave out are revoked, and policies are not rewritten. The command waits for the end of the move, and ends"
    " with exit code 2 when it failed.",
    arity=(2, 2),
    flags=(FORMAT, flag("timeout", "Wait no longer than this; the move itself goes on.", DURATION)),
)
