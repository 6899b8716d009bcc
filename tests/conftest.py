import pytest
from support.bao import serving
from support.program import Here, Program


@pytest.fixture
def vaultctl(tmp_path):
    """The program, run as a child with a home of its own."""
    return Program(tmp_path)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """The program, run in this process with a home of its own, before its first use."""
    return Here(tmp_path, monkeypatch)


@pytest.fixture
def here(fresh):
    """The program, run in this process, after its first use."""
    return fresh.used()


@pytest.fixture(scope="session")
def running_bao(tmp_path_factory):
    """A real OpenBao for all tests of this process."""
    with serving(tmp_path_factory.mktemp("bao")) as bao:
        yield bao


@pytest.fixture
def bao(running_bao):
    """A real OpenBao that holds what a new dev server does."""
    running_bao.reset()
    return running_bao
