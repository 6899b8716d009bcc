"""A move of a mount, followed to its end: what `secrets move` and `remount watch` share."""

import time
from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import DURATION, flag
from vaultctl.client import sys
from vaultctl.client.client import Client

TIMEOUT = flag("timeout", "Wait no longer than this; the move itself goes on.", DURATION)

_POLL_S = 0.1
_POLL_MAX_S = 5.0
_BAR_AFTER_S = 0.3

Info = Mapping[str, Any] | None
"""How a move stood when it was last looked at; None where nobody knows of it."""


def go_on_with(run: Run, migration_id: str) -> None:
    """Have an interruption say how to follow the move further."""
    run.env.goes_on = f"the move goes on: vaultctl remount watch {migration_id}"


def await_end(run: Run, fmt: str, migration_id: str, source: str, target: str) -> None:
    """Wait for a move's end, and say how it ended. Raises: Failure where it did not succeed."""
    words = f"secrets engine {source} to {target}, with migration ID {migration_id}"
    info = _follow(run, migration_id, f"moving {source} to {target}")
    if fmt != "table":
        output.emit(run.env, fmt, {"migration_id": migration_id, **(info or {})})
    if info is None or info["status"] != "success":
        raise Failure(_why(words, migration_id, info))
    if fmt == "table":
        run.env.out(f"Success! Finished moving {words}\n")


def _follow(run: Run, migration_id: str, title: str) -> Info:
    """Wait until a move is over, or -timeout is; a bar shows it on a terminal when it takes a while."""
    client, connection = run.client, run.env.connect(run.common)
    begun_s, pause_s = time.monotonic(), _POLL_S

    def is_over(info: Info) -> bool:
        late = bool(run["timeout"]) and time.monotonic() >= begun_s + run["timeout"]
        return info is None or info["status"] != "in-progress" or late

    def read() -> Info:
        nonlocal pause_s
        worked = False if connection.is_remote else connection.advance(pause_s)
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


def _read(client: Client, migration_id: str) -> Info:
    return sys.move_status(client, migration_id)


def _why(words: str, migration_id: str, info: Info) -> str:
    if info is None:
        return f"Failure! Nobody knows any more of moving {words}"
    if info["status"] == "in-progress":
        return f"Still moving {words}: -timeout is over\n\nfollow it with: vaultctl remount watch {migration_id}"
    return f"Failure! Error moving {words}: {info.get('error') or 'no reason is given'}"
