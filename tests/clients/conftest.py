import pytest
from support import served


@pytest.fixture(scope="module")
def running_vaultctl(tmp_path_factory):
    """A `vaultctl server -dev` for all tests of a module, with the token and the mounts of the real one's."""
    with served.serving(tmp_path_factory.mktemp("served")) as ours:
        yield ours


@pytest.fixture
def ours(running_vaultctl):
    """Our server, holding what a new dev server does; what runs on it is the real `bao`."""
    running_vaultctl.reset()
    return running_vaultctl
