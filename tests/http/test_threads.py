"""The server in threads, below what clients of HTTP do: half of a request, garbage, bodies in pieces, and its end.

What it answers to whole requests is held by the recorded transcripts, in `tests/conformance/test_socket.py`.
"""

import socket
import threading
from contextlib import closing, suppress
from urllib.parse import urlsplit

import pytest
from support.sockets import ask

from vaultctl.http.threads import ThreadServer
from vaultctl.testing import Vault


@pytest.fixture(scope="module")
def served():
    """A vault, which is asked at its address."""
    with Vault(token="root") as vault:
        yield vault


def connect(vault):
    there = urlsplit(vault.address)
    return closing(socket.create_connection((there.hostname, there.port), timeout=30))


def answer_of(file):
    """Read one answer of several: its status and its body."""
    status = int(file.readline().split()[1])
    headers = dict(line.decode().strip().lower().split(": ", 1) for line in iter(file.readline, b"\r\n"))
    return status, file.read(int(headers.get("content-length", 0)))


def head(method, path, *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: vault", "X-Vault-Token: root", *lines, "", ""]).encode()


def test_a_connection_takes_many_requests(served):
    """Requests that follow each other at once are answered in their order, those without an answer's body too."""
    with connect(served) as sock, sock.makefile("rb") as file:
        sock.sendall(
            head("POST", "/v1/secret/data/many", "Content-Length: 20")
            + b'{"data": {"k": "v"}}'
            + head("DELETE", "/v1/secret/data/many")
            + head("GET", "/v1/secret/data/many")
        )
        assert [answer_of(file)[0] for _ in range(3)] == [200, 204, 404]


def test_of_doubled_headers_the_first_one_counts(served):
    """A second token, or namespace, behind the first one changes nothing."""
    with connect(served) as sock, sock.makefile("rb") as file:
        sock.sendall(head("GET", "/v1/auth/token/lookup-self", "X-Vault-Token: other", "X-Vault-Namespace: "))
        assert answer_of(file)[0] == 200
        sock.sendall(head("GET", "/v1/secret/data/x", "X-Vault-Namespace: nosuch", "X-Vault-Namespace: root"))
        assert b"namespace" in answer_of(file)[1]


def test_a_body_may_come_in_chunks(served):
    """A body whose length is not announced is read to its end."""
    with connect(served) as sock, sock.makefile("rb") as file:
        sock.sendall(head("POST", "/v1/secret/data/chunks", "Transfer-Encoding: chunked"))
        sock.sendall(b'a;x=y\r\n{"data": {\r\nA\r\n"k": "v"}}\r\n0\r\nTrailer: x\r\n\r\n')
        assert answer_of(file)[0] == 200
        sock.sendall(head("GET", "/v1/secret/data/chunks"))
        assert b'"data":{"k":"v"}' in answer_of(file)[1]


@pytest.mark.parametrize("chunks", [b"ZZ\r\nabc\r\n0\r\n\r\n", b"3\r\nabcX\r\n", b"-1\r\n\r\n"])
def test_chunks_that_are_none_are_refused(served, chunks):
    """A body in chunks that cannot be read is 400, and ends the connection."""
    with connect(served) as sock:
        sock.sendall(head("POST", "/v1/secret/data/chunks", "Transfer-Encoding: chunked") + chunks)
        said = rest_of(sock)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b'{"errors":["malformed chunked encoding"]}' in said


def test_behind_an_escaped_slash_data_stands_in_its_place_alone(served):
    """The table of mounts stands at the top of the answer too only where the path says sys and a slash."""
    port = urlsplit(served.address).port
    assert "secret/" not in ask(port, "GET", "/v1/sys%2fmounts", None, {"X-Vault-Token": "root"}).json


def test_who_waits_for_leave_to_send_a_body_gets_it(served):
    """A client that asks first is told to go on."""
    with connect(served) as sock, sock.makefile("rb") as file:
        sock.sendall(head("POST", "/v1/secret/data/a", "Content-Length: 12", "Expect: 100-continue"))
        assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert file.readline() == b"\r\n"
        sock.sendall(b'{"data": {}}')
        assert answer_of(file)[0] == 200


def test_a_head_has_no_body(served):
    """The answer to HEAD says how long it would be, and ends there."""
    with connect(served) as sock:
        sock.sendall(head("HEAD", "/v1/sys/health", "Connection: close"))
        said = b"".join(iter(lambda: sock.recv(65536), b""))
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\n")


def test_a_body_that_is_too_long_is_refused(served):
    """More than 32 MiB are 413, whether they are announced or not."""
    body = b" " * (32 * 1024 * 1024 + 1)
    got = ask(urlsplit(served.address).port, "POST", "/v1/secret/data/a", body, {"X-Vault-Token": "root"})
    assert (got.status, got.json) == (413, {"errors": ["http: request body too large"]})


def rest_of(sock):
    """Give what comes until the end of a connection, which may be a hard one where something was left unread."""
    said = b""
    with suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            said += piece
    return said


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"x" * 70000 + b"\r\n\r\n"],
    ids=["TLS", "one word", "version", "long"],
)
def test_garbage_is_no_harm(served, data):
    """What is no HTTP ends that connection, and others are answered."""
    with connect(served) as sock:
        sock.sendall(data)
        assert b"Traceback" not in rest_of(sock)
    assert ask(urlsplit(served.address).port, "GET", "/v1/sys/health").status == 200


def test_what_fails_inside_is_an_answer():
    """An error that is none of the vault's is 500, with its place and without its text."""

    class Broken:
        def handle(self, _request):
            raise KeyError("correct horse")

    server = ThreadServer(Broken())
    try:
        got = ask(urlsplit(server.address).port, "GET", "/v1/sys/health")
    finally:
        server.close()
    assert got.status == 500
    assert got.json["errors"][0].startswith("internal error: KeyError at test_threads.py:")


def test_its_end_waits_for_nobody(served):
    """Connections that are idle, or in the middle of a request, are ended, and no thread stays."""
    server = ThreadServer(served.door)
    there = urlsplit(server.address)
    socks = [socket.create_connection((there.hostname, there.port), timeout=30) for _ in range(3)]
    for sock in socks:
        sock.sendall(head("GET", "/v1/sys/health"))
        assert sock.recv(65536)
    socks[1].sendall(head("POST", "/v1/secret/data/a", "Content-Length: 100") + b"{")
    server.close()
    for sock in socks:
        with sock:
            assert rest_of(sock) == b""
    assert not [thread for thread in threading.enumerate() if thread.name == "vault answering"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((there.hostname, there.port))
