"""HTTP as it is, byte for byte, for tests of a server: recorded steps, and whatever no client would send."""

import http.client
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from support import processes
from support.replay import Outcome, Step, filled
from support.states import ROOT_TOKEN
from support.transcripts import wire_outcome
from vaultctl.connect import remote
from vaultctl.http.remote import RemoteDoor

_ENVELOPE = {"request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"}


class Got(NamedTuple):
    """What a server answered; the names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Give the decoded body."""
        return json.loads(self.body)


def free_port() -> int:
    """Give a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(port: int, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> Got:
    """Send one request over a connection of its own, with these headers and no others but Host and Content-Length."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value.encode())
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    try:
        connection.endheaders(body)
        answer = connection.getresponse()
        got = Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
    return got


@contextmanager
def dev_server() -> Iterator["DevServer"]:
    """Run a server in a process of its own, until the test ends."""
    port = free_port()
    process = processes.start("serve_dev", port)
    try:
        assert processes.hear(process) == "ready"
        yield DevServer(port, process)
    finally:
        code, _ = processes.end(process)
        assert code == 0


@contextmanager
def proxy_of(server: "DevServer") -> Iterator["DevServer"]:
    """Run a server that passes all on to another one, in a process of its own, until the test ends."""
    port = free_port()
    process = processes.start("serve_proxy", port, server.address)
    try:
        assert processes.hear(process) == "ready"
        yield Proxy(port, process, server)
    finally:
        code, said = processes.end(process)
        assert (code, said) == (0, [])


class DevServer:
    """A server over a state in memory that can be put back to its beginning."""

    unseal_key = ""
    """The one share of its seal since it began anew."""

    def __init__(self, port: int, process: Any) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self._process = process

    def begin_anew(self) -> "DevServer":
        """Forget all that was stored."""
        processes.say(self._process, "new")
        said, self.unseal_key = processes.hear(self._process).split()
        assert said == "new"
        return self

    def door(self) -> RemoteDoor:
        """Give the door that commands use on a remote, to this server; whoever asked for it closes it."""
        return remote_door(self.address)

    def outcome(self, step: Step, saved: Mapping[str, str]) -> Outcome:
        """Ask one recorded step, and give the answer in the form of the recording."""
        target = (step.get("abs_path") or "/v1/" + filled(step["path"], saved)).replace(" ", "%20")
        got = ask(self.port, step.get("method", "GET"), target, _body_of(step, saved), _headers_of(step, saved))
        return wire_outcome(_recorded(got, step))


class Proxy(DevServer):
    """A server in front of another one."""

    def __init__(self, port: int, process: Any, behind: DevServer) -> None:
        super().__init__(port, process)
        self._behind = behind

    def begin_anew(self) -> "DevServer":
        """Let the one behind forget all that was stored."""
        self.unseal_key = self._behind.begin_anew().unseal_key
        return self


def remote_door(address: str) -> RemoteDoor:
    """Give the door that commands use on a remote, to this address."""
    return remote.connect({}, address, remote.NO_FLAGS).door


def _body_of(step: Step, saved: Mapping[str, str]) -> bytes | None:
    if "fill" in step:
        fill = step["fill"]
        text = fill["prefix"] + fill["char"] * fill["size"] + fill["suffix"]
        return str(text).encode()
    if "raw" in step:
        return str(filled(step["raw"], saved)).encode()
    return json.dumps(filled(step["body"], saved)).encode() if "body" in step else None


def _headers_of(step: Step, saved: Mapping[str, str]) -> dict[str, str]:
    token = step.get("token", "root")
    usual = {
        "X-Vault-Token": ROOT_TOKEN if token == "root" else filled(token or "", saved),
        "X-Vault-Namespace": step.get("namespace", ""),
        "X-Vault-Wrap-TTL": str(step.get("wrap_ttl", "")),
    }
    given = {name: _with_token(str(value or "")) for name, value in step.get("headers", {}).items()}
    return {name: value for name, value in {**usual, **given}.items() if value}


def _with_token(header: str) -> str:
    """Put our root token where the recorded server's stood, whose token was `root`."""
    return re.sub(r"^(Bearer +)root$", rf"\g<1>{ROOT_TOKEN}", header)


def _recorded(got: Got, step: Step) -> dict[str, Any]:
    """Write an answer down as the recordings are."""
    found: dict[str, Any] = {"status": got.status}
    content_type = got.headers.get("content-type")
    if content_type != "application/json":
        found["content_type"] = content_type
    if "location" in got.headers:
        found["location"] = got.headers["location"]
    if "check_headers" in step:
        found["headers"] = {name: got.headers.get(name.lower()) for name in step["check_headers"]}
    if content_type == "application/json" and got.body:
        found |= _body_recorded(got.json)
    elif got.body:
        found["text"] = got.body.decode()
    return found


def _is_kept(value: Any) -> bool:
    return bool(value) or value == {}


def _body_recorded(body: dict[str, Any]) -> dict[str, Any]:
    if not body.keys() >= _ENVELOPE:
        return {"body": body}
    envelope = {name: body[name] for name in _ENVELOPE if name != "request_id" and _is_kept(body[name])}
    data = body["data"]
    mirrored = bool(data) and all(name in body and body[name] == data[name] for name in data)
    return {"envelope": envelope, **({"mirrored": True} if mirrored else {})}
