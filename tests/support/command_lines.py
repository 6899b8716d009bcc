"""Recorded command lines of `bao`, given to vaultctl, and what they print in one form.

Blanks between columns count for nothing there, nor does what differs from run to run; of a help text only its facts do.
"""

import json
import os
import pty
import re
import select
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from support.normal import without_age
from support.program import Here, Program, Ran
from support.transcripts import Case

Step = Mapping[str, Any]
Printed = dict[str, Any]

_CHANGING = [
    (re.compile(pattern), put)
    for pattern, put in (
        (r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{44})(?![A-Za-z0-9+/=])", "<b64key>"),
        (r"\b[0-9a-f]{64}(?:[0-9a-f]{2})?\b", "<hex64>"),
        (r"\bvaultctl\b", "bao"),
        (r"http://127\.0\.0\.1:\d+|\blocal:(?=/v1)", "<addr>"),
        (r"(?<=dial tcp )127\.0\.0\.1:\d+", "<hostport>"),
        (r"(?<=https://)127\.0\.0\.1:\d+", "<hostport>"),
        (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b([a-z][a-z0-9-]*(?:_[a-z][a-z0-9-]*)*)_[0-9a-f]{8}\b", r"\1_<acc>"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "<time>"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 UTC", "<time>"),
        (r"\bv?\d+\.\d+\.\d+(?:-[\w.]+)?\+builtin(?:\.[a-z]+)?", "<builtin-version>"),
        (r"""(?m)^(id +|\s*"id": "|\s*id: ['"]?)[A-Za-z0-9]{6}(?=['",]*$)""", r"\1<nsid>"),
        (r"\bs\.[A-Za-z0-9]{24}\b|\bb\.[A-Za-z0-9_-]{60,}", "<token>"),
        (r"\b[A-Za-z0-9]{24}\b", "<id24>"),
        (r"(?<=\bcreation_time)(\s+)1[789]\d{8}\b", r"\1<unix>"),
        (r'(?<="creation_time": )1[789]\d{8}\b', '"<unix>"'),
        (r"\bvault-cluster-[0-9a-f]{8}\b", "<cluster>"),
        (r"(?m)^(Version +)\d+\.\d+\.\d+$", r"\1<version>"),
        (r"(?m)^(Storage Type +)\w+$", r"\1<storage>"),
        (r"(?m)^(Encryption Count +)[1-9]\d*$", r"\1<n>"),
        (r'(?<="encryptions": )[1-9]\d*', '"<n>"'),
        (r"(?<=cannot tune parameter )\w+(?= of)", "<any>"),  # bao names the one that chance puts first
    )
]
_RULE = re.compile(r"\s*-+(?: {2,}-+)*\s*")
_BY_CHANCE = "Waiting for terminal status in migration of "


def replay(here: Here, case: Case, server: Mapping[str, str] = {}) -> Iterator[tuple[Step, Printed, Printed]]:
    """Run the command lines of a case; give each step, what is expected and what came.

    `server` is the environment that reaches the server of a case that is about one.
    """
    for name, text in case.get("files", {}).items():
        here.home.joinpath(name).write_text(text)
    address = server.get("BAO_ADDR", "http://127.0.0.1:1")
    saved = {"addr": address, "port": address.rpartition(":")[2], "cwd": str(here.home)}
    for step in case["steps"]:
        argv = [_filled(arg, saved) for arg in step["argv"]]
        given = {**server, **(step.get("env") or {})}
        env = {name: _filled(value, saved) for name, value in given.items() if value is not None}
        if not server and any(name.endswith("_TOKEN") for name in env):
            env["VAULTCTL_LOCAL"] = "1"  # nobody means a cluster, so there is nothing to be told of
        stdin = _stdin(step, saved)
        if argv and argv[0] == "login" and not server:
            argv = [re.sub(r"^(token=)?root$", rf"\g<1>{_own_root(here)}", word) for word in argv]
            stdin = stdin.replace(b"root", _own_root(here).encode())
        ran = _on_terminal(here, argv, env, stdin) if step.get("tty") else here(*argv, stdin=stdin, env=env)
        for name, how in step.get("save", {}).items():
            saved[name] = _found(how, ran)
        if not server:
            ran = ran._replace(out=(ran.out + _files(here, step)).replace(_own_root(here), "root"))
        expect = step["expect"]
        yield step, _printed(step, Ran(expect["exit"], expect["stdout"], expect["stderr"])), _printed(step, ran)


def _own_root(here: Here) -> str:
    """Give our root token, which stands where the recorded server's stood, whose token was `root`."""
    return here.data.joinpath("root-token").read_text().strip()


def _files(here: Here, step: Step) -> str:
    """Give the files that a step looks at; a token that was earned on the local state lies beside the state."""
    shown = ""
    for name in step.get("read_files", ()):
        path = here.data / "token" if name.endswith(".vault-token") else here.home / name
        if path.exists():
            shown += f"--- file {name} ---\n{path.read_text()}--- mode {path.stat().st_mode & 0o777:o} ---\n"
        else:
            shown += f"--- file {name} ---\n(absent)"
    return shown


def _stdin(step: Step, saved: Mapping[str, str]) -> bytes:
    return _filled(step.get("stdin") or "", saved).encode()


def _filled(text: str, saved: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda found: saved[found[1]], text)


def _found(how: Mapping[str, str], ran: Ran) -> str:
    if how["from"] == "json":
        if ran.code:
            return ""
        value = json.loads(ran.out)
        for key in how["path"].split("."):
            value = value[int(key) if isinstance(value, list) else key]
        return str(value)
    found = re.search(how["regex"], ran.out if how["from"] == "stdout" else ran.err)
    return found[1] if found else ""


def _printed(step: Step, ran: Ran) -> Printed:
    if step.get("mode") == "exit":
        return {"exit": ran.code}
    if step.get("mode") == "help":
        return {"exit": ran.code, "stdout": _facts(ran.out), "stderr": _complaint(ran.err)}
    return {"exit": ran.code, "stdout": _form(ran.out), "stderr": _form(ran.err)}


def _form(text: str) -> Any:
    """Give JSON as what it holds, and other text without what counts for nothing."""
    for pattern, put in _CHANGING:
        text = pattern.sub(put, text)
    try:
        value = json.loads(text)
    except ValueError:
        return [_spaced(line) for line in text.split("\n") if not line.startswith(_BY_CHANCE)]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value)  # keys come in an order of chance
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = {**value, "data": without_age(value["data"])}
    return value if isinstance(value, dict | list) else text


_A_LITTLE_LESS = re.compile(r"^(ttl +)(\d+)h59m5\ds$")


def _spaced(line: str) -> str:
    line = _A_LITTLE_LESS.sub(lambda found: f"{found[1]}{int(found[2]) + 1}h", line)
    if line.strip() and _RULE.fullmatch(line):
        return "  ".join("--" for _ in line.split())
    return re.sub(" {2,}", "  ", line)


def _facts(text: str) -> list[str]:
    """Give the facts of a help text: how it is used, its flags, its commands and what it finds wrong."""
    if re.match(r"(?:usage: |flag: |sub: |err: |\(empty\))", text):
        return text.splitlines()
    text = re.sub(r"\bvaultctl\b", "bao", text)
    lines = text.splitlines()
    usage = [f"usage: {re.sub(' +', ' ', line).strip()}" for line in lines if line.lstrip().startswith("Usage:")]
    flags = {f"flag: {found[1]}" for line in lines if (found := re.match(r" {2,}(-{1,2}[a-z][a-z0-9-]*)", line))}
    commands = {f"sub: {found[1]}" for line in lines if (found := re.match(r" {4}([a-z][a-z0-9-]*) {2,}\S", line))}
    return [*usage, *sorted(flags), *sorted(commands)] or ["(empty)"]


def _complaint(text: str) -> list[str]:
    """Give the first line of what stands beside a help text, where it says what went wrong."""
    found = _facts(text)
    first = text.partition("\n")[0]
    return [f"err: {first}"] if found == ["(empty)"] and first.startswith("Error ") else found


def _on_terminal(here: Here, argv: list[str], env: Mapping[str, str], stdin: bytes) -> Ran:
    """Run a command line as a child whose three streams are terminals."""
    out, err = pty.openpty(), pty.openpty()
    program = Program(here.home)
    child = subprocess.Popen(
        program.argv(*argv), stdin=out[1], stdout=out[1], stderr=err[1], env={**program.env, "TERM": "xterm", **env}
    )
    os.write(out[0], stdin)
    os.close(out[1])
    os.close(err[1])
    text = _read_all([out[0], err[0]])
    return Ran(child.wait(), text[out[0]], text[err[0]])


def _read_all(descriptors: list[int]) -> dict[int, str]:
    data = dict.fromkeys(descriptors, b"")
    left = set(descriptors)
    while left:
        for descriptor in select.select(list(left), [], [])[0]:
            try:
                more = os.read(descriptor, 65536)
            except OSError:  # how Linux says that the other end is closed
                more = b""
            data[descriptor] += more
            if not more:
                left.remove(descriptor)
                os.close(descriptor)
    return {descriptor: text.decode(errors="replace").replace("\r\n", "\n") for descriptor, text in data.items()}
