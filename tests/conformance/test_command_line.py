"""What `bao` printed, asked of the program in this process, as far as this version is built."""

from contextlib import ExitStack

import pytest
from support.bao import ROOT_TOKEN, free_ports
from support.command_lines import replay
from support.conformance import LISTED, command_line
from support.own_server import own_server

_CASES = command_line().cases
_ADDRESSED = {"namespace/env-and-flags", "auth/move", "secrets_move/inside-namespace-flag"}
"""These name a namespace by the environment: that means a cluster, and without an address stderr says so."""


@pytest.mark.parametrize("name", command_line().due())
def test_the_program_prints_what_bao_did(name, here, record_property, request):
    """Exit code, stdout and stderr of each command line are those of bao, but for those with a named difference."""
    record_property("transcript", name)
    server = _server_of(name, here, request)
    expected, came = [], []
    for number, (step, wanted, printed) in enumerate(replay(here, _CASES[name], server)):
        is_different = LISTED.is_different(name, number)
        expected.append((number, step["argv"], "something else" if is_different else wanted))
        came.append((number, step["argv"], "something else" if is_different and wanted != printed else printed))
    assert expected == came


def _server_of(name, here, request):
    """Give the environment that reaches the server of a case which is about one; others ask the local state."""
    if _CASES[name].get("remote_only") and _CASES[name].get("server") == "none":
        return {"BAO_ADDR": f"http://127.0.0.1:{free_ports()}", "BAO_TOKEN": ROOT_TOKEN, "HOME": str(here.home)}
    if _CASES[name].get("remote_only"):
        return {**request.getfixturevalue("bao").env, "HOME": str(here.home)}
    if not name.startswith("operator/") and name not in _ADDRESSED:
        return {}
    is_made = _CASES[name].get("server") != "inmem"
    running = request.getfixturevalue("own_servers")("-dev", "-dev-root-token-id=root") if is_made else None
    running = running or request.getfixturevalue("own_servers")("-no-init")
    return {"BAO_ADDR": running, "BAO_TOKEN": "root" if is_made else "", "HOME": str(here.home)}


@pytest.fixture
def own_servers(tmp_path):
    """Start servers of our own, each over a folder of its own, which end with the test."""
    with ExitStack() as running:
        yield lambda *flags: running.enter_context(own_server(tmp_path / "server", *flags))
