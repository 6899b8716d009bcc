"""A `vaultctl server -dev`, as a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.bao import ROOT_TOKEN, Bao, binary, free_ports
from support.program import Program


@contextmanager
def serving(home: Path) -> Iterator[Bao]:
    """Run a server on a free port of this machine, and end it; what runs on it is the real `bao`."""
    port = free_ports()
    address = f"-dev-listen-address=127.0.0.1:{port}"
    process = Program(home).start("server", "-dev", f"-dev-root-token-id={ROOT_TOKEN}", address)
    try:
        said = ""
        for line in process.stdout or ():
            said += line
            if "server started!" in line:
                break
        else:
            pytest.fail(said + (process.stderr.read() if process.stderr else ""))
        yield Bao(binary(), port, home)
    finally:
        with suppress(OSError):
            process.kill()
        process.communicate()
