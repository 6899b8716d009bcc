"""Slashes in the paths of a move: one in front and one behind are nothing, more are refused or name no mount."""

import http.client
import json

import pytest
from support import bao as real
from support import states
from support.bao import await_that

CASES = [
    *[(source, "to") for source in ("at", "/at/", "//at", "at//", "at///", "at/below", "/", "//", "sys//", "no//x")],
    *[
        ("at", target)
        for target in ("/to/", "to//", "to//x", "to/x//", "to/./x", "//", "auth//", "sys//", "at//", "in")
    ],
    *[("at", target) for target in ("in/to", "in//to", "in/to//", "in/to//x")],
    *[("in/at", "to"), ("in//at", "to"), ("in/at//", "to"), ("//in/at", "to"), ("auth//at", "auth/to")],
    *[("auth/at", "auth/to//"), ("auth/at//", "auth/to"), ("auth/at", "in//auth/to"), ("//auth/at", "auth/to")],
]


class _Server:
    """A server with a namespace `in`, and what is to move."""

    def __init__(self, port: int, root: str) -> None:
        self._port = port
        self._root = root
        self("PUT", "sys/namespaces/in")

    def __call__(self, method: str, path: str, body: object = None, namespace: str = "") -> "tuple[int, dict]":
        """Send a request, and give the status and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"X-Vault-Token": self._root, **({"X-Vault-Namespace": namespace} if namespace else {})}
        connection.request(method, f"/v1/{path}", json.dumps(body or {}), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text or b"{}")

    def put_back(self) -> None:
        """Have `at` in both namespaces and among the auth methods, and nothing at `to`."""
        for namespace in ("", "in"):
            for table, type_ in (("mounts", "kv"), ("auth", "userpass")):
                for path in self("GET", f"sys/{table}", namespace=namespace)[1]["data"]:
                    if path.startswith("to/"):
                        self("DELETE", f"sys/{table}/{path}", namespace=namespace)
                self("POST", f"sys/{table}/at", {"type": type_}, namespace)

    def move(self, source: str, target: str) -> object:
        """Move, and tell why that is refused, or how it went and what is where then."""
        status, answer = self("POST", "sys/remount", {"from": source, "to": target})
        if status != 200:
            return status, answer["errors"]
        id_ = answer["data"]["migration_id"]
        told = {}

        def is_over() -> bool:
            told.update(self("GET", f"sys/remount/status/{id_}")[1]["data"]["migration_info"])
            return told["status"] != "in-progress"

        await_that(is_over)
        return told["status"], told["source_mount"], told["target_mount"]

    def places(self) -> "list[list[str]]":
        """Give the paths of all mounts that a case may have touched."""
        return [
            sorted(
                path for path in self("GET", f"sys/{table}", namespace=namespace)[1]["data"] if path[:2] in ("at", "to")
            )
            for namespace in ("", "in")
            for table in ("mounts", "auth")
        ]


@pytest.fixture(scope="module")
def servers(running_bao, one_server):
    """A real OpenBao, and a server of ours."""
    running_bao.reset()
    return [_Server(running_bao.port, real.ROOT_TOKEN), _Server(one_server.port, states.ROOT_TOKEN)]


@pytest.mark.parametrize(("source", "target"), CASES)
def test_slashes_are_told_apart_as_openbao_does(servers, source, target):
    """The same moves are refused in the same words, the same fail, and the same mounts are where they were or moved."""
    told = []
    for server in servers:
        server.put_back()
        told.append((server.move(source, target), server.places()))
    assert told[1] == told[0]


@pytest.mark.parametrize("target", ["//to", "in///to", "///"])
def test_nothing_moves_to_where_no_request_gets(servers, target):
    """A destination that would begin with a slash is refused, which OpenBao takes: `moves-stay-reachable`."""
    ours = servers[1]
    ours.put_back()
    before = ours.places()
    status, errors = ours.move("at", target)
    assert (status, "does not match cleaned path" in errors[0], ours.places()) == (400, True, before)
