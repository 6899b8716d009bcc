"""What goes on after a state was restored, or a command was killed."""

import pytest
from support.places import Place
from support.states import ROOT_TOKEN, initialise, make_core, open_state, write

from vaultctl.core import maintenance, pipeline
from vaultctl.core.exchange import Exchange
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory


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


def test_a_move_that_was_cut_short_is_finished_first():
    """A write finishes the move that a killed command left before it does its own work, even where it is refused."""
    core = make_core(Memory())
    ask = Request(Operation.UPDATE, "sys/remount", data={"from": "secret", "to": "moved"}, token=ROOT_TOKEN)
    with core.sessions.writing() as session:
        begun = pipeline.run(Exchange(core.host, session, ask, writing=True))  # committed, and then the process died

    with pytest.raises(InvalidRequest):
        core.handle(Request(Operation.UPDATE, "sys/mounts/moved", data={"type": "kv"}, token=ROOT_TOKEN))

    path = f"sys/remount/status/{begun.data['migration_id']}"
    status = core.handle(Request(Operation.READ, path, token=ROOT_TOKEN))
    assert status.data["migration_info"]["status"] == "success"
