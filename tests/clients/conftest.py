from contextlib import suppress

import pytest
from support.bao import ROOT_TOKEN, Bao, binary, free_ports
from support.program import Program


@pytest.fixture(scope="module")
def running_vaultctl(tmp_path_factory):
    """A `vaultctl server -dev` for all tests of a module, with the token and the mounts of the real one's."""
    home = tmp_path_factory.mktemp("served")
    port = free_ports()
    address = f"-dev-listen-address=127.0.0.1:{port}"
    process = Program(home).start("server", "-dev", f"-dev-root-token-id={ROOT_TOKEN}", address)
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "server started!" in line:
                break
        else:
            pytest.fail(said + process.stderr.read())
        yield Bao(binary(), port, home)
    finally:
        with suppress(OSError):
            process.kill()
        process.communicate()


@pytest.fixture
def ours(running_vaultctl):
    """Our server, holding what a new dev server does; what runs on it is the real `bao`."""
    running_vaultctl.reset()
    return running_vaultctl
