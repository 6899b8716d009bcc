"""A server over a state whose seal is changed, or goes away, while it runs."""

import json
import time

from support import elsewhere, softhsm

_DEADLINE_S = 60


def ask(server, method: str, path: str, body: object = None):
    """Ask with the root token; give the status, and the body as JSON."""
    got = server.ask(method, path, None if body is None else json.dumps(body).encode())
    return got.status, json.loads(got.body or b"{}")


def wrapped(program, env) -> str:
    """Make a state with a secret on a seal-wrapped mount; give its root token."""
    assert program("secrets", "enable", "-seal-wrap", "-path=w", "kv", env=env).code == 0
    assert program("kv", "put", "w/a", "key=1", env=env).code == 0
    return (program.data / "root-token").read_text().strip()


def test_a_server_goes_on_while_the_module_is_away(vaultctl, serve, hsm_store):
    """What the seal wraps is answered with 503, all else as ever, and that too once the module is back."""
    token = softhsm.make_token(hsm_store, softhsm.library())
    hsm = token.hsm()
    hsm.generate(elsewhere.KEY_LABEL)
    hsm.close()
    env = elsewhere.of_hsm(token)
    root = wrapped(vaultctl, env)
    assert vaultctl("operator", "seal-migrate", "-to=pkcs11", env=env).code == 0
    server = serve(token=root, env=env)
    assert ask(server, "GET", "w/a")[0] == 200
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
