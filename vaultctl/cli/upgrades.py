"""Waiting for the upgrade of a mount, which a tune of its version begins."""

from vaultctl.cli.command import Run
from vaultctl.logical.response import Response

_STEP_S = 1.0


def finish(run: Run, answer: Response) -> None:
    """Work on what the answer to a tune began, until it is done."""
    if not answer.warnings:
        return
    run.env.goes_on = "the upgrade goes on with the next commands that write"
    while run.env.connect(run.common).advance(_STEP_S):
        pass
    run.env.goes_on = ""
