"""Waiting for the upgrade of a mount, which a tune of its version begins."""

from vaultctl.cli.command import Run

_STEP_S = 1.0


def finish(run: Run) -> None:
    """Work on what a tune began, now or before a process was killed, until it is done."""
    run.env.goes_on = "the upgrade goes on with the next commands that write"
    while run.env.connect(run.common).advance(_STEP_S):
        pass
    run.env.goes_on = ""
