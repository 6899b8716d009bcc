import pytest
from support.places import KINDS, ON_DISK, TEXT, Place


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    """A place without a state, of each kind."""
    return Place(request.param, tmp_path)


@pytest.fixture(params=ON_DISK)
def disk_place(request, tmp_path):
    """A place without a state, of each kind that is a file."""
    return Place(request.param, tmp_path)


@pytest.fixture(params=TEXT)
def text_place(request, tmp_path):
    """A place without a state, of each kind that is a text file."""
    return Place(request.param, tmp_path)
