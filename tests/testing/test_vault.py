"""A vault for tests, in this process: what it holds, its clock, its log, and the way back to its beginning."""

import hashlib
import json
import threading

import pytest

from vaultctl.logical.errors import NoAnswer, PermissionDenied, SealKeyError, StateError, VaultError
from vaultctl.testing import Vault


def test_it_begins_as_a_dev_server_does(vault):
    """A new vault has a kv engine of version 2 at secret/, and nothing in it."""
    mounts = vault.read("sys/mounts")
    assert mounts["secret/"]["options"] == {"version": "2"}
    assert vault.keys("secret/metadata") == []


def test_each_has_a_token_of_its_own(vault, vault_factory):
    """The token of one vault opens no other."""
    with pytest.raises(VaultError) as caught:
        vault.client_with(vault_factory().token).call("GET", "sys/mounts")
    assert caught.value.status == 403


def test_a_token_can_be_chosen(vault_factory):
    """A vault takes the root token that it is given."""
    vault = vault_factory(token="root")
    assert (vault.token, vault.client.call("GET", "sys/mounts").status) == ("root", 0)


def test_secrets_are_written_and_read_on_either_version(vault):
    """Secrets are named by the path that people know, on kv version 1 as on 2."""
    vault.write("sys/mounts/old", type="kv")
    for path in ("secret/a", "old/a"):
        vault.kv_put(path, {"user": "app"}, port=5432)
        assert vault.kv_get(path) == {"user": "app", "port": 5432}


def test_what_is_not_there_is_none(vault):
    """Reading what is not there is no error."""
    assert (vault.read("secret/data/a"), vault.kv_get("secret/a"), vault.keys("cubbyhole")) == (None, None, [])


def test_what_is_deleted_is_gone(vault):
    """A deleted secret is not there any more."""
    vault.kv_put("secret/a", k="v")
    vault.delete("secret/data/a")
    assert vault.kv_get("secret/a") is None


def test_a_refusal_is_raised(vault):
    """What the vault refuses is raised, in its words."""
    with pytest.raises(VaultError, match="plugin not found in the catalog: nope"):
        vault.write("sys/mounts/a", type="nope")


def test_the_clock_can_be_put_forward(vault):
    """A version that deletes itself after an hour is there after half an hour, and not after two."""
    vault.write("secret/metadata/a", delete_version_after="1h")
    vault.kv_put("secret/a", k="v")
    vault.advance("30m")
    assert vault.kv_get("secret/a") == {"k": "v"}
    vault.advance(5400)
    assert vault.kv_get("secret/a") is None


def test_the_clock_does_not_go_back(vault):
    """The clock is not put back."""
    with pytest.raises(ValueError, match="forward alone"):
        vault.advance(-1)


def test_it_is_brought_back_to_its_beginning(vault_factory):
    """A reset brings back what the seeds brought in, and nothing else, over the same door and address."""
    vault = vault_factory({"secrets": {"secret/a": {"k": "seed"}}})
    address, client = vault.address, vault.client
    for _ in range(2):
        vault.write("sys/mounts/team", type="kv-v2")
        vault.write("sys/remount", {"from": "team", "to": "crew"})
        vault.kv_put("crew/a", k="v")
        vault.kv_put("secret/a", k="v")
        vault.advance("1h")
        vault.fail()
        vault.reset()
        assert client.call("GET", "secret/data/a").data["data"] == {"k": "seed"}
        assert client.call("GET", "sys/mounts").data.keys() == {"cubbyhole/", "identity/", "secret/", "sys/"}
        assert vault.keys("sys/remount/status") == []
    assert (vault.address, len(vault.requests)) == (address, 2)


def test_a_move_is_over_when_it_was_asked_for(vault):
    """A move of a mount with data is done, and nobody has to write for it to go on."""
    vault.kv_put("secret/a", k="v")
    moved = vault.client.call("POST", "sys/remount", {"from": "secret", "to": "apps/secret"})
    status = vault.client.call("GET", f"sys/remount/status/{moved.data['migration_id']}")
    assert status.data["migration_info"]["status"] == "success"
    assert vault.kv_get("apps/secret/a") == {"k": "v"}


def test_what_was_asked_is_noted(vault):
    """Each request is noted with its verb, its path, its data and what came of it; a test's own hands are not."""
    vault.kv_put("secret/a", k="v")
    vault.client.call("PUT", "secret/data/b", {"data": {"k": "v"}})
    vault.client.find("GET", "secret/data/none")
    vault.client.find("LIST", "secret/metadata")
    vault.client.call("DELETE", "secret/data/b")
    told = [(asked.operation, asked.path, asked.status) for asked in vault.requests]
    assert told == [
        ("update", "secret/data/b", 200),
        ("read", "secret/data/none", 404),
        ("list", "secret/metadata", 200),
        ("delete", "secret/data/b", 204),
    ]
    assert vault.requests[0].data == {"data": {"k": "v"}}


def test_requests_are_found_by_verb_and_pattern(vault):
    """What was asked can be looked for."""
    vault.client.find("GET", "secret/data/a")
    vault.client.find("GET", "secret/data/b")
    vault.client.find("LIST", "secret/metadata")
    assert [asked.path for asked in vault.asked("read", "secret/data/*")] == ["secret/data/a", "secret/data/b"]
    assert [asked.path for asked in vault.asked(path="*/metadata")] == ["secret/metadata"]
    assert vault.asked("delete") == []


def test_a_verb_that_is_none_is_an_error(vault):
    """A misspelt verb finds nothing wrong by chance: it is an error."""
    with pytest.raises(ValueError, match="there is no operation 'write'"):
        vault.asked("write")


def test_nothing_shows_a_secret(vault):
    """Neither the vault nor its log shows a token or a secret in a repr."""
    vault.client.call("PUT", "secret/data/a", {"data": {"password": "correct horse"}})
    shown = repr((vault, vault.requests, vault.client, vault.door))
    assert "correct horse" not in shown
    assert vault.token not in shown


def test_it_can_be_asked_from_many_threads(vault):
    """Writes from many threads are all kept."""

    def put(number):
        vault.client.call("PUT", f"secret/data/{number}", {"data": {"n": number}})

    threads = [threading.Thread(target=put, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vault.keys("secret/metadata")) == len(vault.requests) == 16


def test_an_environment_for_children_speaks_of_this_vault_alone(vault):
    """What the environment says of another Vault is not handed on; the rest is."""
    base = {
        "PATH": "/bin",
        "VAULT_CACERT": "/ca",
        "BAO_AGENT_ADDR": "x",
        "VAULTCTL_LOCAL": "1",
        "NO_PROXY": "a.example",
    }
    env = vault.env(base)
    where = {"ADDR": vault.address, "TOKEN": vault.token}
    named = {prefix + name: value for prefix in ("BAO_", "VAULT_") for name, value in where.items()}
    assert env == {"PATH": "/bin", "NO_PROXY": "a.example,127.0.0.1", "no_proxy": "127.0.0.1", **named}


def test_it_can_be_one_namespace(vault_factory):
    """A namespace is made, with those above it, and is where the seed goes; clients and children are told of it."""
    vault = vault_factory({"mounts": {"apps": {"type": "kv"}}, "secrets": {"apps/a": {"k": "v"}}}, namespace="team/web")
    assert vault.env()["VAULT_NAMESPACE"] == vault.env()["BAO_NAMESPACE"] == vault.namespace == "team/web/"
    assert vault.client.call("GET", "apps/a").data == vault.kv_get("apps/a") == {"k": "v"}
    in_root = vault.client_with(vault.token, "")
    assert in_root.find("GET", "team/web/apps/a").data == {"k": "v"}
    assert "apps/" not in in_root.call("GET", "sys/mounts").data
    with vault.fail(path="team/web/apps/*"):
        for client, path in ((vault.client, "apps/a"), (in_root, "team/web/apps/a")):
            with pytest.raises(VaultError, match="internal error"):
                client.call("GET", path)
    assert len(vault.asked("read", "team/web/apps/a")) == 4


@pytest.fixture
def saved(vaultctl):
    """A snapshot of a real state with a secret, and the key of that state."""
    assert vaultctl("kv", "put", "secret/a", "k=v").code == 0
    snapshot = vaultctl.home / "backup.json"
    assert vaultctl("operator", "snapshot", "save", str(snapshot)).code == 0
    return snapshot, vaultctl.data / "seal.key"


def test_it_can_be_a_copy_of_a_saved_state(saved, vault_factory):
    """A vault made of a snapshot has its secrets, and a token of its own; the file is not touched."""
    snapshot, key = saved
    before = hashlib.sha256(snapshot.read_bytes()).digest()
    vault = vault_factory(state=snapshot, seal_key=key)
    assert vault.kv_get("secret/a") == {"k": "v"}
    vault.kv_put("secret/a", k="new")
    vault.reset()
    assert vault.kv_get("secret/a") == {"k": "v"}
    assert hashlib.sha256(snapshot.read_bytes()).digest() == before


def test_it_can_be_a_copy_of_a_state_with_its_key_beside_it(vaultctl, vault_factory):
    """The key beside a state need not be named, and a seed can be laid over it."""
    vaultctl("kv", "put", "secret/a", "k=v")
    vault = vault_factory({"secrets": {"secret/b": {"k": "w"}}}, state=vaultctl.data / "state.json")
    assert (vault.kv_get("secret/a"), vault.kv_get("secret/b")) == ({"k": "v"}, {"k": "w"})


def test_the_key_of_another_state_does_not_open_it(saved, vault_factory, tmp_path):
    """A wrong key is refused, and so is one that is not there."""
    snapshot, _ = saved
    other = tmp_path / "other.key"
    other.write_bytes(bytes(32))
    with pytest.raises(SealKeyError, match="the state was sealed with"):
        vault_factory(state=snapshot, seal_key=other)
    with pytest.raises(StateError, match=r"cannot read .*nowhere"):
        vault_factory(state=snapshot, seal_key=tmp_path / "nowhere")


def test_it_can_be_used_without_a_fixture():
    """A vault is a context manager, for fixtures of one's own; its address is gone with it."""
    with Vault() as vault:
        vault.kv_put("secret/a", k="v")
        assert json.loads(json.dumps(vault.kv_get("secret/a"))) == {"k": "v"}


def test_what_is_public_is_imported_by_name():
    """The package gives its public names, and no others."""
    from vaultctl import testing

    assert [getattr(testing, name).__name__ for name in testing.__all__] == testing.__all__
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        testing.Nope  # noqa: B018


def test_errors_keep_their_classes(vault):
    """A refusal on purpose is of the class that a remote's is, so that code under test can tell them apart."""
    for status, kind in ((403, PermissionDenied), (500, VaultError)):
        with vault.fail(status, "on purpose"), pytest.raises(kind) as caught:
            vault.client.call("GET", "sys/mounts")
        assert (caught.value.status, caught.value.errors) == (status, ("on purpose",))
        assert not isinstance(caught.value, NoAnswer)


@pytest.mark.parametrize("late", [-1, "-1s", float("nan"), float("inf"), None, "soon", True, 1e30])
def test_what_is_no_duration_is_refused_at_once(vault, late):
    """Neither the clock nor an answer takes what is below zero, or no duration at all."""
    for take in (vault.advance, vault.slow):
        with pytest.raises(ValueError, match=r"duration|forward|early"):
            take(late)
    assert vault.read("sys/mounts")


def test_a_vault_that_is_not_open_yet_has_a_repr():
    """A debugger may look at it in the middle of its making."""
    assert repr(Vault.__new__(Vault)) == "<Vault in this process>"


def test_a_vault_that_was_closed_is_not_used():
    """Behind its `with` each use is an error that says so, and nothing listens again."""
    before = threading.active_count()
    with Vault() as vault:
        client = vault.client
        assert vault.address
    uses = [
        lambda: vault.address,
        vault.env,
        lambda: vault.read("sys/mounts"),
        lambda: vault.kv_put("secret/a", k="v"),
        lambda: client.call("GET", "sys/mounts"),
        vault.reset,
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match="this vault was closed"):
            use()
    assert threading.active_count() == before
    assert repr(vault) == "<Vault closed>"
    vault.close()


@pytest.mark.parametrize("token", ["a\nb", "a\x00", " a", "tökén", "b.AAAA", "hvb.AAAA", 5, None])
def test_a_token_that_cannot_be_sent_is_refused(token):
    """A root token goes into a header of HTTP, and is none of the tokens that are not stored."""
    with pytest.raises(ValueError, match="token"):
        Vault(token=token)


@pytest.mark.parametrize("storage", ["sqlite", "toml"])
def test_a_state_that_is_no_json_is_refused_by_its_kind(vaultctl, storage):
    """What is said of another backend's state is how to get one that is taken."""
    vaultctl("secrets", "list", env={"VAULTCTL_STORAGE": storage})
    with pytest.raises(ValueError, match=r"is no JSON state, .*snapshot save"):
        Vault(state=vaultctl.data / f"state.{storage}")


def test_a_vault_can_be_sealed_in_earnest(vault_factory):
    """Its API seals it, its unseal key opens it again, and a reset does so too."""
    vault = vault_factory()
    for unseal in (lambda: vault.write("sys/unseal", key=vault.unseal_key), vault.reset):
        vault.write("sys/seal")
        with pytest.raises(VaultError, match="Vault is sealed"):
            vault.read("sys/mounts")
        unseal()
        assert "secret/" in vault.read("sys/mounts")
