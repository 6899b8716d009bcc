import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support.sockets import ask, dev_server, free_port


class Served:
    """A `vaultctl server` that runs as a child."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, token: str) -> None:
        self.process = process
        self.port = port
        self.token = token
        self.said = ""

    def await_start(self) -> "Served":
        """Read what it says until it is up."""
        for line in self.process.stdout:
            self.said += line
            if "server started!" in line:
                return self
        raise AssertionError(self.said + self.process.stderr.read())

    def ask(self, method, path, body=None):
        """Ask with its token."""
        return ask(self.port, method, "/v1/" + path, body, {"X-Vault-Token": self.token})

    def stop(self) -> "tuple[int, str, str]":
        """End it as people do; give its exit code and the rest of what it said."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def serve(vaultctl):
    """Start servers, each on a port of its own, which end with the test."""
    running = []

    def start(*args, token="the-root-token", **options):
        port = free_port()
        address = f"-listen-address=127.0.0.1:{port}"
        running.append(vaultctl.start("server", address, *args, **options))
        return Served(running[-1], port, token).await_start()

    yield start
    for process in running:
        with suppress(OSError):
            process.kill()
        process.communicate()


@pytest.fixture
def serve_dev(serve):
    """Start a server over a state in memory, with a known root token."""
    return lambda *args, **options: serve("-dev", "-dev-root-token-id=the-root-token", *args, **options)


@pytest.fixture(scope="module")
def one_server():
    """One server in memory for all tests of a module."""
    with dev_server() as running:
        yield running


@pytest.fixture
def certificate(tmp_path) -> "tuple[Path, Path, ssl.SSLContext]":
    """A certificate for loopback, its key, and a client's trust in it."""
    from support.authority import Authority

    authority = Authority(tmp_path)
    files = authority.sign("server", "127.0.0.1")
    return files.cert, files.key, ssl.create_default_context(cafile=authority.file)


@pytest.fixture
def await_that():
    """Wait until something holds."""

    def wait(holds, patience_s=20.0):
        deadline = time.monotonic() + patience_s
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return wait
