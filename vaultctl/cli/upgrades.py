"""Waiting for the upgrade of a mount, which a tune of its version begins."""

from collections.abc import Sequence

from vaultctl.cli.command import Run

_STEP_S = 1.0


def finish(run: Run, warnings: Sequence[str]) -> None:
    """Work on what a tune began, until it is done. Only a change of version is warned of, and bao does not show it."""
    if not warnings:
        return
    run.env.goes_on = "the upgrade goes on with the next commands that write"
    while run.env.connect(run.common).advance(_STEP_S):
        pass
    run.env.goes_on = ""
