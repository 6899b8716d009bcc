"""A real OpenBao that is no dev server: it begins without a state, and has a seal of shares."""

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from support.bao import await_that, binary, free_ports

_CONFIG = """
storage "inmem" {{}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  tls_disable = true
  {listener}
}}
{top}
"""


class ShamirBao:
    """A server with its state in memory."""

    def __init__(self, port: int, home: Path) -> None:
        self.port = port
        self.home = home
        self.token = ""

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Send a request, and give the status and the body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"X-Vault-Token": self.token} if self.token else {}
            connection.request(method, f"/v1/{path}", json.dumps(body or {}), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith(b"{") else {}
        finally:
            connection.close()

    def initialise(self, shares: int, threshold: int) -> list[str]:
        """Make its state, unseal it, and give the shares in hex."""
        _, made = self.ask("PUT", "sys/init", {"secret_shares": shares, "secret_threshold": threshold})
        self.token = made["root_token"]
        keys: list[str] = made["keys"]
        self.unseal(*keys[:threshold])
        await_that(lambda: self.ask("GET", "sys/mounts")[0] == 200)
        return keys

    def unseal(self, *shares: str) -> bool:
        """Enter shares, and tell whether that unsealed it."""
        for share in shares:
            status, answer = self.ask("PUT", "sys/unseal", {"key": share})
            if status != 200:
                return False
        return not answer["sealed"]


@contextmanager
def shamir_bao(home: Path, *, top: str = "", listener: str = "") -> Iterator[ShamirBao]:
    """Run a server on a free port of this machine, and end it."""
    program, port = binary(), free_ports()
    (home / "server.hcl").write_text(_CONFIG.format(port=port, top=top, listener=listener))
    with open(home / "server.log", "wb") as log:
        process = subprocess.Popen(
            [program, "server", f"-config={home / 'server.hcl'}"],
            env={"HOME": str(home)},
            stdout=log,
            stderr=log,
            cwd=home,
        )
    bao = ShamirBao(port, home)

    def answers() -> bool:
        if process.poll() is not None:
            pytest.fail((home / "server.log").read_text()[-2000:])
        with suppress(OSError):
            return bao.ask("GET", "sys/init")[0] == 200
        return False

    try:
        await_that(answers)
        yield bao
    finally:
        process.kill()
        process.wait()
