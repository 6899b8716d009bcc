"""`vaultctl server` as people run it: real processes, real sockets."""

import http.client
import json
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.sockets import ask
from support.states import ROOT_TOKEN


def put(server, path, **data):
    """Write a secret of version 2, and give the status."""
    return server.ask("POST", f"secret/data/{path}", json.dumps({"data": data}).encode()).status


def test_dev_prints_what_scripts_read(serve_dev):
    """Root token, unseal key and address stand on lines of their own."""
    server = serve_dev()
    lines = server.said.splitlines()
    while "Root Token:" not in (lines[-1] if lines else ""):
        lines.append(server.process.stdout.readline().rstrip("\n"))
    said = "\n".join(lines)
    assert lines[-1] == "Root Token: the-root-token"
    assert "\nUnseal Key: " in said
    assert f"    $ export BAO_ADDR='http://127.0.0.1:{server.port}'" in said
    assert f"Api Address: http://127.0.0.1:{server.port}" in said


def test_dev_leaves_nothing_behind(serve_dev, vaultctl):
    """A state in memory makes no file, and no token is stored where that of a cluster may lie."""
    server = serve_dev("-dev-no-store-token")
    assert put(server, "a", k="v") == 200
    assert server.stop()[0] == 0
    assert list(vaultctl.home.iterdir()) == []


def test_dev_stores_its_token_when_told_to(serve_dev, vaultctl):
    """With -dev-store-token the token is where `bao` looks for it, and nobody else may read it."""
    serve_dev("-dev-store-token")
    stored = vaultctl.home / ".vault-token"
    assert (stored.read_text(), stored.stat().st_mode & 0o777) == ("the-root-token", 0o600)


@pytest.mark.parametrize("storage", ["json", "toml", "sqlite"])
def test_server_and_command_line_share_a_state(serve, vaultctl, storage):
    """While the server runs, each sees at once what the other did."""
    vaultctl.env["VAULTCTL_STORAGE"] = storage
    vaultctl("secrets", "list")
    server = serve(token=vaultctl("print", "token").out.strip())
    assert put(server, "from-server", k="1") == 200
    assert vaultctl("kv", "get", "-field=k", "secret/from-server").out == "1"
    assert vaultctl("kv", "put", "secret/from-here", "k=2").code == 0
    assert server.ask("GET", "secret/data/from-here").json["data"]["data"] == {"k": "2"}
    assert vaultctl("secrets", "move", "secret", "moved").code == 0
    assert "moved/" in server.ask("GET", "sys/mounts").json["data"]
    assert server.stop()[0] == 0


@pytest.mark.parametrize("storage", ["json", "sqlite"])
def test_nothing_is_lost_when_server_and_command_line_write_at_once(serve, vaultctl, storage):
    """Every write that was answered, by either, is there afterwards."""
    vaultctl.env["VAULTCTL_STORAGE"] = storage
    vaultctl("secrets", "list")
    server = serve(token=vaultctl("print", "token").out.strip())
    with ThreadPoolExecutor(6) as pool:
        served = [pool.submit(put, server, f"s{number}", k="v") for number in range(40)]
        typed = [pool.submit(vaultctl, "kv", "put", f"secret/c{number}", "k=v") for number in range(4)]
    assert {each.result() for each in served} == {200}
    assert {each.result().code for each in typed} == {0}
    names = server.ask("LIST", "secret/metadata").json["data"]["keys"]
    assert sorted(names) == sorted([f"s{number}" for number in range(40)] + [f"c{number}" for number in range(4)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_flight_are_answered_before_the_end(serve, vaultctl, number):
    """A request that waits for the state's lock when the signal comes is answered, and then the server ends."""
    from support.places import open_backend

    vaultctl("secrets", "list")
    server = serve(token=vaultctl("print", "token").out.strip())
    writing = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with open_backend("json", str(vaultctl.data / "state.json")).writer():
        writing.request("POST", "/v1/secret/data/a", b'{"data":{"k":"v"}}', {"X-Vault-Token": server.token})
        assert server.ask("GET", "sys/health").status == 200  # who came before was read before
        server.process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.5)
    assert writing.getresponse().status == 200
    assert server.process.wait(20) == 0
    assert vaultctl("kv", "get", "-field=k", "secret/a").out == "v"


def test_a_client_that_sends_half_a_request_does_not_keep_the_server(serve_dev):
    """Connections that are idle, or in the middle of a request, are closed at the end."""
    server = serve_dev()
    halves = [b"", b"GET /v1/x HT", b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12"]
    connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in halves]
    for connection, half in zip(connections, halves, strict=True):
        connection.sendall(half)
    assert server.ask("GET", "sys/health").status == 200
    server.process.terminate()
    assert server.process.wait(15) == 0
    assert "Traceback" not in server.process.stderr.read()
    for connection in connections:
        connection.close()


def test_a_job_that_was_left_is_stepped_by_the_server(serve, vaultctl, await_that):
    """A long upgrade goes on without anybody asking for it."""
    vaultctl("secrets", "enable", "-path=a", "kv")
    server = serve(token=vaultctl("print", "token").out.strip())
    for number in range(3):
        assert server.ask("POST", f"a/{number}", b'{"k":"v"}').status == 204
    assert server.ask("POST", "sys/mounts/a/tune", b'{"options":{"version":"2"}}').status == 200
    await_that(lambda: server.ask("GET", "a/data/0").status == 200)


def test_tls(serve_dev, certificate):
    """With a certificate and its key the server speaks TLS, with long bodies both ways too, and says so."""
    cert, key, trust = certificate
    server = serve_dev(f"-tls-cert-file={cert}", f"-tls-key-file={key}")
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=trust, timeout=20)
    long = json.dumps({"k": "v" * (4 << 20)})
    connection.request("POST", "/v1/cubbyhole/long", long, {"X-Vault-Token": server.token})
    assert (written := connection.getresponse()).read() == b""
    assert written.status == 204
    connection.request("GET", "/v1/cubbyhole/long", headers={"X-Vault-Token": server.token})
    assert json.load(connection.getresponse())["data"] == json.loads(long)
    connection.close()
    assert 'tls: "enabled"' in server.said


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_who_does_not_speak_tls_is_told(serve_dev, certificate, method):
    """Plain HTTP on a port of TLS is answered in clear, in the words of Go's server; others go on."""
    cert, key, trust = certificate
    server = serve_dev(f"-tls-cert-file={cert}", f"-tls-key-file={key}")
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as plain:
        plain.sendall(f"{method} /v1/sys/health HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nlong body".encode())
        with plain.makefile("rb") as told:
            said = told.read()
    assert said == b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=trust, timeout=60)
    connection.request("GET", "/v1/sys/leader")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_certificate_that_cannot_be_served_is_told_of(vaultctl, certificate, tmp_path):
    """What is wrong with it, or with its key, is said before anything is served."""
    from cryptography.hazmat.primitives import serialization
    from support.authority import Authority

    cert, key, _ = certificate
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other").sign("other", "127.0.0.1").key
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    locked, junk = tmp_path / "locked.key", tmp_path / "junk"
    form = (serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x"))
    locked.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, *form))
    junk.write_text("junk")
    for wrong, words in [
        (other, "the key is that of another certificate"),
        (locked, "the key is encrypted"),
        (junk, "no certificate, or no key, in it"),
        (tmp_path, "it is no file"),
        (tmp_path / "nope", "no such file or directory"),
    ]:
        done = vaultctl("server", "-dev", f"-tls-cert-file={cert}", f"-tls-key-file={wrong}")
        assert (done.code, words in done.err, str(wrong) in done.err) == (1, True, True)


def test_an_address_in_use_is_an_error(serve_dev, vaultctl):
    """A second server on the same address says so, and does not take requests of the first."""
    server = serve_dev()
    done = vaultctl("server", "-dev", f"-dev-listen-address=127.0.0.1:{server.port}")
    assert (done.code, "address already in use" in done.err) == (1, True)


@pytest.mark.parametrize(
    "args",
    [
        ["-listen-address=nowhere"],
        ["-listen-address=127.0.0.1:99999"],
        ["-tls-cert-file=/nope"],
        ["-tls-cert-file=/nope", "-tls-key-file=/nope"],
        ["-log-level=loud"],
        ["-dev-root-token-id=x"],
    ],
    ids=" ".join,
)
def test_flags_that_are_wrong_are_told_before_anything_is_served(vaultctl, args):
    """A wrong flag ends with exit code 1."""
    assert vaultctl("server", *args).code == 1


def test_an_address_that_others_reach_without_tls_is_warned_of(vaultctl):
    """Listening beyond loopback without TLS is possible, and loudly warned of."""
    taken = socket.create_server(("127.0.0.1", 0))
    with taken:
        port = taken.getsockname()[1]
        assert "WARNING!" in vaultctl("server", "-dev", f"-listen-address=0.0.0.0:{port}").err
        assert "WARNING!" not in vaultctl("server", "-dev", f"-listen-address=127.0.0.1:{port}").err


def test_the_log_has_a_line_a_request_and_no_secret(serve_dev):
    """At level debug each request is one line, without token, query, body, or what looks like a token in a path."""
    server = serve_dev("-log-level=debug")
    put(server, "a", k="the-secret")
    server.ask("GET", "secret/data/a?x=the-query")
    server.ask("GET", "auth/token/lookup/hvs.CAESILongAndSecret")
    _, _, err = server.stop()
    lines = [line for line in err.splitlines() if "[DEBUG]" in line]
    assert [line.split("] ")[1].rsplit(" ", 1)[0] for line in lines] == [
        "POST /v1/secret/data/a 200",
        "GET /v1/secret/data/a 200",
        "GET /v1/auth/token/lookup/… 404",
    ]
    for secret in ("the-secret", "the-query", "the-root-token", "hvs."):
        assert secret not in err


def test_too_long_a_body_is_413(one_server):
    """A body over 32 MiB is refused, be its length announced or not."""
    body = b'{"data":{"a":"' + b"a" * 33_554_432 + b'"}}'
    assert ask(one_server.port, "POST", "/v1/secret/data/x", body, {"X-Vault-Token": ROOT_TOKEN}).status == 413
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:20_000_000], body[20_000_000:]))
    head = b"POST /v1/secret/data/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert _send(one_server.port, head + chunks + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")


def _send(port, data):
    """Send these bytes, and give all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([f"X-Vault-Token: {ROOT_TOKEN}", "X-Vault-Token: other"], 200),
        (["X-Vault-Token: other", f"X-Vault-Token: {ROOT_TOKEN}"], 403),
        (["Authorization: Bearer other", f"Authorization: Bearer {ROOT_TOKEN}"], 403),
        ([f"X-Vault-Token: {ROOT_TOKEN}", "X-Vault-Namespace: nosuch", "X-Vault-Namespace: root"], 404),
    ],
)
def test_of_doubled_headers_the_first_one_counts(one_server, lines, status):
    """A client does not overrule the header that a proxy put in front of its own."""
    head = ["GET /v1/auth/token/lookup-self HTTP/1.1", "Host: x", "Connection: close", *lines, "", ""]
    assert int(_send(one_server.port, "\r\n".join(head).encode()).split()[1]) == status


BAD_CHUNKS = [b"ZZ\r\nabc\r\n0\r\n\r\n", b"3\r\nabcX\r\n", b"-1\r\n\r\n"]


@pytest.mark.parametrize("chunks", BAD_CHUNKS)
def test_chunks_that_are_none_are_refused_in_the_form_of_the_api(one_server, chunks):
    """A body in chunks that cannot be read is 400 with words, and ends the connection."""
    head = b"POST /v1/secret/data/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = _send(one_server.port, head + chunks)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.endswith(b'\r\n\r\n{"errors":["malformed chunked encoding"]}\n')


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "sys%2fhealth", 405),
        ("HEAD", "sys%2Fhealth", 405),
        ("GET", "sys%2finit", 405),
        ("GET", "sys%2fseal-status", 200),
        ("GET", "%73ys/health", 200),
        ("FOO", "secret/%2e%2e/x", 405),
        ("TRACE", "secret/%2e/x", 405),
        ("get", "secret/%2e/x", 405),
        ("OPTIONS", "secret/%2e/x", 400),
    ],
)
def test_escapes_are_read_as_bao_reads_them(one_server, method, path, status):
    """An escaped slash behind sys leads to the engine there, and an unknown verb is told of first."""
    assert ask(one_server.port, method, f"/v1/{path}", None, {"X-Vault-Token": ROOT_TOKEN}).status == status


def test_behind_an_escaped_slash_data_stands_in_its_place_alone(one_server):
    """The table of mounts stands at the top of the answer too only where the path says sys and a slash."""
    plain, escaped = (
        ask(one_server.port, "GET", f"/v1/{path}", None, {"X-Vault-Token": ROOT_TOKEN}).json
        for path in ("%73ys/mounts", "sys%2fmounts")
    )
    assert plain["data"] == escaped["data"]
    assert ("secret/" in plain, "secret/" in escaped) == (True, False)


@pytest.mark.parametrize("data", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET /v1/\x80 HTTP/1.1\r\n\r\n"])
def test_garbage_hurts_nobody(one_server, data):
    """Bytes that are no HTTP end their own connection, and others are answered."""
    with socket.create_connection(("127.0.0.1", one_server.port), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536)[:12] in (b"", b"HTTP/1.1 400")
    assert ask(one_server.port, "GET", "/v1/sys/health").status == 200


def test_a_body_that_stops_in_the_middle_changes_nothing(one_server):
    """A client that goes away while it sends has written nothing."""
    one_server.begin_anew()
    with socket.create_connection(("127.0.0.1", one_server.port), timeout=20) as connection:
        head = (
            f"POST /v1/secret/data/x HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {ROOT_TOKEN}\r\nContent-Length: 20\r\n\r\n"
        )
        connection.sendall(head.encode() + b'{"data":{')
    assert ask(one_server.port, "GET", "/v1/secret/data/x", headers={"X-Vault-Token": ROOT_TOKEN}).status == 404


def test_idle_connections_keep_nobody_out(one_server):
    """With hundreds of connections that say nothing, others are answered."""
    idle = [socket.create_connection(("127.0.0.1", one_server.port)) for _ in range(300)]
    try:
        assert ask(one_server.port, "GET", "/v1/sys/health").status == 200
    finally:
        for connection in idle:
            connection.close()
