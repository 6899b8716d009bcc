"""Which of the recorded cases are due: those whose every step needs only what this version has built.

That is read off the steps (method, path, headers, token, words and environment of a command line), never off a list of
cases. A version that builds a feature adds its line to `BUILT`, and the cases that waited for it alone are due.

Steps that are about HTTP itself (a redirect, a body that is no JSON) are no reason for a door without HTTP to put a
case off, if they changed nothing: it is asked without them.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from support.transcripts import Case
from vaultctl.logical import durations

Step = Mapping[str, Any]

BUILT = frozenset(
    {
        "audit",
        "auth methods",
        "commands on paths",
        "commands of wrapping",
        "commands on secrets engines",
        "cubbyhole",
        "http wire",
        "identity",
        "kv",
        "leases",
        "mounts",
        "namespaces",
        "output-curl-string",
        "policies",
        "quotas",
        "remote servers",
        "remount",
        "rotation",
        "seal",
        "seal wrap",
        "status of a server",
        "tokens",
        "version",
        "wrapping",
    }
)

WIRE = "http wire"
AUDIT_CONFIG = "a config for audit devices"
IN_PROCESS = (BUILT - {WIRE}) | {AUDIT_CONFIG}
"""What can be asked of a core in this process. The wire is what only HTTP has: other methods, headers, redirects,
bodies that are no JSON object or too much for one, and paths and queries that it refuses. What a config file says of
audit devices, a core in this process is told by whoever makes it.
"""
_AUDIT_SETTINGS = {"unsafe_allow_api_audit_creation = true", "allow_audit_log_prefixing = true"}

_SYSTEM = {
    "audit": "audit",
    "audit-hash": "audit",
    "auth": "auth methods",
    "capabilities": "policies",
    "capabilities-accessor": "policies",
    "capabilities-self": "policies",
    "config": "server",
    "decode-token": "rotation",
    "experiments": "server",
    "generate-root": "rotation",
    "generate-root-token": "rotation",
    "ha-status": "status of a server",
    "health": "status of a server",
    "host-info": "status of a server",
    "init": "seal",
    "internal": "mounts",
    "key-status": "rotation",
    "leader": "status of a server",
    "leases": "leases",
    "license": "server",
    "managed-keys": "server",
    "mounts": "mounts",
    "namespaces": "namespaces",
    "policies": "policies",
    "policy": "policies",
    "quotas": "quotas",
    "rekey": "rotation",
    "rekey-recovery-key": "rotation",
    "remount": "remount",
    "renew": "leases",
    "replication": "server",
    "revoke": "leases",
    "rotate": "rotation",
    "seal": "seal",
    "seal-status": "seal",
    "sealwrap": "seal wrap",
    "step-down": "server",
    "unseal": "seal",
    "version-history": "status of a server",
    "wrapping": "wrapping",
}
"""Below `sys/`. What is not here is no path of OpenBao, and to say so is part of the mounts."""

_ENGINES = {
    "cubbyhole": "cubbyhole",
    "generic": "kv",
    "identity": "identity",
    "kv": "kv",
    "kv-v1": "kv",
    "kv-v2": "kv",
    "plugin": "kv",
    "ssh": "leases",
}
_MOST_STRINGS = 1_000  # a listener of OpenBao takes no more in one body
_MOST_LEVELS = 300  # nor does vaultctl
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_METHODS = {"GET", "LIST", "SCAN", "POST", "PUT", "PATCH", "DELETE"}
_ASKING = {"GET", "LIST", "SCAN", "HEAD", "OPTIONS"}

_COMMANDS = {
    "agent": "other commands",
    "audit": "audit",
    "auth": "auth methods",
    "debug": "other commands",
    "delete": "commands on paths",
    "kv": "kv",
    "lease": "leases",
    "list": "commands on paths",
    "login": "tokens",
    "monitor": "other commands",
    "namespace": "namespaces",
    "operator": "seal",
    "patch": "commands on paths",
    "path-help": "commands on paths",
    "pki": "other commands",
    "plugin": "other commands",
    "policy": "policies",
    "print": "tokens",
    "proxy": "other commands",
    "read": "commands on paths",
    "scan": "commands on paths",
    "secrets": "commands on secrets engines",
    "server": "server",
    "ssh": "other commands",
    "status": "seal",
    "token": "tokens",
    "transit": "other commands",
    "unwrap": "commands of wrapping",
    "version": "version",
    "version-history": "server",
    "write": "commands on paths",
}
_OPERATOR = {
    "generate-root": "rotation",
    "init": "seal",
    "key-status": "rotation",
    "rekey": "rotation",
    "rotate": "rotation",
    "rotate-keys": "rotation",
    "seal": "seal",
    "unseal": "seal",
}
"""What people do with a server itself, by the word behind `operator`."""

_FLAGS = {
    "address": "remote servers",
    "agent-address": "remote servers",
    "header": WIRE,
    "namespace": "namespaces",
    "ns": "namespaces",
    "output-curl-string": "output-curl-string",
    "output-policy": "output-curl-string",
    "wrap-ttl": "commands of wrapping",
}
_NAMESPACE_SEALS = {"delete-sealed", "seal", "seal-status", "unseal"}
_ENVIRONMENT = {
    "ADDR": "remote servers",
    "AGENT_ADDR": "remote servers",
    "NAMESPACE": "namespaces",
    "TOKEN": "tokens",
    "LINE": "completion",
}
"""By the name behind `BAO_`, `VAULT_` or `COMP_`."""

_OTHER_TOKEN = ("tokens", "policies")
"""What it takes to ask with a token that a case made: what it may do is said by policies."""


def http_needs(case: Case) -> list[set[str]]:
    """Give what each step of a case needs, in their order."""
    mounts = _Mounts()
    server = {_config_need(case["config"])} if "config" in case else set()
    return [server | {need for each in _each(step) for need in _http_step(each, mounts)} for step in case["steps"]]


def _config_need(config: str) -> str:
    return AUDIT_CONFIG if set(config.splitlines()) <= _AUDIT_SETTINGS else "server"


def command_line_needs(case: Case) -> list[set[str]]:
    """Give what each command line of a case needs, in their order."""
    mounts = _Mounts()
    server = {"seal"} if case.get("server") in ("inmem", "raft") else set()
    if case.get("remote_only"):
        server.add("remote servers")
    return [server | set(_command_line(step, mounts)) for step in case["steps"]]


def waits_for(steps: list[Step], needs: list[set[str]], built: frozenset[str] = IN_PROCESS) -> set[str]:
    """Give what a case needs and this version has not; where that is nothing, the case is due."""
    waits = set().union(*needs) - built
    if waits == {WIRE} and list(askable(steps, needs, built)) and _can_do_without(steps, needs, built):
        return set()
    return waits


def _can_do_without(steps: list[Step], needs: list[set[str]], built: frozenset[str]) -> bool:
    return all(need <= built or _changed_nothing(step) for step, need in zip(steps, needs, strict=True))


def askable(steps: list[Step], needs: list[set[str]], built: frozenset[str] = IN_PROCESS) -> Iterator[int]:
    """Give the steps of a case that can be asked: up to the first one that has to wait and changed something."""
    for number, (step, need) in enumerate(zip(steps, needs, strict=True)):
        if need <= built:
            yield number
        elif not _changed_nothing(step):
            return


def _changed_nothing(step: Step) -> bool:
    return "parallel" not in step and (step.get("method", "GET") in _ASKING or step["expect"]["status"] >= 300)


def _each(step: Step) -> Iterator[Step]:
    yield from step.get("parallel", (step,))


def _http_step(step: Step, mounts: "_Mounts") -> Iterator[str]:
    if not _is_free_of_wire(step):
        yield WIRE
    if step.get("namespace", "").strip("/ ") not in ("", "root"):
        yield "namespaces"
    if "wrap_ttl" in step:
        yield "wrapping"
        if wrap_ttl_s(step) < 0:
            yield WIRE
    if "${" in (step.get("token") or ""):
        yield from _OTHER_TOKEN
    path = unquote(step.get("path", "").partition("?")[0])
    yield mounts.need_of(path)
    if step.get("method") in ("POST", "PUT"):
        mounts.follow(path, body_of(step))


def wrap_ttl_s(step: Step) -> float:
    """Give the seconds that an answer is to be wrapped for; less than 0 for what only the wire has words for."""
    try:
        return durations.parse(str(step.get("wrap_ttl", 0)))
    except durations.DurationError:
        return -1


def _is_free_of_wire(step: Step) -> bool:
    if step.get("method", "GET") not in _METHODS or "path" not in step or "check_headers" in step:
        return False
    if set(step.get("headers", ())) - {"Content-Type"} or "fill" in step:
        return False
    body = body_of(step)
    if body is None or _is_too_complex(body):
        return False
    path, _, query = step["path"].partition("?")
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
    return _is_clean(path) and len(names) == len(set(names)) and not _BAD_ESCAPE.search(query)


def _is_clean(path: str) -> bool:
    """Tell whether OpenBao's HTTP side takes a path as it is, and neither refuses it nor redirects to another."""
    return unquote(path).isprintable() and (path == "" or posixpath.normpath(path) == path.removesuffix("/"))


def _is_too_complex(body: Any) -> bool:
    strings, left = 0, [(body, 1)]
    while left:
        value, level = left.pop()
        if level > _MOST_LEVELS:
            return True
        if isinstance(value, dict):
            strings += len(value)
            left += [(item, level + 1) for item in value.values()]
        elif isinstance(value, list):
            left += [(item, level + 1) for item in value]
        strings += isinstance(value, str)
    return strings > _MOST_STRINGS


def body_of(step: Step) -> dict[str, Any] | None:
    """Give the body of a step, if it is none or a JSON object."""
    if step.get("raw", "") == "":
        return step.get("body", {})
    try:
        body = json.loads(step["raw"], parse_constant=_refuse)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _command_line(step: Step, mounts: "_Mounts") -> Iterator[str]:
    argv = step["argv"]
    flags = [arg.lstrip("-").partition("=")[0] for arg in argv if arg.startswith("-")]
    words = [arg for arg in argv if not arg.startswith("-")]
    yield from (_FLAGS[flag] for flag in flags if flag in _FLAGS)
    if any(how.get("path", "").isdigit() for how in step.get("save", {}).values()):
        yield "an order of chance"  # which of two names in a list it goes on with; OpenBao's root token has a short one
    for name, value in (step.get("env") or {}).items():
        known = _ENVIRONMENT.get(name.partition("_")[2])
        if known:
            yield known
        if known == "tokens" and "${" in (value or ""):
            yield from _OTHER_TOKEN
    if argv and argv[0] in ("-v", "-version", "--version"):
        yield "version"
        return
    command = _COMMANDS.get(argv[0], "other commands") if argv else "other commands"
    yield (
        _OPERATOR.get(words[1], "server") if command == "seal" and words[:1] == ["operator"] and words[1:] else command
    )
    if command == "namespaces" and words[1:2] and words[1] in _NAMESPACE_SEALS:
        yield "namespace seals"
    if command == "tokens":
        yield from _beside_tokens(words, flags, argv)
    if command == "commands on paths" and len(words) > 1:
        yield mounts.need_of(words[1].strip("/"))
    if words[:2] == ["secrets", "enable"] and len(words) > 2:
        path = next((arg.partition("=")[2] for arg in argv if arg.lstrip("-").startswith("path=")), words[-1])
        mounts.follow(f"sys/mounts/{path}", {"type": words[-1]})


def _beside_tokens(words: list[str], flags: list[str], argv: list[str]) -> Iterator[str]:
    if words[:1] == ["login"] and any(flag in ("method", "path") for flag in flags):
        yield "auth methods"
    if words[:2] == ["token", "capabilities"]:
        yield "policies"
    if "-mode=path" in argv:
        yield "leases"


class _Mounts:
    """What the steps of a case put where: as far as one must know to tell which engine a path falls to."""

    def __init__(self) -> None:
        self._types = {"secret": "kv", "cubbyhole": "cubbyhole", "identity": "identity"}

    def need_of(self, path: str) -> str:
        """Give the feature that a path falls to."""
        first, _, below = path.partition("/")
        if first == "sys":
            return _system(below)
        if first == "auth":
            return "tokens" if below.startswith("token/") else "auth methods"
        serving = [mount for mount in self._types if f"{path}/".startswith(f"{mount}/")]
        if not serving:
            return "mounts"  # to say that nothing is there is their part
        return _ENGINES.get(self._types[max(serving, key=len)], "other engines")

    def follow(self, path: str, body: Mapping[str, Any] | None) -> None:
        """Take note of a mount that is made or moved."""
        body = body or {}
        if path.startswith("sys/mounts/") and isinstance(body.get("type"), str):
            self._types.setdefault(path.removeprefix("sys/mounts/").strip("/"), body["type"])
        if path == "sys/remount" and str(body.get("from")).strip("/ ") in self._types:
            self._types.setdefault(str(body.get("to")).strip("/ "), self._types[str(body["from"]).strip("/ ")])


def _system(below: str) -> str:
    first, _, rest = below.partition("/")
    if rest.startswith("auth/") and rest.endswith("/tune"):
        return "auth methods"
    if first == "internal" and not rest.startswith("ui/mounts"):
        return "namespaces" if rest.startswith("ui/namespaces") else "server"
    return _SYSTEM.get(first, "mounts")
