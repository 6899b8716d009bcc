import pytest
from support.runtime import runtime_folder


@pytest.fixture
def runtime(monkeypatch):
    """A runtime folder in memory, which commands in this process find."""
    with runtime_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder
