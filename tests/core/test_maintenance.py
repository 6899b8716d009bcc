"""A restored state goes on where the newer of the two was."""

from support.places import Place
from support.states import initialise, open_state, write

from vaultctl.core import maintenance


def test_restoring_an_older_copy_keeps_the_newer_counts(place: Place, tmp_path):
    """The generation and the number of encryptions never go back, for the keys are the same ones."""
    here = open_state(place.open())
    initialise(here)
    saved = open_state(Place("json", tmp_path / "saved").open())
    maintenance.save(here, saved.backend)
    for number in range(5):
        write(here, {f"logical/x/{number}": b"v"})
    with here.reader() as view:
        before = view.header

    maintenance.restore(saved, here.backend)

    with here.reader() as view:
        after = view.header
    assert before.encryptions == after.encryptions
    assert after.generation > before.generation
