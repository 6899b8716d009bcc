"""Clients that are slow, many, mad or greedy: others are answered meanwhile, and memory has a bound."""

import http.client
import json
import re
import resource
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from support.abuse import connections, drip, nonsense, received, rss_b, send_as_taken
from support.soak import times
from support.sockets import ask

MIB = 1 << 20
BIG = 30 * MIB


def head(length, token="the-root-token", path="secret/data/x"):
    """Give the head of a write with so long a body."""
    lines = [f"POST /v1/{path} HTTP/1.1", "Host: x", f"X-Vault-Token: {token}", f"Content-Length: {length}", "", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture
def server(serve_dev):
    """A server that answers others, and says nothing that it should not, to the end of the test."""
    started = serve_dev()
    assert_answers_others(started)
    yield started
    assert_answers_others(started)
    code, _, err = started.stop()
    assert code == 0
    for word in ("Traceback", "panicked", "Exception", "internal error"):
        assert word not in err


def assert_answers_others(server, name="of-others"):
    """Write and read on connections of their own."""
    body = json.dumps({"data": {"k": name}}).encode()
    assert server.ask("POST", f"secret/data/{name}", body).status == 200
    assert server.ask("GET", f"secret/data/{name}").json["data"]["data"] == {"k": name}
    assert server.ask("GET", "sys/health").status == 200


def test_idle_connections(server):
    """A thousand connections that say nothing keep nobody out, and cost little."""
    before = rss_b(server.process.pid)
    with connections(server.port, times(1_000, 3_000)) as idle:
        assert_answers_others(server)
        assert rss_b(server.process.pid) - before < 64 * MIB
        for connection in idle[::10]:
            connection.close()
        assert_answers_others(server)


def test_connections_that_never_begin_tls(serve_dev, certificate):
    """Hundreds of connections that say nothing where TLS is awaited cost little each."""
    cert, key, trust = certificate
    server = serve_dev(f"-tls-cert-file={cert}", f"-tls-key-file={key}")
    assert _answers_by_tls(server.port, trust)
    before, many = rss_b(server.process.pid), times(600, 3_000)
    with connections(server.port, many):
        assert _answers_by_tls(server.port, trust)
        assert rss_b(server.process.pid) - before < many * 96 * 1024 + 16 * MIB
    assert server.stop()[0] == 0


def test_requests_that_are_sent_ahead_have_a_bound(serve, vaultctl):
    """A client that sends requests on end, each of which waits for a thread, has few of them in memory."""
    vaultctl("secrets", "list")
    server = serve(token=vaultctl("print", "token").out.strip())
    before = rss_b(server.process.pid)
    ahead = b"PUT /v1/secret/data/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" * 1_000
    with connections(server.port, 1) as (greedy,), ThreadPoolExecutor(1) as reader:
        answers = reader.submit(_statuses, greedy, times(3_000, 50_000))
        greedy.settimeout(0.05)
        while not answers.done():
            with suppress(TimeoutError, ConnectionError):
                greedy.sendall(ahead)
        assert answers.result() == {b"403"}
        assert rss_b(server.process.pid) - before < 32 * MIB


def _statuses(connection, count):
    """Read so many answers, in whatever parts they come; give their statuses."""
    found, rest = [], b""
    while len(found) < count:
        with suppress(TimeoutError):
            *whole, rest = re.split(rb"(?<=\n)(?=HTTP/1\.1 )", rest + connection.recv(65536))
            found += [answer.split()[1] for answer in whole]
    return set(found)


def test_slow_heads_and_bodies(server):
    """Clients that send a byte now and then, of the head or of the body, hold up nobody else."""
    with connections(server.port, 200) as slow:
        heads, bodies = slow[:100], slow[100:]
        for connection in bodies:
            connection.sendall(head(100))
        for position in range(times(20, 300)):
            drip(heads, head(100), position)
            drip(bodies, b'{"data":{"k":"' + b"v" * 100, position)
            assert_answers_others(server)


def test_a_body_that_does_not_come_is_given_up(serve_dev, tmp_path):
    """After http_read_timeout a client that has sent half a body is told so, and its connection is closed."""
    config = tmp_path / "server.toml"
    config.write_text('[listener.tcp]\nhttp_read_timeout = "1s"')
    server = serve_dev(f"-config={config}")
    with connections(server.port, 3) as slow:
        for connection in slow:
            connection.sendall(head(1000) + b'{"data":')
        for connection in slow:
            answer = received(connection)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"within 1 seconds" in answer
    assert server.ask("GET", "secret/data/x").status == 404


def test_long_bodies_that_do_not_end_have_a_bound(server, await_that):
    """So many half-sent bodies of 30 MiB are held that memory has a bound; the others are told to try again."""
    before = rss_b(server.process.pid)
    many = times(12, 60)
    with connections(server.port, many) as greedy:
        send_as_taken(greedy, head(BIG, token="no-such-token") + b'{"data":{"k":"' + b"v" * (BIG - 1000))
        assert_answers_others(server)
        assert rss_b(server.process.pid) - before < 256 * MIB
        refused = 0
        for connection in greedy:
            connection.setblocking(False)
            with suppress(BlockingIOError, ConnectionError):
                refused += connection.recv(4096).startswith(b"HTTP/1.1 503 ")
    assert refused >= many - 5
    await_that(lambda: _takes_a_long_body(server))
    assert rss_b(server.process.pid) - before < 256 * MIB


def _takes_a_long_body(server):
    """Tell whether a body of 30 MiB is taken, and its answer that of any bad token."""
    status = ask(server.port, "POST", "/v1/secret/data/x", b'{"data":{"k":"' + b"v" * BIG + b'"}}').status
    assert status in (403, 503)
    return status == 403


def test_bodies_that_stop_in_the_middle_change_nothing(server):
    """Whoever goes away while it sends has written nothing, however many do."""
    for _ in range(times(5, 50)):
        with connections(server.port, 50) as leaving:
            for connection in leaving:
                connection.sendall(head(200) + b'{"data":{"k":"v"}')
    assert server.ask("GET", "secret/data/x").status == 404


def test_nonsense(server):
    """Bytes that are no HTTP, or nearly are, end their own connection or are answered in one line of HTTP."""
    for seed in range(times(150, 5_000)):
        with connections(server.port, 1) as (connection,):
            with suppress(OSError):
                connection.sendall(nonsense(seed))
                connection.shutdown(socket.SHUT_WR)
            answer = received(connection)
            assert answer[:9] in (b"", b"HTTP/1.1 ", b"HTTP/1.0 "), seed
            assert b"Traceback" not in answer
    assert_answers_others(server)


def test_pipelined_requests_are_answered_in_their_order(server):
    """Many requests that are sent at once are answered one after the other."""
    many = times(200, 5_000)
    for number in range(5):
        assert server.ask("POST", f"cubbyhole/n{number}", b'{"n":"%d"}' % number).status == 204
    asked = b"".join(
        f"GET /v1/cubbyhole/n{number % 5} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: the-root-token\r\n"
        f"{'Connection: close' if number == many - 1 else 'X: y'}\r\n\r\n".encode()
        for number in range(many)
    )
    with connections(server.port, 1) as (connection,), ThreadPoolExecutor(1) as reader:
        answer = reader.submit(received, connection)
        connection.sendall(asked)
        found = [line[-3:-2] for line in answer.result().split(b"\n") if line.startswith(b'{"request_id"')]
    bodies = [json.loads(line) for line in _bodies(answer.result())]
    assert (len(found), [body["data"]["n"] for body in bodies]) == (many, [str(n % 5) for n in range(many)])


def _bodies(text):
    """Give the bodies of answers, each of one line."""
    return [line for line in text.split(b"\n") if line.startswith(b'{"request_id"')]


def test_huge_heads(server):
    """A head of a megabyte, in one line or in thousands, is refused, and does not stay in memory."""
    before = rss_b(server.process.pid)
    one = b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * MIB + b"\r\n\r\n"
    lines = b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 150_000 + b"\r\n"
    target = b"GET /v1/" + b"a" * MIB + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(times(10, 200)):
        for sent in (one, lines, target):
            with connections(server.port, 1) as (connection,):
                with suppress(OSError):
                    connection.sendall(sent)
                assert received(connection)[:12] in (b"", b"HTTP/1.1 431", b"HTTP/1.1 414", b"HTTP/1.1 400")
    assert rss_b(server.process.pid) - before < 64 * MIB


def test_bad_tokens(server):
    """Thousands of requests with tokens that nobody gave out are refused one like the other, and leave nothing."""
    each = times(250, 2_500)
    _guess(server.port, "warm", each)
    before = rss_b(server.process.pid)
    with ThreadPoolExecutor(4) as clients:
        statuses = [clients.submit(_guess, server.port, name, each) for name in "abcd"]
        assert_answers_others(server)
    assert {status for found in statuses for status in found.result()} == {403}
    assert rss_b(server.process.pid) - before < 16 * MIB


def _guess(port, name, many):
    """Ask over one connection with so many tokens; give the statuses."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for number in range(many):
        connection.request("GET", "/v1/secret/data/x", headers={"X-Vault-Token": f"hvs.{name}-{number}"})
        answer = connection.getresponse()
        answer.read()
        found.append(answer.status)
    connection.close()
    return found


def test_slow_readers_of_long_answers(server):
    """Clients that ask for megabytes and do not read them hold up nobody, and no more than one answer each."""
    value = "v" * (2 * MIB)
    assert server.ask("POST", "cubbyhole/long", json.dumps({"k": value}).encode()).status == 204
    before = rss_b(server.process.pid)
    many = times(30, 100)
    asked = b"GET /v1/cubbyhole/long HTTP/1.1\r\nHost: x\r\nX-Vault-Token: the-root-token\r\n\r\n"
    with connections(server.port, many) as slow:
        for connection in slow:
            connection.sendall(asked * 10)
        assert_answers_others(server)
        assert rss_b(server.process.pid) - before < many * 3 * 2 * MIB + 64 * MIB
        assert slow[0].recv(12) == b"HTTP/1.1 200"
        assert_answers_others(server)


def test_more_connections_than_there_may_be(serve, vaultctl, await_that):
    """Clients that take all connections and say nothing are sent away, and not one that waits for its answer."""
    from support.places import open_backend

    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))  # noqa: E731
    vaultctl("secrets", "list")
    server = serve(token=vaultctl("print", "token").out.strip(), preexec_fn=few)
    with ThreadPoolExecutor(1) as client, open_backend("json", str(vaultctl.data / "state.json")).writer():
        waiting = client.submit(server.ask, "POST", "secret/data/a", b'{"data":{"k":"v"}}')
        await_that(lambda: _is_connected(server.port))
        with connections(server.port, times(350, 900)):
            for _ in range(3):
                assert server.ask("GET", "sys/health").status == 200
            assert not waiting.done()
        waiting_still = not waiting.done()
    assert (waiting_still, waiting.result().status) == (True, 200)
    code, _, err = server.stop()
    assert (code, "too many connections" in err, "Traceback" in err) == (0, True, False)


def test_more_connections_than_descriptors_that_never_begin_tls(serve_dev, certificate, await_that):
    """Clients that never begin TLS, more of them than the server has descriptors, keep nobody out for good."""
    cert, key, trust = certificate
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))  # noqa: E731
    server = serve_dev(f"-tls-cert-file={cert}", f"-tls-key-file={key}", preexec_fn=few)
    for many in (200, 900):
        with connections(server.port, many):
            for _ in range(times(2, 20)):
                await_that(lambda: _answers_by_tls(server.port, trust), patience_s=120)
    code, _, err = server.stop()
    assert (code, "Traceback" in err) == (0, False)


def test_connections_by_tls_are_as_many_as_others(serve_dev, certificate):
    """What a handshake takes besides is given back: with 400 descriptors, 256 of them kept, a hundred clients stay."""
    cert, key, trust = certificate
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))  # noqa: E731
    server = serve_dev(f"-tls-cert-file={cert}", f"-tls-key-file={key}", preexec_fn=few)
    with ExitStack() as stack:
        clients = [http.client.HTTPSConnection("127.0.0.1", server.port, context=trust, timeout=60) for _ in range(110)]
        for client in clients:
            stack.callback(client.close)
            client.request("GET", "/v1/sys/health")
            assert client.getresponse().read()
        clients[0].request("GET", "/v1/sys/health")
        assert clients[0].getresponse().status == 200
    code, _, err = server.stop()
    assert (code, err) == (0, "")


def _answers_by_tls(port, trust):
    """Tell whether a client that comes now is let in, and answered."""
    other = http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=15)
    try:
        other.request("GET", "/v1/sys/health")
        return other.getresponse().status == 200
    except OSError:
        return False
    finally:
        other.close()


def _is_connected(port):
    """Tell whether anybody is connected to a port, as Linux knows it."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)
