"""What goes wrong on purpose: in this process, and at the address for whoever asks there."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import hvac
import pytest
import requests
from support.sockets import ask, remote_door
from support.transcripts import wire_cases

from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer, VaultError

LOST = {"request": "EOF", "answer": "EOF", "headers": "unexpected EOF", "body": "unexpected EOF"}


@pytest.fixture
def client(vault):
    """A client that nobody here wrote, on the vault."""
    client = hvac.Client(url=vault.address, token=vault.token)
    yield client
    client.adapter.close()


@pytest.fixture
def remote(vault):
    """Our own client on the vault, over HTTP."""
    with closing(remote_door(vault.address)) as door:
        yield Client(door, token=vault.token)


def put(client, path="a"):
    return client.secrets.kv.v2.create_or_update_secret(path=path, secret={"k": "v"})


def test_answers_fail_as_often_as_was_said(vault, client):
    """A refusal comes so many times, with its status and words, and nothing was done."""
    fault = vault.fail(500, "no space left", path="secret/data/*", times=2)
    for _ in range(2):
        with pytest.raises(hvac.exceptions.InternalServerError, match="no space left"):
            put(client)
    assert vault.kv_get("secret/a") is None
    put(client)
    assert (fault.struck, vault.kv_get("secret/a")) == (2, {"k": "v"})


def test_only_what_matches_fails(vault, client):
    """Other paths and other verbs are answered."""
    with vault.fail(503, path="secret/data/a", operation="update") as fault:
        put(client, "b")
        with pytest.raises(hvac.exceptions.VaultDown):
            put(client)
        assert client.sys.list_mounted_secrets_engines()["data"]["secret/"]
        with pytest.raises(hvac.exceptions.InvalidPath):
            client.secrets.kv.v2.read_secret_version(path="a", raise_on_deleted_version=True)
    assert fault.struck == 1


def test_it_is_over_at_the_end_of_the_block(vault, client):
    """Behind the block everything is as before."""
    with vault.fail(), pytest.raises(hvac.exceptions.InternalServerError):
        put(client)
    put(client)


def test_faults_are_taken_away_one_by_one_or_all(vault, client):
    """A fault is removed by itself, or with all others."""
    vault.fail(path="secret/*")
    other = vault.fail(path="sys/*")
    other.remove()
    client.sys.list_mounted_secrets_engines()
    vault.heal()
    put(client)


def test_so_many_times_is_meant_of_all_threads(vault):
    """Of requests at the same moment exactly so many fail as was said."""
    vault.fail(times=5)

    def status(_number):
        try:
            return vault.client.call("GET", "sys/mounts").status
        except VaultError as error:
            return error.status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(status, range(20))) == [0] * 15 + [500] * 5


def test_a_slow_answer_outlasts_a_clients_patience(vault):
    """A client that waits for less gives up; the vault ends at once all the same."""
    vault.slow(3600)
    with closing(socket.create_connection((urlsplit(vault.address).hostname, urlsplit(vault.address).port))) as patient:
        patient.sendall(b"GET /v1/sys/health HTTP/1.1\r\nHost: vault\r\n\r\n")
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.get(vault.address + "/v1/sys/health", timeout=0.05)
        vault.close()
        assert patient.recv(1) in (b"", b"H")


def test_who_waits_goes_on_when_the_fault_is_removed(vault):
    """A request that was made to wait is answered as soon as nothing is slow any more."""
    fault = vault.slow(3600, path="sys/mounts")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(vault.client.call("GET", "sys/mounts").data))
    thread.start()
    fault.remove()
    thread.join()
    assert "secret/" in answers[0]


@pytest.mark.parametrize("at", LOST)
def test_a_lost_connection_is_the_same_by_each_door(vault, remote, at):
    """In the process a lost connection is the error that the door to a remote gives, at each point of the way."""
    with vault.lose(at=at):
        for client in (vault.client, remote):
            with pytest.raises(NoAnswer) as caught:
                client.call("PUT", "secret/data/a", {"data": {"k": "v"}})
            assert caught.value.errors == (LOST[at],)
    assert [asked.status for asked in vault.requests] == [0, 0]


@pytest.mark.parametrize("at", LOST)
def test_what_was_asked_for_is_done_unless_the_request_was_lost(vault, client, at):
    """Who loses the connection cannot tell whether it was done: it was, unless the request itself was lost."""
    with vault.lose(at=at), pytest.raises(requests.exceptions.RequestException):
        put(client)
    assert vault.kv_get("secret/a") == (None if at == "request" else {"k": "v"})


def bytes_of(vault, head):
    """Send a request, and give all that comes until the connection ends."""
    there = urlsplit(vault.address)
    with closing(socket.create_connection((there.hostname, there.port))) as sock:
        sock.sendall(f"{head} HTTP/1.1\r\nHost: vault\r\nX-Vault-Token: {vault.token}\r\n\r\n".encode())
        return b"".join(iter(lambda: sock.recv(65536), b""))


@pytest.mark.parametrize("at", LOST)
def test_so_much_of_an_answer_goes_out(vault, at):
    """Nothing goes out, or the headers, or half of the body too."""
    vault.lose(at=at)
    head, end, body = bytes_of(vault, "GET /v1/sys/seal-status").partition(b"\r\n\r\n")
    if at in ("request", "answer"):
        assert head == b""
        return
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))[16:])
    assert end
    assert len(body) == (0 if at == "headers" else length // 2)


def test_of_an_answer_without_a_body_half_of_the_head_goes_out(vault):
    """An answer without a body is cut in its head: it must not pass for a whole one."""
    vault.kv_put("secret/a", k="v")
    vault.lose()
    assert b"\r\n\r\n" not in bytes_of(vault, "DELETE /v1/secret/data/a")
    assert vault.kv_get("secret/a") is None


def test_a_refusal_gets_lost_too(vault):
    """An answer that would have been a refusal is cut as any other."""
    vault.lose()
    head, _, body = bytes_of(vault, "GET /v1/nope").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert body.startswith(b'{"errors":["no handler for route ')


def test_a_fault_lies_over_an_older_one(vault):
    """Of two faults on one request the newer one comes first."""
    vault.fail(500)
    newer = vault.fail(503)
    older = vault.lose()
    with pytest.raises(NoAnswer):
        vault.client.call("GET", "sys/mounts")
    older.remove()
    with pytest.raises(VaultError) as caught:
        vault.client.call("GET", "sys/mounts")
    assert (caught.value.status, newer.struck) == (503, 2)


SEALED = [step for step in wire_cases()["seal-cycle"]["steps"] if step.get("expect", {}).get("status") == 503]


def test_a_sealed_vault_answers_as_openbao_does(vault):
    """A sealed vault refuses what OpenBao refuses, and its health is told in the same words."""
    vault.seal()
    assert {step["path"] for step in SEALED} == {"sys/health", "sys/mounts", "sys/mounts/a", "nope/x"}
    for step in SEALED:
        got = ask(urlsplit(vault.address).port, step["method"], "/v1/" + step["path"], b"{}")
        expect = step["expect"]
        assert got.status == 503
        if "errors" in expect:
            assert got.json == {"errors": expect["errors"]}
        else:
            told = {**expect["raw"], "server_time_utc": got.json["server_time_utc"], "version": got.json["version"]}
            assert got.json == told


def test_a_sealed_vault_says_so_and_can_be_unsealed(vault, client):
    """The seal's status and the codes of health are those of a sealed vault, until it is unsealed."""
    vault.seal()
    assert client.sys.is_sealed()
    assert client.sys.is_initialized()
    assert client.sys.read_health_status(sealed_code=299, method="GET").status_code == 299
    with pytest.raises(hvac.exceptions.VaultDown, match="Vault is sealed"):
        put(client)
    vault.unseal()
    assert not client.sys.is_sealed()
    put(client)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda vault: vault.fail(200), "200 is no status of a refusal"),
        (lambda vault: vault.fail(operation="write"), "there is no operation 'write'"),
        (lambda vault: vault.lose(at="middle"), "a connection is not lost at 'middle'"),
    ],
    ids=["status", "operation", "at"],
)
def test_a_fault_that_cannot_be_is_an_error(vault, call, text):
    """A fault is checked where it is asked for, and not when it should strike."""
    with pytest.raises(ValueError, match=text):
        call(vault)


def test_a_fault_tells_what_it_is(vault):
    """A fault shows which requests it is about, and how many it struck."""
    fault = vault.fail(path="secret/*", operation="read")
    with pytest.raises(VaultError):
        vault.client.call("GET", "secret/data/a")
    assert repr(fault) == "<Fault read secret/*: struck 1>"


def test_how_slow_may_be_said_as_a_duration(vault):
    """A duration is taken as text, and the request is answered all the same."""
    with vault.slow("1ms") as fault:
        assert vault.client.call("GET", "sys/mounts").data
    assert fault.struck == 1
