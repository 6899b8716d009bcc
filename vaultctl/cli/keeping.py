"""A stored wrapping token, given a new life before it expires: `wrapping keep`.

The new token is never lost where that can be helped: its file is there before it is asked for, signals wait while it is
on its way, and what a killed process left is brought to its end by the next one. What remains is a kill, or an answer
that is lost on the network, between the server's commit and the moment when the token is on the disk.
"""

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from vaultctl.cli import wrapping_checks, wrapping_flags, wrapping_tokens
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.token_file import BUSY, TokenFile, Unready
from vaultctl.client import wrapping
from vaultctl.logical import durations
from vaultctl.logical.errors import NoAnswer, VaultError

ELSEWHERE = 10
EXIT_CODES = {
    **{code: meaning for code, meaning in wrapping_flags.EXIT_CODES.items() if code != wrapping_flags.FAILED},
    ELSEWHERE: "there is a new token, and stderr says where: not in FILE",
    BUSY: "another process keeps this file; nothing was asked",
}
KEPT, UNCHANGED, FINISHED = "kept", "unchanged", "finished"

_ANY = wrapping_checks.Wanted(allow_rewrapped=True)
_WHICH = "Was the right server asked?"
_NOT_KNOWN = 500
"""From this status on a gateway may have answered for a server that did what it was asked."""

_SAME_CLOCK_S = 2.0
"""Servers tell whole seconds: clocks that are no further apart count as one."""


class Kept(NamedTuple):
    """How a pass came out: what was done, until when the token is good, and when it is due, by our own clock."""

    result: str
    expires_s: float
    due_s: float


class Ended(BaseException):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Signals:
    """SIGINT, SIGTERM and SIGHUP, which end the command at once, but wait while a token is on its way."""

    def __init__(self) -> None:
        self._holds = False
        self._came = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._heard)

    def _heard(self, number: int, _frame: object) -> None:
        self._came = number
        if not self._holds:
            self._end()

    def _end(self) -> None:
        if self._came == signal.SIGINT:
            raise KeyboardInterrupt
        raise Ended(self._came)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let signals wait to the end of a block. Raises: Ended, KeyboardInterrupt, there."""
        self._holds = True
        try:
            yield
        finally:
            self._holds = False
        if self._came:
            self._end()


def before_of(text: str) -> float:
    """Read how long before its end a token is due: 20% is -0.2, else seconds. Raises: Misuse."""
    number = text.removesuffix("%")
    try:
        found = -float(number) / 100 if number != text else durations.parse(text)
    except (ValueError, durations.DurationError):
        found = 0.0
    if not (-1 < found < 0 or (found > 0 and number == text)):
        raise Misuse(f"-before={text} is neither a part of the TTL, such as 20%, nor a duration, such as 1h")
    return found


def keep(run: Run, path: str, before: float, signals: Signals) -> Kept:
    """Look at the token once, and wrap what it stands for anew if it is time. Raises: Failure, Misuse, VaultError."""
    file = TokenFile(path)
    try:
        return _keep(run, file, before, signals)
    finally:
        file.close()


def _keep(run: Run, file: TokenFile, before: float, signals: Signals) -> Kept:
    left = file.left()
    finished = _finish(run, file, left)
    token = finished or _token_in(file)
    client = wrapping_tokens.asking(run)
    found = wrapping_checks.ask(client, token, _ANY)
    wrong = wrapping_checks.problem(found, _ANY)
    if wrong:
        if _may_be_token(left, token):
            wrong.args = (f"{wrong}\n\n{file.given}.next was left as it is: it may hold a newer token. {_WHICH}",)
        raise wrong
    if not finished:
        file.drop_left()
    offset_s = _offset_s(run)
    now_s = time.time() + offset_s
    kept = _kept(FINISHED if finished else UNCHANGED, found.told, before, offset_s)
    if now_s < kept.due_s + offset_s:
        return kept
    wrapping_tokens.check_rewrap(run, token)
    file.prepare()
    with signals.waiting():
        info = _rewrap(run, file, token)
        _store(run, file, str(info["token"]))
    told = {"creation_time": info.get("creation_time"), "creation_ttl": info.get("ttl")}
    return _kept(KEPT, told, before, offset_s)


def _token_in(file: TokenFile) -> str:
    try:
        return wrapping_tokens.one_token(file.text(), file.given)
    except Unready:
        raise
    except Misuse as error:  # somebody else may be about to write it
        raise Unready(str(error)) from None


def _may_be_token(left: str, token: str) -> bool:
    return bool(left) and left != token and len(left.split()) == 1


def _finish(run: Run, file: TokenFile, left: str) -> str:
    """Bring to its end what an earlier process began; give the token that is in the file now, or "".

    What is not known to be good is left where it is: the wrong server may have been asked. Raises: Failure.
    """
    if not _may_be_token(left, file.text().strip()):
        return ""
    if wrapping_checks.ask(wrapping_tokens.asking(run), left, _ANY).told["state"] != wrapping.LIVE:
        return ""
    try:
        file.take_left()
    except OSError as error:
        raise _elsewhere(file, f"{file.given}.next", error) from None
    return left


def _rewrap(run: Run, file: TokenFile, token: str) -> Mapping[str, Any]:
    """Ask for the new token.

    Raises: VaultError: the old one is as it was, or the hint says that this is not known; CheckFailed where it was
    good no more.
    """
    try:
        return wrapping.rewrapped(run.client, token)
    except VaultError as error:
        file.give_up()
        if run.env.is_remote and (isinstance(error, NoAnswer) or error.status >= _NOT_KNOWN):
            error.hint = f"whether the token in {file.given} is still good is not known: the next run finds out"
        elif wrapping.is_dead(error):
            found = wrapping_checks.ask(wrapping_tokens.asking(run), token, _ANY)
            raise wrapping_checks.problem(found, _ANY) or error from None
        raise
    except BaseException:
        file.give_up()
        raise


def _store(run: Run, file: TokenFile, token: str) -> None:
    """Put the new token in the file; where that cannot be, anywhere that is ours. Raises: Failure."""
    try:
        file.put(token)
    except OSError as error:
        if file.left_safely(token):
            raise _elsewhere(file, f"{file.given}.next; the next run puts it in its place", error) from None
        raise _elsewhere(file, _saved_elsewhere(run, token), error) from None


def _saved_elsewhere(run: Run, token: str) -> str:
    for folder in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir()):
        try:
            fd, path = tempfile.mkstemp(prefix="vaultctl-kept-", dir=folder or None)
            try:
                os.write(fd, token.encode() + b"\n")
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError:
            continue
        return path
    run.env.out(token + "\n")
    return "what was printed: no file could be written anywhere"


def _elsewhere(file: TokenFile, where: str, error: OSError) -> Failure:
    failure = Failure(
        f"{file.given} holds a token that is good no more, and could not be replaced:"
        f" {(error.strerror or '').lower()}\n\nthe new token is in {where}"
    )
    failure.exit_code = ELSEWHERE
    return failure


def _offset_s(run: Run) -> float:
    """Tell how far a remote's clock is ahead of ours."""
    if not run.env.is_remote:
        return 0.0
    theirs_s = wrapping.server_time(run.client.plain().with_token(""))
    offset_s = 0.0 if theirs_s is None else theirs_s - time.time()
    return offset_s if abs(offset_s) > _SAME_CLOCK_S else 0.0


def _kept(result: str, told: Mapping[str, Any], before: float, offset_s: float) -> Kept:
    """Work out when a token is due. Raises: NoAnswer where the server did not say when it was made."""
    made_s, ttl_s = durations.moment(str(told.get("creation_time"))), wrapping.seconds(told.get("creation_ttl"))
    if made_s is None or not ttl_s:
        raise NoAnswer("the server does not say until when the token is good")
    early_s = -before * ttl_s if before < 0 else before
    expires_s = durations.moment(str(told.get("expiry_time"))) or made_s + ttl_s
    return Kept(result, expires_s, expires_s - early_s - offset_s)
