"""A server that waits to be initialised and unsealed, and one whose state is sealed under it."""

import json

import pytest
from support.runtime import runtime_folder
from support.shamir_state import init, unseal

_NEVER = {"XDG_RUNTIME_DIR": "/nosuch"}
"""A server keeps its keys in memory: it needs no runtime folder."""


def ask(server, method: str, path: str, body: object = None, token: str = "") -> "tuple[int, dict]":
    """Ask for one thing; give the status and the body."""
    server.token = token
    got = server.ask(method, path, None if body is None else json.dumps(body).encode())
    return got.status, json.loads(got.body or b"{}")


@pytest.fixture
def waiting(serve):
    """A server over a folder without a state, which makes none by itself."""
    return serve("-no-init", env=_NEVER)


def test_a_server_waits_to_be_initialised(waiting, vaultctl):
    """Before there is a state it says so, and answers nothing else."""
    assert ask(waiting, "GET", "sys/init") == (200, {"initialized": False})
    status, body = ask(waiting, "GET", "sys/seal-status")
    assert (status, body["initialized"], body["sealed"], body["type"], body["t"], body["n"]) == (
        200, False, True, "shamir", 0, 0,
    )  # fmt: skip
    assert ask(waiting, "GET", "sys/health")[0] == 501
    assert ask(waiting, "GET", "sys/health?uninitcode=299")[0] == 299
    assert ask(waiting, "GET", "sys/mounts") == (503, {"errors": ["Vault is sealed"]})
    assert ask(waiting, "PUT", "sys/seal")[0] == 204
    assert ask(waiting, "PUT", "sys/unseal", {"key": "ab" * 32}) == (400, {"errors": ["Vault is not initialized"]})
    assert not (vaultctl.data / "state.json").exists()


def test_it_is_initialised_and_unsealed_over_http(waiting, vaultctl):
    """Shares and a root token come once, the state is sealed until enough shares are entered, and then it answers."""
    status, made = ask(waiting, "PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})
    assert (status, len(made["keys"]), len(made["keys_base64"])) == (200, 3, 3)
    again = ask(waiting, "PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})
    assert again == (400, {"errors": ["Vault is already initialized"]})
    assert ask(waiting, "GET", "sys/health")[0] == 503
    first = ask(waiting, "PUT", "sys/unseal", {"key": made["keys"][0]})[1]
    assert (first["progress"], first["sealed"]) == (1, True)
    assert (vaultctl.data / "state.json.init").exists()
    assert ask(waiting, "PUT", "sys/unseal", {"key": made["keys_base64"][2]})[1]["sealed"] is False
    assert not (vaultctl.data / "state.json.init").exists()
    assert ask(waiting, "GET", "sys/mounts", token=made["root_token"])[0] == 200
    assert ask(waiting, "PUT", "sys/unseal", {"reset": True}) == (400, {"errors": ["vault is unsealed"]})


def test_who_initialised_it_and_got_nothing_is_told(waiting, vaultctl):
    """A command whose stdout takes nothing says that the server has keys now that nobody has."""
    address = f"http://127.0.0.1:{waiting.port}"
    env = {"VAULT_ADDR": address}
    with open("/dev/full", "wb") as full:
        child = vaultctl.start("operator", "init", env=env, terminal=full.fileno())
        lost = child.communicate()[1]
    assert (child.returncode, lost.splitlines()) == (
        2,
        [
            "cannot write to stdout: no space left on device",
            "",
            f"{address} is initialized, and nobody has its keys: start over with an empty storage",
        ],
    )
    assert vaultctl("operator", "init", "-status", env=env) == (0, "Vault is initialized\n", "")


def test_what_a_server_was_told_is_in_its_memory_alone(waiting, vaultctl, serve):
    """Another server over the same state, and every command, are sealed all the same."""
    made = ask(waiting, "PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})[1]
    ask(waiting, "PUT", "sys/unseal", {"key": made["keys"][0]})
    other = serve("-no-init", env=_NEVER)
    assert ask(other, "GET", "sys/seal-status")[1]["sealed"] is True
    assert vaultctl("secrets", "list", env=_NEVER).code == 2
    assert ask(waiting, "GET", "sys/seal-status")[1]["sealed"] is False
    waiting.stop()
    assert ask(serve("-no-init", env=_NEVER), "GET", "sys/seal-status")[1]["sealed"] is True


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "invalid seal configuration: shares must be at least one"),
        ({"secret_shares": 2, "secret_threshold": 1}, "invalid seal configuration: threshold must be greater than one"
         " for multiple shares"),
        ({"secret_shares": "3"}, "failed to decode JSON input: json: cannot unmarshal string into Go struct field"
         " InitRequest.secret_shares of type int"),
        ({"secret_shares": 3, "secret_threshold": 2, "recovery_shares": 3},
         "parameters recovery_shares not applicable to seal type shamir"),
        ({"secret_shares": 3, "secret_threshold": 2, "pgp_keys": ["a"]}, "invalid seal configuration: count mismatch"
         " between number of provided PGP keys and number of shares"),
    ],
)  # fmt: skip
def test_what_makes_no_state_is_refused(waiting, body, message):
    """OpenBao's words, and the server goes on waiting."""
    assert ask(waiting, "PUT", "sys/init", body) == (400, {"errors": [message]})
    assert ask(waiting, "GET", "sys/init") == (200, {"initialized": False})


def test_a_server_with_a_seal_that_opens_by_itself(serve, vaultctl):
    """Under such a seal it answers as soon as it is initialised, and gives recovery keys."""
    server = serve("-no-init", env={**_NEVER, "VAULTCTL_SEAL": "static"})
    assert ask(server, "GET", "sys/seal-status")[1]["recovery_seal"] is True
    made = ask(server, "PUT", "sys/init", {"recovery_shares": 2, "recovery_threshold": 2})[1]
    assert (made["keys"], len(made["recovery_keys"])) == ([], 2)
    assert ask(server, "GET", "sys/mounts", token=made["root_token"])[0] == 200
    assert ask(server, "PUT", "sys/seal", token=made["root_token"])[0] == 204
    assert ask(server, "GET", "sys/mounts", token=made["root_token"])[0] == 503
    for key in made["recovery_keys"]:
        ask(server, "PUT", "sys/unseal", {"key": key})
    assert ask(server, "GET", "sys/mounts", token=made["root_token"])[0] == 200


def test_a_command_seals_a_running_server(serve, vaultctl):
    """A server drops its keys when the state is sealed under it, and takes them up again when that is over."""
    vaultctl("secrets", "list")
    token = (vaultctl.data / "root-token").read_text().strip()
    server = serve()
    assert ask(server, "GET", "sys/mounts", token=token)[0] == 200
    assert vaultctl("operator", "seal").code == 0
    assert ask(server, "GET", "sys/mounts", token=token)[0] == 503
    assert ask(server, "GET", "sys/health")[0] == 503
    assert ask(server, "PUT", "sys/unseal", {"key": "ab" * 33})[0] == 400
    assert vaultctl("operator", "unseal").code == 0
    assert ask(server, "GET", "sys/mounts", token=token)[0] == 200


def test_a_server_seals_every_command(serve, vaultctl):
    """What a server is told to seal is sealed for all, and the key of the runtime folder is removed."""
    with runtime_folder() as folder:
        vaultctl.env["XDG_RUNTIME_DIR"] = str(folder)
        made = init(vaultctl, "-key-shares=2", "-key-threshold=2")
        assert unseal(vaultctl, made, 2)["sealed"] is False
        server = serve()
        assert ask(server, "GET", "sys/seal-status")[1]["sealed"] is True
        for share in made.shares:
            ask(server, "PUT", "sys/unseal", {"key": share})
        assert ask(server, "PUT", "sys/seal", token=made.root_token)[0] == 204
        assert vaultctl("secrets", "list", env={"VAULT_TOKEN": made.root_token}).code == 2
        assert [path.name for path in (folder / "vaultctl").iterdir()] == ["lock"]


def test_the_unseal_key_of_a_dev_server_is_true(serve_dev):
    """What `server -dev` prints unseals it after a seal."""
    server = serve_dev()
    while "Root Token:" not in server.said:
        server.said += server.process.stdout.readline()
    key = server.said.partition("Unseal Key: ")[2].split()[0]
    assert ask(server, "PUT", "sys/seal", token="the-root-token")[0] == 204
    assert ask(server, "GET", "sys/mounts", token="the-root-token")[0] == 503
    status, body = ask(server, "PUT", "sys/unseal", {"key": key})
    assert (status, body["type"], body["sealed"], body["n"], body["t"]) == (200, "shamir", False, 1, 1)
    assert ask(server, "GET", "sys/mounts", token="the-root-token")[0] == 200


def test_no_init_may_be_a_setting(serve, tmp_path):
    """The config file says it too."""
    config = tmp_path / "server.toml"
    config.write_text("no_init = true\n")
    assert ask(serve(f"-config={config}", env=_NEVER), "GET", "sys/init") == (200, {"initialized": False})


@pytest.mark.parametrize("method", ["GET", "DELETE", "LIST"])
@pytest.mark.parametrize("path", ["sys/seal", "sys/unseal"])
def test_what_seals_takes_no_other_method(waiting, method, path):
    """Sealed or not, another method is refused without a word."""
    assert ask(waiting, method, path) == (405, {"errors": []})
