"""Paths that take no token, asked with and without one: answered as by a real OpenBao, and as many uses are taken."""

import http.client
import json

import pytest
from support import bao as real
from support import states

OPEN = ["sys/internal/ui/namespaces", "sys/internal/specs/openapi"]
TO_ALL = [*OPEN, "auth/in/login/u", "sys/seal-status", "sys/leader"]


class _Server:
    """A server that both kinds of test ask alike, with a userpass mount."""

    def __init__(self, port: int, root: str) -> None:
        self.port = port
        self.root = root
        self.ask("POST", "sys/auth/in", root, {"type": "userpass"})

    def ask(self, method: str, path: str, token: str = "", body: object = None) -> "tuple[int, dict]":
        """Send a request; give the status, and the answer without what is by chance."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"X-Vault-Token": token} if token else {}
        connection.request(method, f"/v1/{path}", None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text or b"{}")

    def token(self, policy: str) -> "tuple[str, str]":
        """Make a token of five uses, and give it with its accessor."""
        made = self.ask("POST", "auth/token/create", self.root, {"policies": [policy], "num_uses": 5})[1]["auth"]
        return made["client_token"], made["accessor"]

    def uses(self, accessor: str) -> int:
        """Tell how many uses are left."""
        found = self.ask("POST", "auth/token/lookup-accessor", self.root, {"accessor": accessor})[1]
        return found["data"]["num_uses"]


@pytest.fixture(scope="module")
def servers(running_bao, one_server):
    """A real OpenBao, and a server of ours."""
    running_bao.reset()
    return [_Server(running_bao.port, real.ROOT_TOKEN), _Server(one_server.port, states.ROOT_TOKEN)]


def _without_id(answer: "tuple[int, dict]") -> "tuple[int, dict]":
    return answer[0], {name: value for name, value in answer[1].items() if name != "request_id"}


@pytest.mark.parametrize("method", ["LIST", "SCAN"])
@pytest.mark.parametrize("path", TO_ALL)
def test_a_listing_of_no_folder_takes_a_token(servers, path, method):
    """Where one path alone is open, what lies below it is not, and so a listing is refused without a token."""
    told = [[_without_id(server.ask(method, path, token)) for token in ("", "no-token")] for server in servers]
    assert told[1] == told[0]


@pytest.mark.parametrize("policy", ["root", "default"])
@pytest.mark.parametrize("method", ["GET", "LIST", "SCAN", "POST", "DELETE"])
@pytest.mark.parametrize("path", OPEN)
def test_uses_of_a_token(servers, path, method, policy):
    """What needs no token takes no use of one, and a listing that needs one does."""
    told = []
    for server in servers:
        token, accessor = server.token(policy)
        status, _ = server.ask(method, path, token, {} if method == "POST" else None)
        told.append((status, server.uses(accessor)))
    assert told[1] == told[0]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_the_description_is_given_to_a_write(servers, method):
    """The OpenAPI document is the answer to a write, too, whose fields are looked at."""
    for server in servers:
        status, document = server.ask(method, "sys/internal/specs/openapi", server.root, {"generic_mount_paths": True})
        assert (status, "/sys/mounts" in document["paths"], document["openapi"]) == (200, True, "3.0.2")
        assert server.ask(method, "sys/internal/specs/openapi")[1]["paths"] == {}
    bad = [server.ask("PUT", "sys/internal/specs/openapi", "", {"generic_mount_paths": "zz"}) for server in servers]
    assert bad[1] == bad[0]
