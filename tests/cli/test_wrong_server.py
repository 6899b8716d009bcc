"""What answers at an address and is no Vault, or a broken one: always exit code 2 with words, never a traceback."""

import gzip
import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import pytest
from support.answering import answering, says

MOUNTS = b'{"request_id": "r", "data": {}}'
LISTED = "Path    Type    Accessor    Description\n----    ----    --------    -----------\n"


@contextmanager
def sending(*pieces, endless=b""):
    """Run a server that sends these bytes whatever it is asked, and then the endless ones until nobody takes them."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with suppress(OSError), connection:
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                    while endless:
                        connection.sendall(endless)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


@pytest.fixture
def client(fresh):
    """The program, with a token, on an address."""

    def run(address, *args):
        return fresh(*args, env={"VAULT_ADDR": address, "VAULT_TOKEN": "a-token", "VAULT_CLIENT_TIMEOUT": "20s"})

    return run


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (OK + b"Content-Length: 5\r\n\r\n{", "unexpected EOF"),
        (OK + b"Content-Length: -1\r\n\r\n{", "bad Content-Length"),
        (OK + b"Content-Length: 999999999999\r\n\r\n{", "larger than 128 MiB"),
        (OK + b"No colon\r\n\r\n", "malformed MIME header line"),
        (OK, "unexpected EOF"),
        (CHUNKED + b"5\r\n{", "unexpected EOF"),
        (CHUNKED + b"1\r\n{", "unexpected EOF"),
        (CHUNKED + b"1\r\n{}\r\n0\r\n\r\n", "malformed chunked encoding"),
        (CHUNKED + b"g\r\n", "invalid byte in chunk length"),
        (CHUNKED + b"fffffffffffffff\r\n", "larger than 128 MiB"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "malformed HTTP response"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "malformed HTTP response"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "malformed HTTP response"),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(MOUNTS), "looking for beginning of value"),
        (OK + b"\r\n" + MOUNTS[:20], "its answer was cut off"),
        (OK + b"\r\n" + b'{"a":' * 50_000, "its answer was cut off"),
        (OK + b"\r\n" + b'{"request_id": "r", "data": 5}', "no Vault does"),
        (OK + b"\r\n" + b'{"request_id": "r", "data": {"a/": 5}}', "no Vault does"),
        (OK + b"\r\n" + b'{"request_id": "r", "data": {"a/": {}}}', "no Vault does"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_broken_answer_is_told(client, answer, told):
    """Each kind of garbage ends the command with exit code 2 and its reason, and nothing on stdout."""
    with sending(answer) as address:
        ran = client(address, "secrets", "list")
    assert (ran.code, ran.out, told in ran.err, "Traceback" in ran.err) == (2, "", True, False), ran.err


@pytest.mark.parametrize(
    "answer",
    ['{"data": 5}', '{"data": "x"}', '{"data": []}', '{"data": {}}', "{}", '{"request_id": "r", "data": null}'],
)
@pytest.mark.parametrize("args", [("lookup",), ("lookup", "-format=json"), ("lookup", "-accessor", "x")])
def test_a_lookup_that_tells_nothing_is_no_success(client, answer, args):
    """An answer without anything of the token ends `token lookup` with exit code 2 and words."""
    with answering(says(200, answer)) as server:
        ran = client(server.address, "token", *args)
    assert (ran.code, ran.out, "Traceback" in ran.err) == (2, "", False), ran
    assert "no Vault does" in ran.err or "no answer of the API" in ran.err


@pytest.mark.parametrize(
    "answer",
    [
        [b"HTTP/1.0 200 OK\r\n\r\n" + MOUNTS],
        [b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"\r\n" + MOUNTS],
        [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\nContent-Length: 31\r\n\r\n" + MOUNTS],
        [bytes([byte]) for byte in CHUNKED + b"1F;x=y\r\n" + MOUNTS + b"\r\n0\r\nTrailer: x\r\n\r\n"],
        [OK + b"Connection: close\r\n\r\n", MOUNTS[:10], MOUNTS[10:]],
    ],
    ids=["HTTP/1.0", "100", "103", "byte by byte", "to the end"],
)
def test_an_unusual_answer_is_read(client, answer):
    """What HTTP allows is understood, though no Vault sends it so."""
    with sending(*answer) as address:
        assert client(address, "secrets", "list") == (0, LISTED, "")


MEASURE = """\
import resource, sys
from vaultctl.cli import main
code = main.run(sys.argv[1:])
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform == "linux" else 1024))
"""


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (OK + b"\r\n{", b"x" * 65536),
        (CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        (OK, b"X-Header: " + b"x" * 65536),
        (OK, (b"X-Header: " + b"x" * 1000 + b"\r\n") * 60),
        (CHUNKED + b"0\r\n", b"X-Trailer: " + b"x" * 65536),
    ],
    ids=["body", "chunks", "one header", "headers", "trailer"],
)
def test_an_endless_answer_is_given_up(vaultctl, head, endless):
    """An answer that never ends is refused once it is larger than any of a Vault, and memory stays bounded."""
    with sending(head, endless=endless) as address:
        env = {**vaultctl.env, "VAULT_ADDR": address, "VAULT_TOKEN": "a-token"}
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, "secrets", "list"], check=True, env=env, capture_output=True, text=True
        )
    code, peak_kb = map(int, done.stdout.split())
    assert (code, peak_kb < 450_000) == (2, True), (peak_kb, done.stderr)


def test_an_answer_that_never_comes_is_given_up(fresh):
    """A server that sends a byte now and then does not keep us beyond the timeout."""
    stop = threading.Event()

    def dripping():
        yield OK + b"\r\n{"
        while not stop.wait(0.05):
            yield b" "

    with sending(*[]) as _, socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with suppress(OSError), listening.accept()[0] as connection:
                connection.recv(65536)
                for piece in dripping():
                    connection.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ran = fresh("secrets", "list", env={"VAULT_ADDR": address, "VAULT_TOKEN": "t", "VAULT_CLIENT_TIMEOUT": "300ms"})
        stop.set()
    assert (ran.code, ran.err) == (2, "Error listing secrets engines: context deadline exceeded\n")


@pytest.mark.parametrize(
    "args",
    [
        ["secrets", "enable", "kv"],
        ["secrets", "disable", "a"],
        ["secrets", "tune", "-description=x", "a"],
        ["secrets", "move", "a", "b"],
        ["kv", "get", "a/b"],
        ["kv", "put", "a/b", "k=v"],
        ["read", "a"],
        ["write", "a", "k=v"],
        ["list", "a"],
        ["delete", "a"],
        ["path-help", "sys"],
        ["remount", "status", "m"],
        ["remount", "watch", "m"],
        ["mounts", "read", "a"],
        ["status"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("body", ["<html>hello</html>", '{"hello": "wor', '{"hello": ["you"]}', '{"data": [1]}'])
def test_no_command_takes_another_server_for_a_vault(client, args, body):
    """Each command fails in words on a page and on JSON that is cut off; other JSON gives no traceback either."""
    with answering(says(200, body, Content_Type="text/html")) as server:
        ran = client(server.address, *args)
    assert "Traceback" not in ran.err
    if not body.endswith("}"):
        assert (ran.code in (1, 2), ran.out) == (True, ""), ran


@pytest.mark.parametrize("name", ["the leader", "a node"])
def test_a_token_goes_to_no_other_scheme(client, name):
    """A node that names a leader or other nodes over https, where http was addressed, has no token sent there."""
    with answering(b"") as other:
        elsewhere = f"https://127.0.0.1:{other.port}"

        def reply(text):
            if "sys/leader" in text:
                leader = elsewhere if name == "the leader" else server.address
                is_self = name == "a node"
                return says(200, json.dumps({"ha_enabled": True, "is_self": is_self, "leader_address": leader}))
            if "sys/ha-status" in text:
                return says(200, json.dumps({"request_id": "r", "data": {"nodes": [{"api_address": elsewhere}]}}))
            if text.startswith("PUT /v1/sys/remount "):
                return says(200, '{"request_id": "r", "data": {"migration_id": "m"}}')
            return says(500, '{"errors": []}') if "sys/remount" in text else says(404, '{"errors": []}')

        with answering(reply) as server:
            ran = client(server.address, "secrets", "move", "-timeout=1s", "a", "b")
    assert (ran.code, ran.out.startswith("Started moving"), other.connections) == (2, True, 0), ran
