"""A server in front of another one: what has a place in HTTP alone is the same behind it, byte for byte.

What requests mean is held by the contract's cases and the recorded transcripts, which are asked through a proxy too.
"""

import json
import re

import pytest
from support.normal import deep
from support.sockets import ask, dev_server, proxy_of
from support.states import ROOT_TOKEN

_JWT = re.compile(r"\b[\w-]+\.[\w-]+\.[\w-]{176}(?![\w-])")
ROOT = {"X-Vault-Token": ROOT_TOKEN}
JSON = {**ROOT, "Content-Type": "application/json"}
FORM = {**ROOT, "Content-Type": "application/x-www-form-urlencoded"}
MERGE = {**ROOT, "Content-Type": "application/merge-patch+json; charset=utf-8"}
SECRET = b'{"data": {"n": 1.10, "big": 12345678901234567890, "e": 1E5, "t": "\\u00e9\\ud83d\\ude00<&>", "x": null}}'

CALLS = [
    ("POST", "secret/data/a", SECRET, JSON),
    ("GET", "secret/data/a", None, ROOT),
    ("GET", "secret/data/a?version=1", None, ROOT),
    ("GET", "secret/data/a?version=1&version=2", None, ROOT),
    ("GET", "secret/data/a?foo=1&bar=a%20b%26c", None, ROOT),
    ("GET", "secret/data/a?version=x", None, ROOT),
    ("PATCH", "secret/data/a", b'{"data": {"x": "y"}}', MERGE),
    ("PATCH", "secret/data/a", b'{"data": {"x": "y"}}', JSON),
    ("PATCH", "secret/data/a", b'{"data": {"x": "y"}}', ROOT),
    ("PATCH", "secret/data/none", b'{"data": {"x": "y"}}', MERGE),
    ("PATCH", "secret/data/a", b"{", MERGE),
    ("PUT", "secret/data/b/c", b'{"data": {"k": "v"}}', ROOT),
    ("POST", "secret/data/%C3%A9%20%2B%3F%23%25", b'{"data": {"k": "v"}}', ROOT),
    ("POST", "secret/data/b%2Fd", b'{"data": {"k": "v"}}', ROOT),
    ("LIST", "secret/metadata", None, ROOT),
    ("LIST", "secret/metadata/", None, ROOT),
    ("GET", "secret/metadata?list=true", None, ROOT),
    ("GET", "secret/metadata?list=true&after=a&limit=1", None, ROOT),
    ("LIST", "secret/metadata?after=a&limit=1", None, ROOT),
    ("LIST", "secret/metadata/none", None, ROOT),
    ("SCAN", "secret/metadata", None, ROOT),
    ("GET", "secret/metadata?scan=true", None, ROOT),
    ("GET", "secret/metadata?list=yes", None, ROOT),
    ("LIST", "secret/detailed-metadata", None, ROOT),
    ("GET", "secret/data/a?help=1", None, ROOT),
    ("GET", "sys/mounts?help=1", None, ROOT),
    ("GET", "secret?help=1", None, ROOT),
    ("GET", "secret/a?help=1", None, ROOT),
    ("DELETE", "secret/data/a", None, ROOT),
    ("DELETE", "secret/data/a?version=1", b"{", ROOT),
    ("GET", "secret/data/a", None, ROOT),
    ("GET", "secret/wrong", None, ROOT),
    ("POST", "secret/wrong", b'{"k": "v"}', ROOT),
    ("POST", "sys/mounts/form", b"type=kv&description=a+b%26c&config%5Bx%5D=1", FORM),
    ("POST", "sys/mounts/curl", b'{"type": "kv"}', FORM),
    ("POST", "sys/mounts/x?type=kv", b"{}", ROOT),
    ("POST", "sys/mounts/x", b"", ROOT),
    ("POST", "sys/mounts/x", b"null", ROOT),
    ("POST", "sys/mounts/x/", b'{"type": "kv"}', ROOT),
    ("GET", "sys/mounts/form", None, ROOT),
    ("GET", "sys/mounts/form/", None, ROOT),
    ("GET", "sys/mounts/form/tune", None, ROOT),
    ("GET", "sys/mounts", None, ROOT),
    ("POST", "form/a", b'{"k": "v", "ttl": "1h"}', ROOT),
    ("GET", "form/a", None, ROOT),
    ("POST", "form/a", b"{}", ROOT),
    ("POST", "sys/remount", b'{"from": "form", "to": "moved"}', ROOT),
    ("LIST", "sys/remount/status", None, ROOT),
    ("GET", "sys/health", None, {}),
    ("GET", "sys/health?activecode=429", None, {}),
    ("GET", "sys/health?activecode=503", None, {}),
    ("GET", "sys/health?activecode=204", None, {}),
    ("GET", "sys/health?activecode=x", None, {}),
    ("HEAD", "sys/health", None, {}),
    ("HEAD", "sys/health?activecode=473", None, {}),
    ("HEAD", "secret/data/a", None, ROOT),
    ("POST", "sys/health", b"{}", ROOT),
    ("GET", "sys/seal-status", None, {}),
    ("GET", "sys/leader", None, {}),
    ("GET", "sys/init", None, {}),
    ("GET", "sys/ha-status", None, ROOT),
    ("GET", "sys/host-info", None, {}),
    ("GET", "sys/version-history", None, ROOT),
    ("GET", "sys/internal/ui/mounts", None, ROOT),
    ("GET", "sys/internal/ui/mounts/secret/a/b", None, ROOT),
    ("GET", "sys/internal/specs/openapi", None, ROOT),
    ("GET", "sys/mounts", None, {"Authorization": f"Bearer {ROOT_TOKEN}"}),
    ("GET", "sys/mounts", None, {"X-Vault-Token": "wrong"}),
    ("GET", "sys/mounts", None, {}),
    ("GET", "sys/mounts", None, {**ROOT, "X-Vault-Namespace": "root"}),
    ("GET", "sys/mounts", None, {**ROOT, "X-Vault-Namespace": "/none/"}),
    ("GET", "sys/mounts", None, {**ROOT, "X-Vault-Wrap-TTL": "x"}),
    ("GET", "sys/mounts", None, {**ROOT, "X-Vault-Wrap-TTL": "1.5h", "X-Vault-Wrap-Format": "jwt"}),
    ("POST", "identity/group", b'{"name": "g"}', ROOT),
    ("GET", "nope/x", None, ROOT),
    ("LIST", "nope/x", None, ROOT),
    ("GET", "sys/nope", None, ROOT),
    ("OPTIONS", "sys/mounts", None, ROOT),
    ("TRACE", "sys/mounts", None, ROOT),
    ("GET", "secret//data/a", None, ROOT),
    ("POST", "secret/./data/a", b"{}", ROOT),
    ("GET", "secret/data/%00", None, ROOT),
    ("GET", "secret/data/%FF", None, ROOT),
    ("GET", "secret/data/%zz", None, ROOT),
    ("GET", "secret/data/%2e%2e/a", None, ROOT),
]
"""Method, target below /v1/, body and headers, asked one after the other."""


@pytest.fixture(scope="module")
def answers():
    """What the server says by itself, and what a proxy before it says, call by call."""
    with dev_server() as server, proxy_of(server) as proxy:
        found = []
        for port in (server.port, proxy.port):
            server.begin_anew()
            found.append([_normal(ask(port, *_call(call))) for call in CALLS])
        yield list(zip(*found, strict=True))


def _call(call):
    method, path, body, headers = call
    return method, f"/v1/{path}", body, headers


def _normal(got):
    """Put away what differs from one server to the next, and keep the order of keys and the spelling of numbers."""
    headers = {name: value for name, value in got.headers.items() if name not in ("date", "content-length")}
    text = re.sub(r"\d{10,19}(?=[,}])", "<digits>", str(deep(_of_wrapping(got.body.decode()))))
    return got.status, headers, text


def _of_wrapping(body):
    return re.sub(r'(?<="accessor":")\w{24}(?=")', "<accessor>", _JWT.sub("<jwt>", body))


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[" ".join(call[:2]) for call in CALLS])
def test_a_proxy_says_what_the_server_says(number, answers):
    """Status, headers and body are those of the server behind."""
    alone, behind = answers[number]
    assert behind == alone


def test_the_calls_reach_what_they_are_about(answers):
    """The calls are answered with every kind of status."""
    statuses = {alone[0] for alone, _ in answers}
    assert statuses == {200, 204, 307, 400, 403, 404, 405, 415, 429, 473, 501, 503}
    assert json.loads(answers[0][0][2])["data"]["version"] == 1
