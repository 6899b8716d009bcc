"""A server over a state whose seal is changed, or goes away, while it runs."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from support import elsewhere, softhsm
from support.bao import serving as own_bao

from vaultctl.connect.seals import Elsewhere
from vaultctl.connect.settings import read_settings
from vaultctl.logical.request import Operation

_DEADLINE_S = 60
_NO_SEAL = ["sys/health", "sys/seal-status", "sys/seal-backend-status", "sys/mounts", "cubbyhole/c"]


def ask(server, method: str, path: str, body: object = None):
    """Ask with the root token; give the status, and the body as JSON."""
    got = server.ask(method, path, None if body is None else json.dumps(body).encode())
    return got.status, json.loads(got.body or b"{}")


def wrapped(program, env) -> str:
    """Make a state with a secret on a seal-wrapped mount; give its root token."""
    assert program("secrets", "enable", "-seal-wrap", "-path=w", "kv", env=env).code == 0
    assert program("kv", "put", "w/a", "key=1", env=env).code == 0
    return (program.data / "root-token").read_text().strip()


def served_by_module(vaultctl, serve, hsm_store):
    """Give a server over that state under a key of a module, and the module's token."""
    token = softhsm.make_token(hsm_store, softhsm.library())
    hsm = token.hsm()
    hsm.generate(elsewhere.KEY_LABEL)
    hsm.close()
    env = elsewhere.of_hsm(token)
    root = wrapped(vaultctl, env)
    assert vaultctl("operator", "seal-migrate", "-to=pkcs11", env=env).code == 0
    server = serve(token=root, env=env)
    assert ask(server, "GET", "w/a")[0] == 200
    return server, token


def test_a_server_goes_on_while_the_module_is_away(vaultctl, serve, hsm_store):
    """What the seal wraps is answered with 503, all else as ever, and that too once the module is back."""
    server, token = served_by_module(vaultctl, serve, hsm_store)
    with token.pulled_out():
        status, body = ask(server, "GET", "w/a")
        assert (status, "does not answer" in body["errors"][0]) == (503, True)
        assert ask(server, "POST", "w/a", {"key": "2"})[0] == 503
        assert ask(server, "POST", "secret/data/b", {"data": {"key": "3"}})[0] == 200
        assert ask(server, "GET", "sys/seal-backend-status")[1]["healthy"] is False
    assert ask(server, "GET", "w/a")[1]["data"] == {"key": "1"}


def test_a_server_follows_a_migration(vaultctl, serve):
    """To shares: it is sealed, and takes them, and rewraps; and back, where it opens by itself again."""
    root = wrapped(vaultctl, {})
    server = serve(token=root)
    assert ask(server, "GET", "w/a")[0] == 200
    ran = vaultctl("operator", "seal-migrate", "-to=shamir", "-key-shares=2", "-key-threshold=2", "-format=json")
    assert ran.code == 0, ran.err
    shares = json.loads(ran.out)["unseal_keys_hex"]
    assert ask(server, "GET", "w/a")[0] == 503
    assert [ask(server, "POST", "sys/unseal", {"key": share})[1]["sealed"] for share in shares] == [True, False]
    await_end(server)
    assert ask(server, "GET", "w/a")[1]["data"] == {"key": "1"}
    ran = vaultctl("operator", "seal-migrate", "-to=static", "-detach", "-", stdin="\n".join(shares).encode())
    assert ran.code == 0, ran.err
    assert ask(server, "GET", "w/a")[1]["data"] == {"key": "1"}
    status = ask(server, "GET", "sys/seal-status")[1]
    assert (status["type"], status["recovery_seal"], status["n"]) == ("static", True, 2)
    await_end(server)


def await_end(server) -> None:
    """Wait until the rewrap is over, which the server works on by itself."""
    until_s = time.monotonic() + _DEADLINE_S
    while (told := ask(server, "GET", "sys/sealwrap/rewrap")[1]["data"])["is_running"]:
        assert time.monotonic() < until_s
        time.sleep(0.05)
    assert (told["entries"]["failed"], told["error"]) == (0, "")


def test_disable_sealwrap_may_be_a_setting_of_the_server(vaultctl, serve, tmp_path):
    """In the server's config file it holds for what that server writes."""
    root = wrapped(vaultctl, {})
    config = tmp_path / "server.toml"
    config.write_text("disable_sealwrap = true\n")
    server = serve(f"-config={config}", token=root)
    assert ask(server, "POST", "w/b", {"key": "2"})[0] == 204
    counts = ask(server, "LIST", "sys/sealwrap/mounts")[1]["data"]["key_info"]["w/"]
    assert (counts["current"], counts["unwrapped"]) == (1, 1)
    assert "disable_sealwrap is set" in ask(server, "GET", "sys/sealwrap/rewrap")[1]["data"]["note"]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process, so that it neither answers nor refuses."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def far(tmp_path, vaultctl, serve):
    """A server whose state is sealed by the transit engine of a real OpenBao, and that one's process."""
    home = tmp_path / "bao"
    home.mkdir()
    with own_bao(home) as bao:
        env = {**elsewhere.of_transit(bao, tmp_path / "transit-token"), "BAO_TRANSIT_SEAL_TIMEOUT": "10m"}
        root = wrapped(vaultctl, env)
        assert vaultctl("operator", "seal-migrate", "-to=transit", env=env).code == 0
        server = serve(token=root, env=env)
        assert ask(server, "GET", "w/a")[0] == 200
        assert ask(server, "POST", "cubbyhole/c", {"key": "1"})[0] == 204
        yield server, bao.pid


def test_a_seal_that_hangs_holds_up_nobody_else(far):
    """While readers wait for it, all that needs no seal is answered; a write is told soon, others are told at once."""
    server, pid = far
    with ThreadPoolExecutor(8) as others:
        with frozen(pid):
            waiting = [others.submit(ask, server, "GET", "w/a") for _ in range(4)]
            assert [ask(server, "GET", path)[0] for path in _NO_SEAL] == [200] * len(_NO_SEAL)
            assert ask(server, "LIST", "cubbyhole/")[0] == 200
            assert ask(server, "POST", "secret/data/b", {"data": {"key": "3"}})[0] == 200
            assert ask(server, "POST", "w/a", {"key": "2"})[0] == 503
            status, body = ask(server, "GET", "w/a")
            assert (status, "others are told so at once" in body["errors"][0]) == (503, True)
            assert not any(each.done() for each in waiting)
            assert ask(server, "GET", "sys/seal-backend-status")[1]["healthy"] is False
        assert [each.result()[0] for each in waiting] == [200] * len(waiting)
    await_status(server, healthy=True)
    assert ask(server, "POST", "w/a", {"key": "4"})[0] == 204


def test_a_failure_that_was_seen_counts(vaultctl, serve, hsm_store):
    """A seal that failed somebody is ill from that moment on, and well from the next answer on."""
    server, token = served_by_module(vaultctl, serve, hsm_store)
    assert ask(server, "GET", "sys/seal-backend-status")[1]["healthy"] is True
    with token.pulled_out():
        assert ask(server, "GET", "w/a")[0] == 503
        told = ask(server, "GET", "sys/seal-backend-status")[1]
        assert (told["healthy"], told["unhealthy_since"]) == (False, told["backends"][0]["unhealthy_since"])
    await_status(server, healthy=True)


def await_status(server, *, healthy: bool) -> None:
    """Wait until the server knows how its seals are."""
    until_s = time.monotonic() + _DEADLINE_S
    while ask(server, "GET", "sys/seal-backend-status")[1]["healthy"] is not healthy:
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_a_server_that_cannot_reach_its_seal_tells_how_it_stands(vaultctl, serve, hsm_store):
    """Its environment does not say how the module is reached: it is sealed, of that type, and answers so."""
    token = softhsm.make_token(hsm_store, softhsm.library())
    hsm = token.hsm()
    hsm.generate(elsewhere.KEY_LABEL)
    hsm.close()
    root = wrapped(vaultctl, {})
    server = serve(token=root)
    assert ask(server, "GET", "w/a")[0] == 200
    assert vaultctl("operator", "seal-migrate", "-to=pkcs11", env=elsewhere.of_hsm(token)).code == 0
    status, told = ask(server, "GET", "sys/seal-status")
    assert (status, told["type"], told["sealed"], told["initialized"]) == (200, "pkcs11", True, True)
    status, told = ask(server, "GET", "sys/health")
    assert (status, told["sealed"]) == (503, True)
    status, told = ask(server, "GET", "sys/seal-backend-status")
    assert (status, told["healthy"], told["backends"][0]["name"]) == (200, False, "pkcs11")
    status, told = ask(server, "GET", "w/a")
    assert (status, told["errors"]) == (500, ["the pkcs11 seal needs a lib"])


@pytest.fixture
def short_lived(bao, tmp_path):
    """Give the environment of a transit seal whose token lives but a moment, and the token's accessor."""
    env = elsewhere.of_transit(bao, tmp_path / "transit-token")
    policy = 'path "transit/*" { capabilities = ["update"] }'
    bao.ask(Operation.UPDATE, "sys/policies/acl/sealing", {"policy": policy})
    auth = bao.ask(Operation.UPDATE, "auth/token/create", {"policies": ["sealing"], "ttl": "20s"}).auth
    elsewhere.put_token(tmp_path / "transit-token", auth["client_token"])
    return env, auth["accessor"]


def test_the_token_of_a_transit_seal_is_renewed(bao, vaultctl, serve, short_lived, await_that):
    """When half of its time is over; so the server goes on as long as that is possible."""
    env, accessor = short_lived
    root = wrapped(vaultctl, env)
    assert vaultctl("operator", "seal-migrate", "-to=transit", env=env).code == 0
    server = serve(token=root, env=env)

    def is_renewed() -> bool:
        told = bao.ask(Operation.UPDATE, "auth/token/lookup-accessor", {"accessor": accessor}).data
        return "last_renewal_time" in told

    await_that(is_renewed, 60)
    assert ask(server, "GET", "w/a")[0] == 200


@pytest.mark.parametrize(("value", "renews"), [("", True), ("false", True), ("true", False)])
def test_the_renewal_can_be_disabled(short_lived, tmp_path, value, renews):
    """By the setting of OpenBao's name."""
    env = {**short_lived[0], "BAO_TRANSIT_SEAL_DISABLE_RENEWAL": value, "VAULTCTL_DATA_DIR": str(tmp_path / "d")}
    settings = read_settings(env)
    Elsewhere(settings, env).transit_key()
    assert bool(settings.seal_tokens) is renews
