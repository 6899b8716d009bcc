"""vaultctl as a client: what reaches a remote, what of its answers is told, and what never leaves this machine."""

import pytest
from support.answering import answering, says

MOUNTS = '{"request_id": "r", "data": {}}'
LISTED = (0, "Path    Type    Accessor    Description\n----    ----    --------    -----------\n", "")


@pytest.fixture
def client(fresh):
    """The program, with a token, on an address."""

    def run(address, *args, env=None, stdin=b""):
        return fresh(*args, env={"VAULT_ADDR": address, "VAULT_TOKEN": "a-token", **(env or {})}, stdin=stdin)

    return run


def header(text, name):
    """Give a header of a request."""
    lines = [line.partition(": ") for line in text.split("\r\n\r\n")[0].split("\r\n")[1:]]
    return next((value for key, _, value in lines if key.lower() == name), None)


def test_nothing_of_the_local_state_is_touched(client, fresh):
    """A remote command makes no state, and never sends a token of the local state's."""
    fresh("secrets", "list")
    before = sorted(path.name for path in fresh.data.iterdir())
    with answering(says(200, MOUNTS)) as server:
        fresh("secrets", "list", env={"VAULT_ADDR": server.address})
    assert header(server.asked[0], "x-vault-token") is None
    assert sorted(path.name for path in fresh.data.iterdir()) == before


@pytest.mark.parametrize(
    ("env", "flags", "reached"),
    [
        ({"VAULT_ADDR": "A"}, [], "A"),
        ({"VAULT_ADDR": "B", "BAO_ADDR": "A"}, [], "A"),
        ({"VAULT_ADDR": "B"}, ["-address=A"], "A"),
        ({"VAULT_ADDR": "A"}, ["-address="], "A"),
        ({"VAULT_ADDR": "B", "BAO_AGENT_ADDR": "A"}, ["-address=B"], "A"),
        ({"BAO_AGENT_ADDR": "B"}, ["-agent-address=A"], "A"),
        ({"VAULT_ADDR": "B", "BAO_ADDR": ""}, [], ""),
        ({"VAULT_ADDR": "B"}, ["-local"], ""),
        ({"VAULT_ADDR": "B", "VAULTCTL_LOCAL": "1"}, ["-address=B"], ""),
    ],
)
def test_which_address_is_meant(fresh, env, flags, reached):
    """An agent comes first, then the flag, then BAO_ADDR, which hides VAULT_ADDR even if it is empty."""
    with answering(says(200, MOUNTS)) as first, answering(says(200, MOUNTS)) as second:
        names = {"A": first.address, "B": second.address}

        given = {name: names.get(value, value) for name, value in env.items()}
        words = [flag.replace("=A", f"={names['A']}").replace("=B", f"={names['B']}") for flag in flags]
        assert fresh("secrets", "list", *words, env=given).code == 0
        assert (len(first.asked), len(second.asked)) == (1 if reached else 0, 0)


@pytest.mark.parametrize(
    ("env", "sent"),
    [
        ({"BAO_TOKEN": "one", "VAULT_TOKEN": "two"}, "one"),
        ({"VAULT_TOKEN": "two"}, "two"),
        ({"BAO_TOKEN": "", "VAULT_TOKEN": "two"}, "helped"),
        ({}, "helped"),
        ({"VAULT_TOKEN_PATH": "elsewhere"}, "there"),
    ],
)
def test_which_token_is_sent(fresh, env, sent):
    """The environment comes first, then the file of the token helper; space around a token in a file is none of it."""
    (fresh.home / ".vault-token").write_text(" helped\n")
    (fresh.home / "elsewhere").write_text("there")
    with answering(says(200, MOUNTS)) as server:
        assert fresh("secrets", "list", env={"VAULT_ADDR": server.address, **env}) == LISTED
    assert header(server.asked[0], "x-vault-token") == sent


def test_a_program_may_keep_the_token(fresh):
    """The program that ~/.bao names is asked with the word get."""
    program = fresh.home / "helper"
    program.write_text('#!/bin/sh\nprintf "%s-it" "$1"\n')
    program.chmod(0o700)
    (fresh.home / ".bao").write_text(f'# mine\ntoken_helper = "{program}"\n')
    assert fresh("print", "token", env={"VAULT_ADDR": "http://127.0.0.1:1"}) == (0, "get-it\n", "")
    (fresh.home / ".bao").write_text("nonsense = 1\n")
    assert fresh("print", "token", env={"VAULT_ADDR": "http://127.0.0.1:1"}).code == 2


def test_a_local_command_leaves_the_token_helper_alone(here):
    """The token of a cluster is neither read nor written by commands on the local state."""
    (here.home / ".vault-token").mkdir()
    assert here("secrets", "list").code == 0


def test_flags_reach_the_server(client):
    """Namespace and headers are sent; those that are Vault's own are refused."""
    with answering(says(200, MOUNTS)) as server:
        assert client(server.address, "secrets", "list", "-ns=/team", "-header", "X-A=b") == LISTED
        refused = client(server.address, "secrets", "list", "-header=X-Vault-Token=x")
        assert client(server.address, "secrets", "list", "-header", "X-A=b\nX-Vault-Token: x").code == 2
    assert [header(server.asked[0], name) for name in ("x-vault-namespace", "x-a")] == ["team/", "b"]
    assert (refused.code, "are for internal usage only" in refused.err, len(server.asked)) == (2, True, 1)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(200, "<html>"), "invalid character '<' looking for beginning of value"),
        (says(200, "[]", Content_Type="text/x"), "it sent text/x"),
        (says(200, "{}"), "data from server response is empty"),
        (says(204), "data from server response is empty"),
        (says(404, "<html>no</html>"), "Code: 404. Raw Message:\n\n<html>no</html>\n"),
        (says(502, "oops"), "Code: 502. Raw Message:\n\noops\n"),
        (says(500, '{"errors": ["broken"]}'), "Code: 500. Errors:\n\n* broken\n"),
        (says(307), "http: no Location header in response"),
        (b"SSH-2.0-x\r\n", 'malformed HTTP response "SSH-2.0-x"'),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", ""),
        (b"", ": EOF\n"),
    ],
)
def test_what_is_no_answer_of_a_vault_is_exit_code_2(client, answer, told):
    """Whatever else answers at the address, the command fails in words, and says nothing on stdout."""
    with answering(answer) as server:
        ran = client(server.address, "secrets", "list", env={"VAULT_CLIENT_TIMEOUT": "1s"})
    assert (ran.code, ran.out, told in ran.err, "bug" in ran.err) == (2, "", True, False), ran.err


@pytest.mark.parametrize("answer", [says(200, "<html>"), says(302, "", Location="http://127.0.0.1:1/x"), says(307)])
def test_nothing_is_a_success_that_no_vault_confirmed(client, answer):
    """A page of another server does not pass for a write that was done."""
    with answering(answer) as server:
        ran = client(server.address, "secrets", "enable", "kv")
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:1", 'Get "http://127.0.0.1:1/v1/sys/mounts": dial tcp 127.0.0.1:1: connect: connection ref'),
        ("http://nosuch.invalid", "no such host"),
        ("unix:///nosuch", "dial unix /nosuch: connect: no such file or directory"),
        ("ftp://127.0.0.1", 'unsupported protocol scheme "ftp"'),
        ("127.0.0.1:8200", "failed to create client: parse"),
        ("http://127.0.0.1:x", "invalid port"),
        ("http://127.0.0.1:99999", "invalid port"),
        ("://x", "missing protocol scheme"),
    ],
)
def test_what_cannot_be_reached_is_exit_code_2(client, address, told):
    """An address that nobody answers at, or that is none, is told in Go's words."""
    ran = client(address, "secrets", "list")
    assert (ran.code, ran.out, told in ran.err) == (2, "", True), ran.err


@pytest.mark.parametrize(
    "env",
    [
        {"VAULT_CLIENT_TIMEOUT": "x"},
        {"VAULT_MAX_RETRIES": "x"},
        {"VAULT_SKIP_VERIFY": "maybe"},
        {"VAULT_CACERT": "/nosuch"},
        {"VAULT_CLIENT_CERT": "/nosuch"},
        {"VAULT_TOKEN": "a\nb"},
    ],
)
def test_a_bad_variable_is_exit_code_2(client, env):
    """Nothing is asked where the environment cannot be understood."""
    with answering(says(200, MOUNTS)) as server:
        ran = client(server.address, "secrets", "list", env=env)
    assert (ran.code, ran.out, server.asked) == (2, "", [])


def test_a_slow_server_is_given_up(client):
    """The timeout holds for the whole request."""

    def never(_text):
        import time

        time.sleep(3)
        return b""

    with answering(never) as server:
        ran = client(server.address, "secrets", "list", env={"VAULT_CLIENT_TIMEOUT": "200ms"})
    assert (ran.code, ran.err) == (2, "Error listing secrets engines: context deadline exceeded\n")


@pytest.mark.parametrize(("status", "times"), [(500, 2), (412, 2), (501, 1), (400, 1)])
def test_what_is_asked_again(client, status, times, monkeypatch):
    """With VAULT_MAX_RETRIES a 412 and most of what begins with 5 are asked again; without it nothing is."""
    monkeypatch.setattr("vaultctl.http.remote._PAUSE_S", (0.0, 0.0))
    with answering(says(status, '{"errors": []}')) as server:
        client(server.address, "secrets", "list")
        assert len(server.asked) == 1
        client(server.address, "secrets", "list", env={"VAULT_MAX_RETRIES": "1"})
        assert len(server.asked) == 1 + times


def test_one_connection_is_used_for_all_that_a_command_asks(client):
    """A connection that the server keeps open is used again."""
    with answering(says(200, '{"request_id": "r", "data": {"path": "s/", "options": null, "k": "v"}}')) as server:
        assert client(server.address, "kv", "get", "s/a").code == 0
    assert (len(server.asked), server.connections) == (2, 1)


def test_an_answer_in_pieces_is_read(client):
    """A chunked answer is put together again."""
    chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (MOUNTS[:5], MOUNTS[5:]))
    answer = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 0\r\n\r\n{chunks}0\r\n\r\n"
    with answering(answer.encode()) as server:
        assert client(server.address, "secrets", "list") == LISTED


def test_a_socket_of_the_machine_can_be_the_address(client, tmp_path):
    """unix:// names a socket."""
    with answering(says(200, MOUNTS), path=str(tmp_path / "sock")) as server:
        assert client(server.address, "secrets", "list") == LISTED


def test_numbers_keep_their_spelling(client):
    """What a server spells 1.10 is shown so, and sent so."""
    with answering(says(200, '{"request_id": "r", "data": {"n": 1.10}}')) as server:
        assert client(server.address, "read", "-field=n", "x").out == "1.10"
        client(server.address, "write", "x", "-", stdin=b'{"n": 12345678901234567890.5}')
    assert server.asked[1].endswith('{"n":12345678901234567890.5}')


def test_a_redirect_within_the_address_is_followed(client):
    """A redirect to another path of the same server is followed once, with the token."""

    def reply(text):
        return says(200, MOUNTS) if "/v1/there" in text else says(307, Location="/v1/there")

    with answering(reply) as server:
        assert client(server.address, "secrets", "list") == LISTED
        assert client(server.address, "secrets", "list", "-disable-redirects").code == 2
    assert header(server.asked[1], "x-vault-token") == "a-token"


def test_a_redirect_to_the_leader_is_followed(client):
    """A node may send us to the one that it names as the leader, and the token goes with us."""
    with answering(says(200, MOUNTS)) as leader:

        def reply(text):
            if "sys/leader" in text:
                return says(200, f'{{"leader_address": "{leader.address}"}}')
            return says(307, Location=f"{leader.address}/v1/sys/mounts")

        with answering(reply) as node:
            assert client(node.address, "secrets", "list") == LISTED
    assert header(leader.asked[0], "x-vault-token") == "a-token"
    assert [header(text, "x-vault-token") for text in node.asked] == ["a-token", None]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_token_goes_nowhere_else(client, scheme):
    """To any other host, port or scheme nothing is sent at all."""
    with answering(says(200, MOUNTS)) as other:
        location = other.address.replace("http", scheme, 1) + "/v1/sys/mounts"

        def reply(text):
            return says(200, '{"leader_address": ""}') if "leader" in text else says(307, Location=location)

        with answering(reply) as server:
            ran = client(server.address, "secrets", "list")
    assert (ran.code, "the token was not sent there" in ran.err, other.connections) == (2, True, 0)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "VAULT_PROXY_ADDR"])
def test_a_proxy_is_asked(client, name):
    """A proxy gets the whole address, and its own name and password."""
    with answering(says(200, MOUNTS)) as proxy:
        env = {name: proxy.address.replace("://", "://me:secret@")}
        assert client("http://vault.example:8200", "secrets", "list", env=env) == LISTED
        assert client("http://vault.invalid", "secrets", "list", env={**env, "NO_PROXY": "*"}).code == (
            2 if name == "HTTP_PROXY" else 0
        )
    assert proxy.asked[0].startswith("GET http://vault.example:8200/v1/sys/mounts HTTP/1.1\r\n")
    assert header(proxy.asked[0], "proxy-authorization") == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("args", [["operator", "check"], ["operator", "snapshot", "save", "x"]], ids=" ".join)
def test_what_a_remote_has_no_use_for_says_so(client, fresh, args):
    """Commands on the local state as a whole do nothing where an address is given."""
    ran = client("http://127.0.0.1:1", *args)
    assert (ran.code, "http://127.0.0.1:1" in ran.err, fresh.data.exists()) == (1, True, False)


def test_confirm_asks_nobody_where_there_is_no_terminal(client):
    """A script that says -confirm is told so, and does not hang."""
    with answering(says(204)) as server:
        ran = client(server.address, "secrets", "disable", "-confirm", "a")
        assert (ran.code, "nothing was done" in ran.err, server.asked) == (1, True, [])
        assert client(server.address, "secrets", "disable", "a") == (
            0,
            "Success! Disabled the secrets engine (if it existed) at: a/\n",
            "",
        )
