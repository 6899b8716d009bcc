"""Waiting for the upgrade of a mount, which a tune of its version begins."""

from vaultctl.cli.command import Run

_STEP_S = 0.25


def finish(run: Run) -> None:
    """Work on what a tune began, now or before a process was killed, until it is done; a bar shows a long one."""
    connection = run.env.connect(run.common)
    run.env.goes_on = "the upgrade goes on with the next commands that write"
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
    run.env.goes_on = ""
