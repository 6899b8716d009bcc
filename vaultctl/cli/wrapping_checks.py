"""What is checked of a wrapping token before it is used, and how a check comes out. Only `ask` and `asked` ask."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.cli import wrapping_tokens
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.wrapping_flags import EXPIRED, FAILED, GONE, NEVER_HERE, REVOKED, USED, WRONG_NAMESPACE
from vaultctl.client import wrapping
from vaultctl.client.client import Client
from vaultctl.logical import durations

_DEAD = {
    "used": (USED, "it was used {used_time}"),
    "revoked": (REVOKED, "it was revoked {revoked_time}, by itself or with the mount that the secret came from"),
    "expired": (EXPIRED, "it expired {expiry_time}"),
    "never-here": (NEVER_HERE, "it was never a wrapping token of this server, or too long ago"),
    "wrong-namespace": (WRONG_NAMESPACE, "it is of the namespace {namespace}"),
}
_UNTOLD = "it was used, or has expired, or was never here: this server cannot tell which"
_NAMESPACE_UNTOLD = "whether it was made in the namespace {}, or at the same path in another, this server does not tell"
_ANYBODYS = ("cubbyhole/", "sys/wrapping/wrap")
"""Paths that anybody can wrap anything at, be it what they unwrapped before."""


class CheckFailed(Failure):
    """A wrapping token is not what it must be; it was not used. The exit code says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"the wrapping token is not good: {why}")
        self.exit_code = code


class Wanted(NamedTuple):
    """What a token must be like; "" and None ask for nothing."""

    path: str = ""
    issued_before_s: float | None = None
    allow_rewrapped: bool = False
    issued_before: str = ""


class Found(NamedTuple):
    """How a token stands. `exactly` is false where the server only told what it tells of any token."""

    told: Mapping[str, Any]
    exactly: bool
    doubts: tuple[str, ...] = ()


def wanted(run: Run) -> Wanted:
    """Read what the flags ask for. Raises: Misuse."""
    before, moment_s, path = run.flags.get("issued_before") or "", None, bare(run["expect_path"] or "")
    if "expect_path" in run.given and not path:
        raise Misuse("-expect-path names no path, and nothing would be checked")  # an empty variable, for example
    if "issued_before" in run.given:
        moment_s = durations.moment(before)
        if moment_s is None:
            raise Misuse(f"-issued-before={before} is no moment: write 2026-01-31T12:00:00Z, or seconds since 1970")
    return Wanted(path, moment_s, bool(run.flags.get("allow_rewrapped")), before)


def bare(path: str) -> str:
    """Give a path as the API names it: without slashes around it, and without v1."""
    return path.strip().strip("/").removeprefix("v1/")


def asked(run: Run, token: str, want: Wanted) -> Found:
    """Find out how a token stands, and of which namespace it is where a path is expected. Raises: VaultError."""
    found = ask(wrapping_tokens.asking(run), token, want)
    if found.exactly or not want.path or found.told["state"] != wrapping.LIVE:
        return found
    expected, made_at = run.env.namespace + want.path, bare(str(found.told.get("creation_path", "")))
    if expected != made_at and not expected.endswith("/" + made_at):
        return found._replace(told={**found.told, "matches": False})
    home = expected[: len(expected) - len(made_at)].strip("/")
    is_there = _is_of(run, token, home)
    if is_there is None:
        return found._replace(told={**found.told, "matches": True}, doubts=(_NAMESPACE_UNTOLD.format(home),))
    return found._replace(told={**found.told, "matches": is_there})


def _is_of(run: Run, token: str, namespace: str) -> bool | None:
    """Tell whether a token of a remote was made in a namespace, by what it ends in; None where that is not told."""
    end = token.split(".")[2] if wrapping.is_of_a_namespace(token) else ""
    if not namespace or not end:
        return not namespace and not end
    own, client = str(run.env.connect(run.common).token), wrapping_tokens.asking(run)
    if not own or own == token or wrapping.find(client, own) is not None:
        return None  # a wrapping token would be used up by asking
    found = wrapping.namespace_id(client.with_token(own), namespace)
    return None if found is None else found == end


def ask(client: Client, token: str, want: Wanted) -> Found:
    """Find out how a token stands. Raises: VaultError."""
    told = wrapping.verify(
        client, token, want.path, issued_before=want.issued_before, allow_rewrapped=want.allow_rewrapped
    )
    if told is not None:
        return Found(told, exactly=True)
    found = wrapping.find(client, token)
    if found is None:
        return Found({"state": "unknown"}, exactly=False)
    return Found({"state": wrapping.LIVE, **found}, exactly=False)


def problem(found: Found, want: Wanted) -> CheckFailed | None:
    """Say what is wrong with a token, if anything is."""
    told = found.told
    state = str(told["state"])
    if state != wrapping.LIVE:
        code, why = _DEAD.get(state, (GONE, _UNTOLD))
        return CheckFailed(code, why.format_map(_Known(told)))
    why = _mismatch(found, want)
    return CheckFailed(FAILED, why) if why else None


def _mismatch(found: Found, want: Wanted) -> str:
    told = found.told
    path, made = str(told.get("creation_path", "")), str(told.get("creation_time", ""))
    elsewhere = f"it was made at {path}{_within(told)}, and not at {want.path}"
    if want.path and bare(path) != want.path and not told.get("matches"):
        return elsewhere
    moment_s = durations.moment(made)
    if want.issued_before_s is not None and (moment_s is None or moment_s > want.issued_before_s):
        return f"it was made {made or 'nobody knows when'}, later than -issued-before says"
    times = int(told.get("rewrapped") or 0)
    if times and not want.allow_rewrapped:
        return f"what it stands for was wrapped anew {times} time{'s' * (times > 1)}; -allow-rewrapped takes that"
    if told.get("matches") is False or (want.path and "matches" not in told):
        return f"{elsewhere} in the namespace that was asked"
    return ""


def _within(told: Mapping[str, Any]) -> str:
    return f" in the namespace {told['namespace']}" if told.get("namespace") else ""


def doubts(found: Found, want: Wanted) -> list[str]:
    """Say what cannot be told of a token that is good as far as can be seen."""
    said = list(found.doubts)
    path = str(found.told.get("creation_path", ""))
    if path.startswith(_ANYBODYS) and not want.path:
        said.append(f"it was made at {path}, where anybody can wrap what they unwrapped elsewhere: say -expect-path")
    if not found.exactly:
        said.append("whether what it stands for was wrapped anew, this server does not tell")
    return said


class _Known(dict[str, Any]):
    """Fields for a text, where some may be missing."""

    def __missing__(self, key: str) -> str:
        return "at a moment that was not noted" if key.endswith("_time") else "somebody else"
