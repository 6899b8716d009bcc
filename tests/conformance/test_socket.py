"""What OpenBao answered over HTTP, asked of our server over HTTP, as far as this version is built."""

import pytest
from support.conformance import LISTED, identical_share, socket
from support.replay import replay_by
from support.sockets import dev_server

_CASES = socket().cases
_ASKED = socket().asked()


@pytest.fixture(scope="module")
def server():
    """Give a server in another process, for all cases."""
    with dev_server() as running:
        yield running


@pytest.mark.parametrize("name", _ASKED)
def test_the_server_answers_as_openbao_did(name, server, record_property):
    """The server answers each step that it can be asked as OpenBao did, headers and redirects too."""
    record_property("transcript", name)
    steps, numbers = _CASES[name]["steps"], _ASKED[name]
    answers = replay_by(server.begin_anew().outcome, steps, numbers=numbers)
    expected, came = [], []
    for number, (step, wanted, answer) in zip(numbers, answers, strict=True):
        asked = (number, step.get("method"), step.get("path"))
        is_different = LISTED.is_different(name, number)
        expected.append((*asked, "another answer" if is_different else wanted))
        came.append((*asked, "another answer" if is_different and wanted != answer else answer))
    assert expected == came


def test_at_least_97_percent_of_what_is_due_over_a_socket_is_identical():
    """Of the cases that need only what this version has built, at most three in a hundred have a step that differs."""
    assert identical_share(socket()) >= 0.97, socket().different()
