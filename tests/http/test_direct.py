"""Requests are begun in the thread that brings them, and go on where they need not wait."""

import asyncio
import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.places import open_backend
from support.sockets import ask
from support.states import ROOT_TOKEN

from vaultctl.connect.dev import dev
from vaultctl.http.app import App, Manners
from vaultctl.http.direct import Loop, call_in

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


def _answers(connection, data, count):
    """Send bytes, and give the status and the body of so many answers to them."""
    connection.sendall(data)
    found = []
    for _ in range(count):
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        found.append((answer.status, answer.read()))
    return found


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


def test_a_body_that_comes_late_holds_up_nobody(one_server):
    """Between the halves of a body others are answered, and then the request is."""
    one_server.begin_anew()
    head = f"POST /v1/secret/data/late HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {ROOT_TOKEN}\r\n"
    with socket.create_connection(("127.0.0.1", one_server.port), timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {len(SECRET)}\r\n\r\n".encode() + SECRET[:5])
        assert ask(one_server.port, "GET", "/v1/sys/health").status == 200
        assert _answers(connection, SECRET[5:], 1)[0][0] == 200


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


def _driven(app, loop_factory):
    """Run the application as a task of a loop, as any ASGI server does; give the status."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "http_version": "1.1", "method": "GET", "raw_path": b"/v1/sys/health"}
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(app({**scope, "query_string": b"", "headers": []}, receive, send))
    return sent[0]["status"]


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, Loop])
def test_it_is_an_application_for_any_loop(loop_factory):
    """A server that makes a task of a request is answered too, and the door is asked in a thread."""
    asked_in = []
    core = dev().core

    class Door:
        def handle(self, request):
            asked_in.append(threading.current_thread())
            return core.handle(request)

    app = App(Door(), Manners())
    assert _driven(app, loop_factory) == 200
    assert asked_in[0] is not threading.main_thread()
    app.close()


def test_what_another_thread_brings_goes_on_in_the_pool():
    """A coroutine begins in the thread that brings it, and what follows the call is done in the pool's thread."""
    places, done = [], threading.Event()

    async def journey():
        places.append(threading.current_thread().name)
        places.append(await call_in(pool, lambda _: threading.current_thread().name, None))
        places.append(threading.current_thread().name)
        done.set()

    loop = Loop()
    with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
        bringing = threading.Thread(
            target=lambda: loop.call_soon_threadsafe(lambda _: None, journey()), name="bringing"
        )
        bringing.start()
        assert done.wait(20)
    loop.close()
    assert places == ["bringing", "pool_0", "pool_0"]


def test_what_comes_after_the_end_is_dropped():
    """A request that needs a pool which is shut down is closed, and nothing is raised in the server's thread."""
    pool, closed = ThreadPoolExecutor(1), []
    pool.shutdown()

    async def late():
        try:
            await call_in(pool, print, None)
        finally:
            closed.append(True)

    loop = Loop()
    loop.call_soon_threadsafe(lambda _: None, late())
    loop.close()
    assert closed == [True]
