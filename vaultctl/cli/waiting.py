"""Requests that a stored job answers: asked again until it is over, with a bar on a terminal where it takes a while."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from vaultctl.cli.command import Run
from vaultctl.logical.response import Response

_ACCEPTED = 202
_PAUSE_S = 0.1
_BAR_AFTER_S = 0.3


def _goes_on(answer: Response) -> bool:
    """Tell whether a job answered; OpenBao accepts a revocation so, and tells of none."""
    return answer.status == _ACCEPTED and "job_id" in (answer.data or {})


def to_the_end(run: Run, title: str, ask: Callable[[], Response]) -> Response:
    """Ask, and where a job is answered ask again until it is over; give the last answer. Raises: VaultError."""
    begun_s, answer = time.monotonic(), ask()

    def is_over(info: Mapping[str, Any] | None) -> bool:
        return info is None

    def look() -> Mapping[str, Any] | None:
        nonlocal answer
        before, answer = answer, ask()
        if _goes_on(answer) and (answer.data or {}).get("done") == (before.data or {}).get("done"):
            time.sleep(_PAUSE_S)  # somebody else works on it
        return answer.data if _goes_on(answer) else None

    while _goes_on(answer):
        run.env.goes_on = "what was begun goes on: the same command follows it"
        if run.env.shows_progress and time.monotonic() > begun_s + _BAR_AFTER_S:
            from vaultctl.cli import terminal

            terminal.follow(title, look, is_over)
        else:
            look()
    return answer
