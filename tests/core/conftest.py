import pytest
from support.places import KINDS, Place


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    """A place without a state, of each kind."""
    return Place(request.param, tmp_path)
