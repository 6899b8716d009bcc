"""Auth methods on the command line: what only vaultctl does, and a login's whole way."""

import json

import pytest


@pytest.fixture
def people(here):
    """A method at auth/people/ with alice, who may read one secret."""
    here("kv", "put", "-mount=secret", "app", "k=v")
    here("policy", "write", "app", "-", stdin=b'path "secret/data/app" { capabilities = ["read"] }')
    here("auth", "enable", "-path=people", "userpass")
    here("write", "auth/people/users/alice", "password=pw", "token_policies=app")
    return here


def test_a_login_is_used_by_later_commands(people):
    """Who logs in may from then on do what the policies allow, and no more."""
    assert people("login", "-no-print", "-method=userpass", "-path=people", "username=alice", "password=pw").code == 0
    assert people("kv", "get", "-mount=secret", "-field=k", "app").out == "v"
    assert people("auth", "list").code == 2


def test_a_machine_logs_in_with_approle(people):
    """`login -method=approle` takes the ids, the secret one from stdin."""
    people("auth", "enable", "approle")
    people("write", "auth/approle/role/ci", "role_id=ci", "token_policies=app")
    secret_id = people("write", "-f", "-field=secret_id", "auth/approle/role/ci/secret-id").out
    flags = ("-no-store", "-field=token", "-method=approle")
    token = people("login", *flags, "role_id=ci", "secret_id=-", stdin=secret_id.encode())
    assert token.code == 0
    assert people("kv", "get", "-mount=secret", "-field=k", "app", env={"BAO_TOKEN": token.out}).out == "v"


def test_enabling_disabling_and_tuning_say_so_in_json(here):
    """With -format=json each is one object."""
    made = here("auth", "enable", "-format=json", "-path=p", "userpass")
    tuned = here("auth", "tune", "-format=json", "-description=x", "p")
    gone = here("auth", "disable", "-format=json", "p")
    assert [json.loads(ran.out) for ran in (made, tuned, gone)] == [
        {"path": "p/", "type": "userpass", "result": "created"},
        {"path": "p/", "result": "tuned"},
        {"path": "p/", "result": "disabled"},
    ]


def test_a_move_tells_how_many_tokens_it_revoked(people):
    """The end of a move in JSON has the count, and the token of a login is good no more."""
    login = people(
        "login", "-no-store", "-field=token", "-method=userpass", "-path=people", "username=alice", "password=pw"
    )
    moved = json.loads(people("auth", "move", "-format=json", "auth/people", "auth/staff").out)
    assert (moved["status"], moved["done"], moved["total"]) == ("success", 1, 1)
    refused = people("kv", "get", "-mount=secret", "app", env={"BAO_TOKEN": login.out})
    assert refused.code == 2


def test_a_failed_move_names_the_auth_method(people):
    """What is said of a refused move has the words of auth methods."""
    refused = people("auth", "move", "auth/people", "secret2")
    assert refused.code == 2
    assert refused.err.startswith("Error moving auth method auth/people/ to secret2/: ")


def test_help_is_found_by_the_path_of_a_mount(people):
    """`auth help` explains the type that is mounted at a path."""
    assert people("auth", "help", "people/").out == people("auth", "help", "userpass").out
