"""Wrapping tokens by command line: made, looked at, used, wrapped anew; on a real OpenBao and here."""

import json
import time

import pytest
from support import served, terminal
from support.answering import answering, says
from support.between import between
from support.program import Ran

WHERE = ["on OpenBao", "on our server", "here"]
MADE_AT = "sys/wrapping/wrap"


@pytest.fixture(scope="module")
def running_vaultctl(tmp_path_factory):
    """A server of ours for all tests of this module."""
    with served.serving(tmp_path_factory.mktemp("served")) as ours:
        yield ours


@pytest.fixture(params=WHERE)
def there(request, fresh):
    """The program on a real OpenBao, on a server of ours, or on its own state; ours `tells` what became of a token."""
    if request.param == WHERE[2]:
        env = {"VAULTCTL_LOCAL": "1"}
        fresh.used()
    else:
        server = request.getfixturevalue("bao" if request.param == WHERE[0] else "running_vaultctl")
        server.reset()
        env = {**server.env, "HOME": str(fresh.home)}

    def run(*args: str, stdin: bytes = b"", **more: str) -> Ran:
        return fresh(*args, stdin=stdin, env={**env, **more})

    run.tells = request.param != WHERE[0]
    run.home = fresh.home
    return run


def token_of(there, *data: str, ttl: str = "5m") -> str:
    """Wrap data, and give the token."""
    return there("wrapping", "wrap", f"-wrap-ttl={ttl}", "-field=wrapping_token", *(data or ("a=b",))).out


def dead_code(there, code: int) -> int:
    """Give the exit code for a token that is not live: a remote does not tell why."""
    return code if there.tells else 8


def test_wrapping_says_what_ttl_it_takes(there):
    """Without a TTL it is 300 s, and stderr says so; with one, nothing is said."""
    ran = there("wrapping", "wrap", "-format=json", "a=b")
    assert (ran.code, json.loads(ran.out)["wrap_info"]["ttl"]) == (0, 300)
    assert ran.err == "the token is good for 300 s: neither -wrap-ttl nor VAULT_WRAP_TTL says otherwise\n"
    assert there("wrapping", "wrap", "-wrap-ttl=7s", "-field=wrapping_token_ttl", "a=b") == (0, "7", "")
    assert there("wrapping", "wrap", "-field=wrapping_token_ttl", "a=b", VAULT_WRAP_TTL="8") == (0, "8", "")


def test_a_terminal_shows_it_as_a_table(vaultctl):
    """On a terminal a wrapped answer is a table as every answer is, and a field has a newline behind it."""
    vaultctl("secrets", "list")
    shown = terminal.seen(vaultctl, 100, "token", "create", "-wrap-ttl=5m")
    assert all(f"wrapping_{part}:" in shown for part in ("token", "accessor", "token_ttl", "token_creation_path"))
    assert "wrapped_accessor:" in shown
    token = terminal.seen(vaultctl, 100, "token", "create", "-wrap-ttl=5m", "-field=wrapping_token")
    assert (token[:2], token[-1:], len(token.split())) == ("s.", "\n", 1)
    assert "creation_path" in terminal.seen(vaultctl, 100, "wrapping", "verify", token.strip())
    assert "token_accessor" in terminal.seen(vaultctl, 100, "unwrap", token.strip())


@pytest.mark.parametrize("how", ["argument", "stdin", "file", "environment"])
def test_where_a_token_comes_from(there, how):
    """A token is taken from the command line, from stdin, from a file or from the environment."""
    token = token_of(there)
    (there.home / "token").write_text(token + "\n")
    words, stdin, env = {
        "argument": ((token,), b"", {}),
        "stdin": (("-",), token.encode() + b"\n", {}),
        "file": (("@token",), b"", {}),
        "environment": ((), b"", {"BAO_TOKEN": token}),
    }[how]
    looked = there("wrapping", "lookup", "-field=creation_path", *words, stdin=stdin, **env)
    assert looked == (0, MADE_AT, "")
    assert there("wrapping", "verify", *words, stdin=stdin, **env).code == 0
    assert there("unwrap", "-field=a", *words, stdin=stdin, **env) == (0, "b", "")
    again = there("wrapping", "unwrap", "-field=a", *words, stdin=stdin, **env)
    assert (again.code, token in again.err) == (2, False)


@pytest.mark.parametrize("stdin", [b"", b"\n", b"one two\n", b"one\ntwo\n"])
def test_stdin_must_hold_one_token(there, stdin):
    """Nothing is asked where stdin holds no token, or more than one."""
    assert there("unwrap", "-", stdin=stdin).code == 1


def test_rewrap_keeps_path_and_ttl(there):
    """What is wrapped anew is had for the new token, and not for the old one."""
    token = token_of(there, "a=b", ttl="77s")
    ran = there("wrapping", "rewrap", "-format=json", "-", stdin=token.encode())
    info = json.loads(ran.out)["wrap_info"]
    assert (ran.code, info["ttl"], info["creation_path"]) == (0, 77, MADE_AT)
    assert there("unwrap", token).code == 2
    assert there("unwrap", "-field=a", info["token"]) == (0, "b", "")


def test_rewrap_needs_a_token(there):
    """Without a token to wrap anew nothing is asked."""
    assert there("wrapping", "rewrap").code == 1
    assert there("wrapping", "rewrap", "").code == 1


def test_what_a_list_and_a_login_wrapped(there):
    """A list comes out as a list, and a token as a token, in every format."""
    there("kv", "put", "secret/x", "k=v")
    token = there("kv", "list", "-wrap-ttl=5m", "-field=wrapping_token", "secret")
    assert token.code == 1  # bao has no -field there either
    wrapped = json.loads(there("kv", "list", "-wrap-ttl=5m", "-format=json", "secret").out)["wrap_info"]["token"]
    assert there("unwrap", wrapped) == (0, "Keys\n----\nx\n", "")
    wrapped = json.loads(there("list", "-wrap-ttl=5m", "-format=json", "secret/metadata").out)["wrap_info"]["token"]
    assert there("unwrap", "-format=json", wrapped) == (0, '[\n  "x"\n]\n', "")
    wrapped = there("token", "create", "-policy=default", "-wrap-ttl=5m", "-field=wrapping_token").out
    inner = there("unwrap", "-field=token", wrapped)
    assert inner.code == 0
    assert there("token", "lookup", "-field=path", BAO_TOKEN=inner.out) == (0, "auth/token/create", "")


def test_a_field_of_a_wrapped_kv_secret(there):
    """The token that a kv secret was wrapped for is not lost because -field was given."""
    there("kv", "put", "secret/x", "k=v")
    ran = there("kv", "get", "-wrap-ttl=5m", "-field=wrapping_token", "secret/x")
    assert json.loads(there("unwrap", "-format=json", ran.out).out)["data"]["data"] == {"k": "v"}


def test_what_is_read_first_is_not_wrapped(there):
    """A command that reads before it writes wraps the answer to its write alone."""
    there("kv", "put", "secret/x", "k=v", "n=1")
    for args in (
        ("kv", "patch", "-method=rw", "-wrap-ttl=5m", "-format=json", "secret/x", "k=w"),
        ("kv", "rollback", "-version=1", "-wrap-ttl=5m", "-format=json", "secret/x"),
    ):
        ran = there(*args)
        assert json.loads(ran.out)["wrap_info"]["creation_path"] == "secret/data/x"
    assert there("kv", "get", "-field=k", "secret/x").out == "v"
    assert there("kv", "get", "-format=json", "-field=data", "secret/x").out == '{\n  "k": "v",\n  "n": "1"\n}'


def test_a_move_is_not_wrapped(there):
    """A move is followed to its end, whatever the environment says of wrapping."""
    assert there("secrets", "enable", "-path=from", "kv", VAULT_WRAP_TTL="60").code == 0
    assert there("secrets", "move", "from", "to", VAULT_WRAP_TTL="60").code == 0
    assert there("secrets", "enable", "-ensure", "-path=to", "-description=d", "kv", VAULT_WRAP_TTL="60").code == 0


@pytest.mark.parametrize("asked", ["-wrap-ttl", "VAULT_WRAP_TTL"])
@pytest.mark.parametrize("words", [("secrets", "move"), ("auth", "move"), ("namespace", "delete"), ("remount", "list")])
def test_what_is_not_wrapped_says_so(there, words, asked):
    """Where no answer can be wrapped the command does what it does, and stderr says that nothing was wrapped."""
    there("secrets", "enable", "-path=from", "kv")
    there("auth", "enable", "-path=from", "approle")
    there("namespace", "create", "n1")
    operands = {"move": ("from", "to"), "delete": ("n1",), "list": ()}[words[1]]
    plainly = asked == "-wrap-ttl"
    ran = there(*words, *(("-wrap-ttl=60s",) if plainly else ()), *operands, **({} if plainly else {asked: "60"}))
    assert (ran.code, "wrapping_token" in ran.out) == (0, False)
    assert (asked in ran.err, "its answer is not wrapped" in ran.err) == (True, True)


def test_a_look_at_a_token_is_silent_about_the_environment(there):
    """What is set for other commands is no matter of a look-up; a flag on itself is."""
    token = token_of(there)
    assert there("wrapping", "lookup", token, VAULT_WRAP_TTL="60").err == ""
    flagged = there("wrapping", "lookup", "-wrap-ttl=60s", token)
    assert (flagged.code, flagged.err) == (0, "-wrap-ttl is not for this command: its answer is not wrapped\n")


def test_a_login_that_is_kept_is_not_wrapped(there):
    """What login keeps is the token itself; with -no-store it can be wrapped."""
    there("auth", "enable", "userpass")
    there("write", "auth/userpass/users/u", "password=p")
    words = ("-method=userpass", "username=u", "password=p")
    ran = there("login", "-no-store", "-wrap-ttl=5m", "-field=wrapping_token", *words)
    assert there("unwrap", "-field=token_meta_username", ran.out).code in (0, 1)
    plain = there("login", "-token-only", *words, VAULT_WRAP_TTL="60")
    assert there("token", "lookup", "-field=path", BAO_TOKEN=plain.out).out == "auth/userpass/login/u"


# --- verify, and unwrap with -expect-path ---


def test_a_good_token(there):
    """A live token of the path that was expected is good, and stays so."""
    token = token_of(there)
    for path in (MADE_AT, f"/{MADE_AT}/", f"v1/{MADE_AT}"):
        ran = there("wrapping", "verify", "-format=json", f"-expect-path={path}", token)
        told = json.loads(ran.out)
        assert (ran.code, told["state"], told["creation_path"], told["good"]) == (0, "live", MADE_AT, True)
    assert there("unwrap", "-field=a", f"-expect-path={MADE_AT}", token).out == "b"


def test_the_same_path_in_another_namespace(there):
    """Whoever owns a namespace can make any path there: it is not the one that was expected."""
    for name in ("evil", "third"):
        assert there("namespace", "create", name).code == 0
    forged = there("wrapping", "wrap", "-namespace=evil", "-field=wrapping_token", "a=b").out
    good = token_of(there)
    for namespace, path, token, code in (
        ("", MADE_AT, forged, 3),
        ("", MADE_AT, good, 0),
        ("third", MADE_AT, forged, 3),
        ("third", MADE_AT, good, 3),
        ("evil", MADE_AT, forged, 0),
        ("", f"evil/{MADE_AT}", forged, 0),
        ("", f"evil/{MADE_AT}", good, 3),
    ):
        words = (f"-namespace={namespace}", f"-expect-path={path}", token)
        ran = there("wrapping", "verify", *words)
        assert (ran.code, "this server does not tell" in ran.err.replace("wrapped anew, this", "")) == (code, False)
        if code:
            assert there("unwrap", *words).code == code
    assert there("unwrap", "-namespace=evil", "-field=a", f"-expect-path={MADE_AT}", forged).out == "b"


def test_a_check_uses_no_other_wrapping_token_up(there):
    """The token in use may be another wrapping token: to verify one does not count as a use of the other."""
    one, other = token_of(there), token_of(there)
    assert there("wrapping", "verify", f"-expect-path={MADE_AT}", one, BAO_TOKEN=other).code == 0
    assert there("wrapping", "lookup", one, BAO_TOKEN=other).code == 0
    assert there("unwrap", "-field=a", other).out == "b"


def test_another_path(there):
    """A token that was made elsewhere is exit code 3, and is not used."""
    token = token_of(there)
    wanted = "-expect-path=auth/approle/role/ci/secret-id"
    for words in (("wrapping", "verify"), ("unwrap",), ("wrapping", "unwrap")):
        ran = there(*words, wanted, token)
        assert (ran.code, token in ran.out + ran.err) == (3, False)
        assert f"it was made at {MADE_AT}, and not at auth/approle/role/ci/secret-id" in ran.err
    assert there("unwrap", "-field=a", token).out == "b"


def test_paths_where_anybody_wraps(there):
    """A path at which anybody can wrap what they unwrapped is warned of, where none is expected."""
    token = token_of(there)
    assert f"warning: it was made at {MADE_AT}, where anybody" in there("wrapping", "verify", token).err
    assert "anybody" not in there("wrapping", "verify", f"-expect-path={MADE_AT}", token).err


def test_a_token_that_was_made_too_late(there):
    """A token that is younger than the moment that the sender names is exit code 3."""
    token = token_of(there)
    assert there("wrapping", "verify", "-issued-before=2099-01-01T00:00:00Z", token).code == 0
    assert there("wrapping", "verify", "-issued-before=2020-01-01T00:00:00Z", token).code == 3
    assert there("wrapping", "verify", "-issued-before=1000000000", token).code == 3
    assert there("wrapping", "verify", "-issued-before=soon", token).code == 1


@pytest.mark.parametrize("flag", ["-expect-path=", "-expect-path=/", "-issued-before="])
def test_a_check_of_nothing(there, flag):
    """An empty variable does not pass for a check: nothing is asked, and the token stays good."""
    token = token_of(there)
    assert there("wrapping", "verify", flag, token).code == 1
    if flag.startswith("-expect"):
        assert there("unwrap", flag, token).code == 1
    assert there("unwrap", "-field=a", token).out == "b"


def test_a_token_of_a_mount_that_is_gone(there):
    """A token whose mount was disabled is good no more, and where it can be told it is told."""
    there("secrets", "enable", "-path=gone", "kv")
    there("write", "gone/a", "k=v")
    token = there("read", "-wrap-ttl=5m", "-field=wrapping_token", "gone/a").out
    there("secrets", "disable", "gone")
    assert there("wrapping", "verify", token).code == dead_code(there, 9)


def test_tokens_that_are_no_more(there):
    """A used token, an expired one and one that never was have codes of their own, as far as the server tells."""
    used, expired = token_of(there), token_of(there, ttl="1s")
    there("unwrap", used)
    deadline = time.monotonic() + 60
    while there("wrapping", "lookup", expired).code == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    for token, code in ((used, 4), (expired, 5), ("s.aaaaaaaaaaaaaaaaaaaaaaaa", 6)):
        ran = there("wrapping", "verify", token)
        assert (ran.code, token in ran.out + ran.err) == (dead_code(there, code), False)
        assert there("unwrap", f"-expect-path={MADE_AT}", token).code == dead_code(there, code)


def test_a_token_in_use_is_not_used_up_by_a_check(there):
    """To verify the token in use does not count as its one use."""
    token = token_of(there)
    for _ in range(2):
        assert there("wrapping", "verify", BAO_TOKEN=token).code == 0
    assert there("unwrap", "-field=a", f"-expect-path={MADE_AT}", BAO_TOKEN=token).out == "b"


def test_what_was_wrapped_anew(there):
    """Content that was wrapped anew is exit code 3, unless that is allowed; where it cannot be told it is a doubt."""
    token = there("wrapping", "rewrap", "-field=wrapping_token", token_of(there)).out
    ran = there("wrapping", "verify", token)
    assert ran.code == (3 if there.tells else 0)
    if not there.tells:
        assert "whether what it stands for was wrapped anew, this server does not tell" in ran.err
    else:
        assert "was wrapped anew 1 time;" in ran.err
        assert there("unwrap", f"-expect-path={MADE_AT}", token).code == 3
    assert there("wrapping", "verify", "-allow-rewrapped", token).code == 0
    assert there("unwrap", "-field=a", "-allow-rewrapped", f"-expect-path={MADE_AT}", token).out == "b"


def test_a_remote_needs_two_steps_and_says_so(there):
    """On OpenBao the check and the unwrapping are two requests; here they are one, and nothing is said."""
    ran = there("unwrap", "-field=a", f"-expect-path={MADE_AT}", token_of(there))
    assert ran.out == "b"
    assert ("in one request, and is unwrapped in another" in ran.err) == (not there.tells)


@pytest.mark.parametrize("there", WHERE[1:], indirect=True)
def test_a_token_of_a_namespace(there):
    """Here a token of a namespace is wrapped anew like any other, and one that lost its namespace is told so."""
    assert there("namespace", "create", "team").code == 0
    token = there("wrapping", "wrap", "-namespace=team", "-field=wrapping_token", "a=b").out
    bare = there("wrapping", "verify", token.rpartition(".")[0])
    assert (bare.code, "it is of the namespace team" in bare.err) == (7, True)
    new = there("wrapping", "rewrap", "-namespace=team", "-field=wrapping_token", token)
    assert new.code == 0
    assert there("unwrap", "-namespace=team", "-field=a", new.out).out == "b"


# --- what OpenBao would lose ---


def test_a_rewrap_that_would_lose_the_secret_is_not_asked_for(bao, fresh):
    """On OpenBao neither the token in use nor one of a namespace is wrapped anew: it would be used up and lost."""
    env = {**bao.env, "HOME": str(fresh.home)}
    fresh("namespace", "create", "team", env=env)
    inside = fresh("wrapping", "wrap", "-namespace=team", "-field=wrapping_token", "a=b", env=env).out
    for where in ("-namespace=team", "-namespace="):
        ran = fresh("wrapping", "rewrap", where, inside, env=env)
        assert (ran.code, "OpenBao uses such a token up" in ran.err) == (2, True)
    token = fresh("wrapping", "wrap", "-field=wrapping_token", "a=b", env=env).out
    assert fresh("wrapping", "rewrap", token, env={**env, "BAO_TOKEN": token}).code == 1
    assert fresh("unwrap", "-field=a", token, env=env).out == "b"
    assert fresh("unwrap", "-namespace=team", "-field=a", inside, env=env).out == "b"


def test_a_receiver_without_an_account(bao, fresh):
    """Who has the wrapping token alone unwraps with it, on a remote without any other token."""
    env = {**bao.env, "HOME": str(fresh.home)}
    token = fresh("wrapping", "wrap", "-field=wrapping_token", "a=b", env=env).out
    ran = fresh("unwrap", "-field=a", "-", stdin=token.encode(), env={**env, "BAO_TOKEN": ""})
    assert (ran.code, ran.out) == (0, "b")


def test_who_loses_a_race_is_told_so(bao, vaultctl):
    """A token that somebody uses between the check and the unwrapping is as dead as one that was used before."""
    env = {**bao.env, "HOME": str(vaultctl.home)}
    token = vaultctl("wrapping", "wrap", "-field=wrapping_token", "a=b", env=env).out

    def use() -> bool:
        vaultctl("unwrap", "-field=a", token, env=env)
        return True

    with between(bao.port, "sys/wrapping/lookup", use) as server:
        ran = vaultctl("unwrap", f"-expect-path={MADE_AT}", token, env={**env, "BAO_ADDR": server.address})
    assert (ran.code, "the wrapping token is not good" in ran.err) == (8, True), ran.err


def test_what_is_expected_is_told_to_the_server(fresh):
    """The server is told all that is checked, so that its audit has a check that failed as such."""
    with answering(lambda _: says(200, '{"request_id":"x","data":{"state":"used","matches":false}}')) as server:
        env = {"BAO_ADDR": server.address, "BAO_TOKEN": "root"}
        words = ("-expect-path=a/b", "-issued-before=2026-01-01T00:00:00.5Z", "s.token")
        assert fresh("wrapping", "verify", *words, env=env).code == 4
    asked = json.loads(server.asked[0].partition("\r\n\r\n")[2])
    expected = {"expect_path": "a/b", "issued_before": "2026-01-01T00:00:00.5Z", "allow_rewrapped": False}
    assert asked == {"token": "s.token", **expected}
