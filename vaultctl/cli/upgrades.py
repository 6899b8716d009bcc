"""Waiting for the upgrade of a mount, which a tune of its version begins."""

import time
from typing import TYPE_CHECKING

from vaultctl.cli.command import Run
from vaultctl.logical.errors import InvalidRequest, VaultError

if TYPE_CHECKING:
    from vaultctl.connect import Connection

_STEP_S = 0.25
_POLL_S = 0.05
_POLL_MAX_S = 2.0
_PATIENCE_S = 600.0


def finish(run: Run, path: str) -> None:
    """Wait until what a tune began is done, now or before a process was killed; a bar shows a long one."""
    connection = run.env.connect(run.common)
    if connection.is_remote:
        _await(run, path)
    else:
        run.env.goes_on = "the upgrade goes on with the next commands that write"
        _work(run, connection)
    run.env.goes_on = ""


def _work(run: Run, connection: "Connection") -> None:
    if connection.advance(_STEP_S):
        if run.env.shows_progress:
            from vaultctl.cli import terminal

            terminal.follow(
                "upgrading to version 2",
                lambda: connection.pending() if connection.advance(_STEP_S) else None,
                lambda info: info is None,
            )
        while connection.advance(_STEP_S):
            pass


def _await(run: Run, path: str) -> None:
    """Ask a remote mount until it answers. One that may not be asked is not waited for."""
    run.env.goes_on = "the upgrade goes on: the server makes it"
    client, pause_s, until_s = run.client.plain(), _POLL_S, time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        try:
            client.call("GET", f"{path.strip('/')}/config")
        except InvalidRequest:  # it is upgrading, and answers nothing else
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _POLL_MAX_S)
        except VaultError:
            return
        else:
            return
