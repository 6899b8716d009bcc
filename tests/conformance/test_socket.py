"""What OpenBao answered over HTTP, asked of our server over HTTP, as far as this version is built.

The server is asked on its own, and behind another one that passes all on to it; so is the server that a vault for tests
has.
"""

from urllib.parse import urlsplit

import pytest
from support.conformance import LISTED, identical_share, socket
from support.replay import replay_by
from support.sockets import DevServer, dev_server, proxy_of
from support.states import ROOT_TOKEN

from vaultctl.testing import Vault

_CASES = socket().cases
_ASKED = socket().asked()


@pytest.fixture(scope="module")
def server():
    """Give a server in another process, for all cases."""
    with dev_server() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server):
    """Give a server in front of it, in a third process."""
    with proxy_of(server) as running:
        yield running


@pytest.mark.parametrize("name", _ASKED)
def test_the_server_answers_as_openbao_did(name, server, record_property):
    """The server answers each step that it can be asked as OpenBao did, headers and redirects too."""
    record_property("transcript", name)
    expected, came = _compared(name, server)
    assert expected == came


@pytest.mark.parametrize("name", _ASKED)
def test_a_proxy_answers_as_openbao_did(name, proxy):
    """A server in front of another one answers as that one does, headers and redirects too."""
    expected, came = _compared(name, proxy)
    assert expected == came


class Double(DevServer):
    """The server of a vault for tests, in this process."""

    def __init__(self, vault):
        self._vault = vault
        super().__init__(urlsplit(vault.address).port, None)

    def begin_anew(self):
        """Forget all that was stored."""
        self._vault.reset()
        self.unseal_key = self._vault.unseal_key
        return self


@pytest.fixture(scope="module")
def double():
    """Give the server of a vault for tests."""
    with Vault(token=ROOT_TOKEN) as vault:
        yield Double(vault)


@pytest.mark.parametrize("name", _ASKED)
def test_a_vault_for_tests_answers_as_openbao_did(name, double):
    """The server that a test starts in its own process answers as the one that serves people does."""
    expected, came = _compared(name, double)
    assert expected == came


def _compared(name, server):
    """Give for each step that is asked what is expected, and what came."""
    steps, numbers = _CASES[name]["steps"], _ASKED[name]
    begun = server.begin_anew()
    answers = replay_by(begun.outcome, steps, numbers=numbers, unseal_key=begun.unseal_key)
    expected, came = [], []
    for number, (step, wanted, answer) in zip(numbers, answers, strict=True):
        asked = (number, step.get("method"), step.get("path"))
        is_different = LISTED.is_different(name, number)
        expected.append((*asked, "another answer" if is_different else wanted))
        came.append((*asked, "another answer" if is_different and wanted != answer else answer))
    return expected, came


def test_at_least_97_percent_of_what_is_due_over_a_socket_is_identical():
    """Of the cases that need only what this version has built, at most three in a hundred have a step that differs."""
    assert identical_share(socket()) >= 0.97, socket().different()
