"""`vaultctl wrapping keep`: a stored wrapping token that does not expire."""

import os
import time

from vaultctl.cli import keeping, output
from vaultctl.cli.command import FORMAT, Run, command, file_name
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import flag, switch
from vaultctl.cli.token_file import Busy, Missing, Unready
from vaultctl.logical import durations
from vaultctl.logical.errors import VaultError

_LOOKS_S = 20.0
"""So often a loop looks whether somebody replaced the file, or the clock was set."""

_PAUSES_S = (1.0, 60.0)
"""The first and the longest pause after a failure."""


def run(run: Run) -> None:
    """Keep a token once, or for as long as nobody ends it. Raises: Misuse, Failure, VaultError."""
    fmt, before = run.format(), keeping.before_of(run["before"] or "20%")
    if not run["file"]:
        raise Misuse("-file is needed: the file that holds the wrapping token")
    path = file_name(run["file"])
    run.env.hints_at_token = False
    try:
        signals = keeping.Signals()
        if run["loop"]:
            _loop(run, fmt, path, before, signals)
        else:
            _show(run, fmt, keeping.keep(run, path, before, signals))
    except keeping.Ended as ended:
        if not run["loop"]:
            failure = Failure("")
            failure.exit_code = 128 + ended.number
            raise failure from None


def _loop(run: Run, fmt: str, path: str, before: float, signals: keeping.Signals) -> None:
    pause_s, said, was_there = _PAUSES_S[0], "", False
    while True:
        try:
            kept = keeping.keep(run, path, before, signals)
        except (VaultError, Busy, Unready) as error:
            if isinstance(error, Missing) and not was_there:
                raise Misuse(f"{error}\n\n-loop waits for a file that was there before: is the name right?") from None
            was_there = True
            text = "; ".join(error.errors) if isinstance(error, VaultError) else str(error)
            if text != said:
                run.env.err(f"{run.env.doing}: {text}\n\nit is tried again")
            said = text
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSES_S[1])
            continue
        _show(run, fmt, kept)
        pause_s, said, was_there = _PAUSES_S[0], "", True
        _wait(path, kept.due_s)


def _wait(path: str, due_s: float) -> None:
    """Wait until the token is due, or the file is another one."""
    seen = _identity(path)
    time.sleep(_PAUSES_S[0])  # whatever -before says, nobody is asked more often
    while _identity(path) == seen and (left_s := due_s - time.time()) > 0:
        time.sleep(min(left_s, _LOOKS_S))


def _identity(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _show(run: Run, fmt: str, kept: keeping.Kept) -> None:
    """Print what was done. That there was nothing to do is said in JSON and YAML alone: cron mails what is printed."""
    until = durations.rfc3339(int(kept.expires_s) * 1_000_000_000)
    if fmt != "table":
        output.emit(run.env, fmt, {"file": run["file"], "result": kept.result, "expires": until})
    elif kept.result == keeping.KEPT:
        run.env.out(f"Success! Wrapped anew: the token in {run['file']} is good until {until}\n")
    elif kept.result == keeping.FINISHED:
        run.env.out(f"Success! {run['file']} holds the token that an earlier run got, good until {until}\n")


COMMAND = command(
    "keep",
    run,
    usage="wrapping keep [options] -file=FILE",
    short_help="Give a stored wrapping token a new life in time",
    help="Looks at the wrapping token in FILE. When less than -before is left of its time, what it stands for is"
    " wrapped anew, and FILE is replaced by one with the new token; else nothing is done, and nothing printed, so"
    " that cron can run it often. With -loop it goes on until it is ended. It takes a token with the right to update"
    " sys/wrapping/rewrap.\n\n"
    "FILE is replaced whole, by one that its owner alone can read, and whose space is taken before anything is asked."
    " What cannot be helped is a kill, or an answer that is lost on the network, in the moment between the server's"
    " commit and ours: then what the token stood for is lost.\n\n"
    "    */5 * * * *  vaultctl wrapping keep -file=/var/lib/app/token",
    doing="Error keeping",
    wraps="look",
    exit_codes=keeping.EXIT_CODES,
    flags=(
        FORMAT,
        flag("file", "The file that holds the wrapping token, and nothing else.", metavar="FILE"),
        flag("before", "How much of its time must be left: a part, or a duration.", default="20%", metavar="TIME"),
        switch("loop", "Go on, and keep the token for as long as this runs."),
    ),
)
