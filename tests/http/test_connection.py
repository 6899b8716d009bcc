"""Requests on connections: in what pieces they may come, and that none of them holds up others."""

import asyncio
import http.client
import io
import json
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from support.places import open_backend
from support.sockets import ask
from support.states import ROOT_TOKEN

from vaultctl.connect.dev import dev
from vaultctl.http.app import App, Manners
from vaultctl.http.bodies import Limits
from vaultctl.http.connection import SILENT_S, UNREAD_S, Connection, Shared

DEFAULTS = Limits()
SECRET = b'{"data":{"k":"v"}}'


@pytest.mark.parametrize("storage", ["json", "sqlite"])
def test_reads_do_not_wait_for_a_write_that_waits(serve, vaultctl, storage):
    """While a write waits for the state's lock, reads are answered, and then the write is."""
    vaultctl.env["VAULTCTL_STORAGE"] = storage
    vaultctl("kv", "put", "secret/a", "k=v")
    server = serve(token=vaultctl("print", "token").out.strip())
    written = []
    writer = threading.Thread(target=lambda: written.append(server.ask("POST", "secret/data/b", SECRET).status))
    with open_backend(storage, str(vaultctl.data / f"state.{storage}")).locked():
        writer.start()
        for _ in range(20):
            assert server.ask("GET", "secret/data/a").json["data"]["data"] == {"k": "v"}
            assert server.ask("LIST", "secret/metadata").json["data"]["keys"] == ["a"]
        assert written == []
    writer.join()
    assert written == [200]


def test_a_long_body_behind_a_write_that_waits_is_read_to_its_end(serve, vaultctl):
    """What is sent ahead is not received for a while; when there is room again, the rest of a body is."""
    vaultctl("kv", "put", "secret/a", "k=v")
    server = serve(token=vaultctl("print", "token").out.strip())
    head = f"POST /v1/secret/data/b HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {server.token}\r\nContent-Length: "
    long = json.dumps({"data": {"k": "v" * 12_000_000}}).encode()
    requests = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in (SECRET, long)]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        with open_backend("json", str(vaultctl.data / "state.json")).locked():
            sender = threading.Thread(target=connection.sendall, args=(b"".join(requests),))
            sender.start()
            while not _takes_no_more(connection):
                assert sender.is_alive()
        assert [status for status, _ in _answers(connection, b"", 2)] == [200, 200]
        sender.join()


def _takes_no_more(connection):
    """Tell whether nothing more goes out for the tenth of a second: the server receives nothing."""
    return not select.select([], [connection], [], 0.1)[1]


def _answers(connection, data, count):
    """Send bytes, and give the status and the body of so many answers to them."""
    connection.sendall(data)
    stream = _Stream(socket.SocketIO(connection, "r"))
    found = []
    for _ in range(count):
        answer = http.client.HTTPResponse(stream)
        answer.begin()
        found.append((answer.status, answer.read()))
    return found


class _Stream(io.BufferedReader):
    """What comes from a socket: whoever reads an answer from it leaves the next one there."""

    def makefile(self, _mode):
        return self

    def close(self):
        pass


def test_bodies_of_all_kinds_are_read_on_one_connection(one_server):
    """A length, chunks, nothing, and a GET that has a body all the same: each request is answered, in order."""
    one_server.begin_anew()
    head = f"Host: x\r\nX-Vault-Token: {ROOT_TOKEN}\r\n".encode()
    sent = [
        b"POST /v1/secret/data/a HTTP/1.1\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET,
        b"POST /v1/secret/data/b HTTP/1.1\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n"
        b"8\r\n" + SECRET[:8] + b"\r\n%x\r\n" % len(SECRET[8:]) + SECRET[8:] + b"\r\n0\r\n\r\n",
        b"POST /v1/secret/data/c HTTP/1.1\r\n" + head + b"Content-Length: 0\r\n\r\n",
        b"GET /v1/secret/data/a HTTP/1.1\r\n" + head + b"Content-Length: 3\r\n\r\nabc",
        b"LIST /v1/secret/metadata HTTP/1.1\r\n" + head + b"\r\n",
    ]
    with socket.create_connection(("127.0.0.1", one_server.port), timeout=20) as connection:
        found = [_answers(connection, each, 1)[0] for each in sent] + _answers(connection, b"".join(sent), len(sent))
    assert [status for status, _ in found] == [200, 200, 400, 200, 200] * 2
    assert json.loads(found[3][1])["data"]["data"] == {"k": "v"}
    assert json.loads(found[4][1])["data"]["keys"] == ["a", "b"]


@pytest.mark.parametrize("after", [0, 5])
@pytest.mark.parametrize("framing", [f"Content-Length: {len(SECRET)}", "Transfer-Encoding: chunked"])
def test_a_body_that_comes_late_holds_up_nobody(one_server, framing, after):
    """Between the halves of a body others are answered, and then the request is."""
    one_server.begin_anew()
    body = SECRET if framing.startswith("C") else b"%x\r\n%b\r\n0\r\n\r\n" % (len(SECRET), SECRET)
    head = f"POST /v1/secret/data/late HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {ROOT_TOKEN}\r\n"
    with socket.create_connection(("127.0.0.1", one_server.port), timeout=20) as connection:
        connection.sendall(f"{head}{framing}\r\n\r\n".encode() + body[:after])
        assert ask(one_server.port, "GET", "/v1/sys/health").status == 200
        assert _answers(connection, body[after:], 1)[0][0] == 200


def test_many_at_once_are_all_answered(one_server):
    """Writes and reads of many connections each get their own answer."""
    one_server.begin_anew()
    token = {"X-Vault-Token": ROOT_TOKEN}

    def write_and_read(number):
        path = f"/v1/secret/data/m{number}"
        written = ask(one_server.port, "POST", path, b'{"data":{"n":"%d"}}' % number, token)
        return written.status, ask(one_server.port, "GET", path, headers=token).json["data"]["data"]["n"]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(write_and_read, range(200)))
    assert found == [(200, str(number)) for number in range(200)]


def _all(port, sent, *, ends=True):
    """Send these bytes, and no more where it ends so; give all that comes back until the server ends it."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


HEALTH = b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n\r\n"


def test_who_ends_its_half_is_answered_all_the_same(one_server):
    """A client that sends its requests and nothing more gets every answer, and then the end."""
    assert _all(one_server.port, HEALTH * 50).count(b"HTTP/1.1 200 OK\r\n") == 50
    assert _all(one_server.port, HEALTH + HEALTH[:20]).count(b"HTTP/1.1 200 OK\r\n") == 1
    assert _all(one_server.port, b"") == b""


def test_whoever_asks_for_the_end_gets_it(one_server):
    """Behind `Connection: close`, and behind HTTP/1.0, the server ends the connection, and says so."""
    for sent in (
        b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /v1/sys/health HTTP/1.0\r\n\r\n",
        HEALTH.replace(b"\r\n", b"\n").replace(b"1.1", b"1.0"),
    ):
        answer = _all(one_server.port, sent + HEALTH, ends=False)
        assert (answer.count(b"HTTP/1.1 "), b"\r\nConnection: close\r\n" in answer) == (1, True)


def test_an_old_client_may_keep_its_connection(one_server):
    """HTTP/1.0 with `Connection: keep-alive` is told that the connection is kept, and asks again; the last is not."""
    old = HEALTH.replace(b"1.1", b"1.0")
    asking = old.replace(b"Host: x\r\n", b"Connection: Keep-Alive\r\n")
    answer = _all(one_server.port, asking * 2 + old + HEALTH, ends=False)
    assert (answer.count(b"HTTP/1.1 200 OK\r\n"), answer.count(b"\r\nConnection: keep-alive\r\n")) == (3, 2)
    assert answer.count(b"\r\nConnection: close\r\n") == 1


@pytest.mark.parametrize("port", ["bao", "one_server"])
def test_what_go_takes_is_taken(port, request):
    """`OPTIONS *` asks whether anybody is there; a later HTTP/1 is one that is known; as a real OpenBao has it."""
    port = request.getfixturevalue(port).port
    answer = _all(port, b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    lines = [line for line in answer.decode().split("\r\n") if not line.startswith("Date: ")]
    assert lines == ["HTTP/1.1 200 OK", "Content-Length: 0", "Connection: close", "", ""]
    assert _all(port, HEALTH.replace(b"1.1", b"1.2")).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_head_without_a_body(one_server):
    """HEAD is answered as GET is, without the body, and the next request is read where it begins."""
    answer = _all(one_server.port, HEALTH.replace(b"GET", b"HEAD") + HEALTH)
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: " in first
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_is_followed_by_the_next_one(one_server, status):
    """A status that has no body has none, whatever a client asks for with it."""
    odd = HEALTH.replace(b"sys/health", b"sys/health?activecode=%d" % status)
    first, _, rest = _all(one_server.port, odd + HEALTH).partition(b"\r\n\r\n")
    assert (int(first.split()[1]), rest[:15]) == (status, b"HTTP/1.1 200 OK")


def test_who_speaks_tls_to_a_server_without_it_hears_of_it(one_server):
    """A handshake is refused at once, and not awaited."""
    assert _all(one_server.port, b"\x16\x03\x01\x02\x00\x01\x00", ends=False).startswith(b"HTTP/1.1 400 ")


def test_who_waits_for_a_word_before_it_sends_its_body_gets_it(one_server):
    """`Expect: 100-continue` is answered as soon as the head is there."""
    one_server.begin_anew()
    head = f"POST /v1/secret/data/a HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {ROOT_TOKEN}\r\nExpect: 100-continue\r\n"
    with socket.create_connection(("127.0.0.1", one_server.port), timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {len(SECRET)}\r\n\r\n".encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert _answers(connection, SECRET, 1)[0][0] == 200


@pytest.mark.parametrize(
    "refused",
    [
        b"GET /v1/sys/health HTTP/1.1\r\n\r\n",
        b"GET /v1/sys/health HTTP/9.1\r\nHost: x\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n",
        b"GET /v1/x HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000,
    ],
    ids=["no-host", "version", "chunks", "long"],
)
def test_who_is_refused_hears_of_it_though_it_goes_on_sending(one_server, refused):
    """The answer to what cannot be read arrives, and nothing that follows it is a request."""
    with socket.create_connection(("127.0.0.1", one_server.port), timeout=20) as connection:
        connection.sendall(refused + HEALTH * 1000)
        received = b""
        while part := connection.recv(65536):
            received += part
    assert (received[:10], received.count(b"HTTP/1.1 ")) == (b"HTTP/1.1 4", 1)
    assert b'\r\nConnection: close\r\n\r\n{"errors":["' in received


@asynccontextmanager
async def _connected(app, limits=DEFAULTS):
    """Give the server's end of a pair of sockets, and what reads from and writes to the client's."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    shared = Shared(app, limits)
    connection = Connection(shared, ours, "")
    await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    yield connection, shared, reader, writer
    connection.cut()
    writer.close()
    app.close()


@pytest.mark.parametrize("sent", [b"", b"GET /v1/sys/he", HEALTH, HEALTH + HEALTH[:9]], ids=len)
def test_who_says_nothing_for_long_is_cut_off(sent):
    """A connection without a request, or with a half one, ends after half a minute, and not before."""

    async def talk():
        async with _connected(App(dev().core, Manners(dev().core.handle))) as (connection, shared, reader, writer):
            writer.write(sent)
            if HEALTH in sent:
                await reader.readuntil(b"}\n")
            while sent != HEALTH and sent and connection.is_idle:
                await asyncio.sleep(0)
            connection.look(time.monotonic() + SILENT_S - 1)
            assert shared.open == {connection}
            connection.look(time.monotonic() + SILENT_S)
            assert not shared.open
            assert await reader.read() == b""

    asyncio.run(talk())


def test_who_waits_for_an_answer_is_never_cut_off():
    """However long a door takes, whoever asked it is answered, be it with a body."""
    asked, answer = threading.Event(), threading.Event()

    class Door:
        def handle(self, request):
            asked.set()
            assert answer.wait(60)
            return dev().core.handle(request)

    async def talk():
        async with _connected(App(Door(), Manners())) as (connection, _, reader, writer):
            writer.write(b"POST /v1/cubbyhole/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            assert await asyncio.to_thread(asked.wait, 60)
            connection.look(time.monotonic() + 3600)
            answer.set()
            assert (await reader.readline()).startswith(b"HTTP/1.1 403")

    asyncio.run(talk())


def test_a_body_has_its_own_time():
    """A body may take as long as the limit says, however long that is; who is late hears of it."""

    async def talk():
        app = App(dev().core, Manners(dev().core.handle))
        async with _connected(app, Limits(read_s=100.0)) as (connection, shared, reader, writer):
            writer.write(b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            connection.look(time.monotonic() + 99)
            assert shared.open == {connection}
            connection.look(time.monotonic() + 100)
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")

    asyncio.run(talk())


def test_who_takes_no_answer_is_cut_off():
    """A client that does not read what it asked for keeps its answer in memory for half a minute, and no longer."""

    async def talk():
        core = dev("the-root-token").core
        long = json.dumps({"k": "v" * (8 << 20)}).encode()
        head = b"HTTP/1.1\r\nHost: x\r\nX-Vault-Token: the-root-token\r\n"
        async with _connected(App(core, Manners(core.handle))) as (connection, shared, reader, writer):
            writer.write(b"POST /v1/cubbyhole/x %bContent-Length: %d\r\n\r\n" % (head, len(long)) + long)
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.pause_reading()
            writer.write(b"GET /v1/cubbyhole/x %b\r\n" % head * 3)
            while not connection.is_full:
                await asyncio.sleep(0)
            connection.look(time.monotonic() + UNREAD_S - 1)
            writer.transport.resume_reading()
            await reader.readexactly(1 << 20)
            writer.transport.pause_reading()
            later_s = time.monotonic() + UNREAD_S + 1
            connection.look(later_s)
            assert shared.open == {connection}
            connection.look(later_s + UNREAD_S)
            assert not shared.open

    asyncio.run(talk())
