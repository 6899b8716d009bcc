"""`vaultctl sealwrap` and `operator seal-rotate-key`, on the local state and on servers."""

import base64
import json
import os
import re

import pytest
from support.answering import answering, says
from support.bao import ROOT_TOKEN as BAO_TOKEN
from support.runtime import runtime_folder
from support.served import serving

from vaultctl.logical.request import Operation, Request

UNKNOWN = '{"errors":["1 error occurred:\\n\\t* unsupported path\\n\\n"]}'
DENIED = '{"errors":["1 error occurred:\\n\\t* permission denied\\n\\n"]}'


@pytest.fixture
def wrapped(here):
    """The program with three secrets on a seal-wrapped mount."""
    here("secrets", "enable", "-seal-wrap", "-path=w", "kv")
    for number in range(3):
        here("kv", "put", f"w/{number}", f"value={number}")
    return here


def new_key() -> str:
    """Make a key as a variable holds it."""
    return base64.b64encode(os.urandom(32)).decode()


def keys(program) -> list[str]:
    """Name the files of keys in the data folder."""
    beside = (".lock", ".states")
    return sorted(path.name for path in program.data.glob("seal.key*") if path.suffix not in beside)


def test_a_rotation_ends_with_one_key_and_every_entry_under_it(wrapped):
    """The key is another one, what it wraps is rewrapped, the old file is removed if told to, and all can be read."""
    before = (wrapped.data / "seal.key").read_bytes()
    ran = wrapped("operator", "seal-rotate-key", "-remove-old-key")
    assert ran.code == 0
    assert re.fullmatch(r"Success! The seal's key is (\w+) now, from .*seal\.key; it was (\w+)\n.*4 entries\n", ran.out)
    assert keys(wrapped) == ["seal.key"]
    assert (wrapped.data / "seal.key").read_bytes() != before
    assert wrapped("kv", "get", "-field=value", "w/2").out == "2"
    counts = json.loads(wrapped("sealwrap", "status", "-format=json").out)["mounts"]["w/"]
    assert (counts["current"], counts["old"], counts["unwrapped"]) == (3, 0, 0)


def test_a_rotation_that_nobody_follows_keeps_the_old_key(wrapped):
    """With -detach both keys are needed until a rewrap came to its end; another rotation is refused until then."""
    rotated = json.loads(wrapped("operator", "seal-rotate-key", "-detach", "-format=json").out)
    assert keys(wrapped) == ["seal.key", f"seal.key.{rotated['old']}"]
    refused = wrapped("operator", "seal-rotate-key")
    assert (refused.code, "a rewrap is running" in refused.err) == (2, True)
    told = json.loads(wrapped("sealwrap", "status", "-format=json").out)
    assert (told["mounts"]["w/"]["old"], told["seals"]["fully_wrapped"]) == (3, False)
    ran = wrapped("sealwrap", "rewrap", "-wait", "-timeout=30m")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Success! Rewrapped 4 entries")
    assert f"{wrapped.data}/seal.key.{rotated['old']} is kept: copies of the state from before" in ran.err
    assert keys(wrapped) == ["seal.key", f"seal.key.{rotated['old']}"]
    ran = wrapped("sealwrap", "rewrap", "-remove-old-key")
    assert f"removed {wrapped.data}/seal.key.{rotated['old']}" in ran.err
    assert keys(wrapped) == ["seal.key"]


def test_a_snapshot_from_before_a_rotation_opens_after_it(wrapped):
    """The old key is kept for it, so that a restore needs nothing but the folder as it is."""
    wrapped("operator", "snapshot", "save", "before.json")
    wrapped("kv", "put", "w/2", "value=changed")
    assert wrapped("operator", "seal-rotate-key").code == 0
    ran = wrapped("operator", "snapshot", "restore", "-force", "before.json")
    assert (ran.code, wrapped("kv", "get", "-field=value", "w/2").out) == (0, "2")


def test_where_another_state_is_in_the_folder_no_key_is_removed(wrapped):
    """The old file of a state that was moved may be under the old key."""
    wrapped("operator", "migrate", "-to=sqlite")
    ran = wrapped("operator", "seal-rotate-key", "-remove-old-key")
    assert (ran.code, len(keys(wrapped))) == (0, 2)


def test_a_key_of_the_users_own_is_rotated_by_naming_both(fresh):
    """The new key is where VAULTCTL_SEAL_KEY says, the old one where VAULTCTL_SEAL_KEY_PREVIOUS does."""
    old, new = new_key(), new_key()
    env = {"VAULTCTL_SEAL_KEY": "env:ONE", "ONE": old}
    fresh("secrets", "enable", "-seal-wrap", "-path=w", "kv", env=env)
    fresh("kv", "put", "w/a", "value=1", env=env)
    same = fresh("operator", "seal-rotate-key", env=env)
    assert (same.code, "is the one that the state has" in same.err) == (1, True)
    alone = {"VAULTCTL_SEAL_KEY": "env:TWO", "TWO": new}
    refused = fresh("kv", "get", "w/a", env=alone)
    assert (refused.code, "VAULTCTL_SEAL_KEY_PREVIOUS" in refused.err) == (2, True)
    both = {**alone, "VAULTCTL_SEAL_KEY_PREVIOUS": "env:ONE", "ONE": old}
    assert fresh("kv", "get", "-field=value", "w/a", env=both).out == "1"
    assert fresh("operator", "seal-rotate-key", env=both).code == 0
    assert fresh("kv", "get", "-field=value", "w/a", env=alone).out == "1"
    assert keys(fresh) == []


def test_what_is_under_a_key_that_is_gone_is_named_and_the_rest_is_rewrapped(wrapped):
    """Exit code 2 with those entries; with the key back in its place another rewrap ends well."""
    rotated = json.loads(wrapped("operator", "seal-rotate-key", "-detach", "-format=json").out)
    path = wrapped.data / f"seal.key.{rotated['old']}"
    kept = path.read_bytes()
    path.unlink()
    assert wrapped("kv", "put", "w/new", "value=1").code == 0
    ran = wrapped("sealwrap", "rewrap")
    assert ran.code == 2
    assert ran.err.startswith("Failure! 3 entries could not be rewrapped\n* w/: the entry logical/")
    assert f"is under the seal key {rotated['old']}, which is gone: " in ran.err
    assert wrapped("kv", "get", "w/1").code == 2
    assert json.loads(wrapped("sealwrap", "status", "-format=json").out)["rewrap"]["entries"]["succeeded"] == 2
    path.write_bytes(kept)
    path.chmod(0o600)
    ran = wrapped("sealwrap", "rewrap")
    assert ran[:2] == (0, "Started a rewrap\nSuccess! Rewrapped 5 entries\n")
    assert wrapped("kv", "get", "-field=value", "w/1").out == "1"


def test_disable_sealwrap_is_a_setting(wrapped):
    """With `disable_sealwrap` in the config a rewrap unwraps, and says so."""
    config = wrapped.home / "config.toml"
    config.write_text("disable_sealwrap = true\n")
    env = {"VAULTCTL_CONFIG": str(config)}
    ran = wrapped("sealwrap", "rewrap", env=env)
    assert (ran.code, "disable_sealwrap is set" in ran.err) == (0, True)
    counts = json.loads(wrapped("sealwrap", "status", "-format=json").out)["mounts"]["w/"]
    assert (counts["current"], counts["unwrapped"]) == (0, 3)


def test_the_words_of_vault_start_and_read_it(wrapped):
    """`write -f` and `read` of the API's path do what they do for Vault."""
    assert wrapped("write", "-f", "sys/sealwrap/rewrap").code == 0
    read = json.loads(wrapped("read", "-format=json", "sys/sealwrap/rewrap").out)["data"]
    assert (read["entries"], read["is_running"]) == ({"processed": 4, "succeeded": 4, "failed": 0}, False)


def test_the_status_is_one_view(wrapped):
    """The rewrap, the seals and the mounts stand below each other."""
    out = wrapped("sealwrap", "status").out
    assert re.search(
        r"Rewrap(.|\n)*is_running +false(.|\n)*Seals(.|\n)*fully_wrapped +true(.|\n)*static +\w{16} +true", out
    )
    assert re.search(r"^w/ +kv +kv_\w+ +3 +0 +0$", out, re.MULTILINE)


class Vault:
    """What a Vault with an Enterprise licence answers, by its document: a rewrap that takes some looks."""

    def __init__(self, looks: int = 2, failed: int = 0, *, running: bool = False) -> None:
        self._left = looks
        self._failed = failed
        self._runs = running

    def __call__(self, text: str) -> bytes:
        """Answer one request."""
        verb, path, _ = text.split(" ", 2)
        if path == "/v1/sys/sealwrap/rewrap":
            return self._start() if verb in ("PUT", "POST") else self._read()
        if path == "/v1/sys/seal-backend-status":
            hsm = {"name": "hsm", "healthy": True, "configured": True, "disabled": False}
            return says(200, json.dumps({"healthy": True, "fully_wrapped": True, "backends": [hsm]}))
        if path in ("/v1/sys/mounts", "/v1/sys/auth"):
            mounts = {"kv/": mount("kv", wraps=True), "other/": mount("kv"), "sys/": mount("system", wraps=True)}
            return envelope(mounts if path == "/v1/sys/mounts" else {"ldap/": mount("ldap", wraps=True)})
        return says(404, UNKNOWN)

    def _start(self) -> bytes:
        status = 200 if self._runs else 204
        self._runs = True
        return says(status)

    def _read(self) -> bytes:
        if self._runs:
            self._left -= 1
            self._runs = self._left > 0
        done = 10 if self._runs else 30
        entries = {"failed": 0 if self._runs else self._failed, "processed": done, "succeeded": done}
        if not self._runs:
            entries["succeeded"] -= self._failed
        return envelope({"entries": entries, "is_running": self._runs})


def mount(type_: str, *, wraps: bool = False) -> dict[str, object]:
    """Give a mount as a listing has it."""
    return {"type": type_, "accessor": f"{type_}_1", "seal_wrap": wraps, "config": {}, "options": None}


def envelope(data: object) -> bytes:
    """Write an answer with data."""
    beside = {"request_id": "r", "lease_id": "", "lease_duration": 0, "renewable": False}
    return says(200, json.dumps({**beside, "data": data, "wrap_info": None, "warnings": None, "auth": None}))


def on(program, address: str, *args: str):
    """Run a command on a server."""
    return program(*args, env={"VAULT_ADDR": address, "VAULT_TOKEN": "a-token"})


@pytest.mark.parametrize(("running", "first"), [(False, "Started a rewrap\n"), (True, "A rewrap is running already\n")])
def test_on_vault_enterprise_it_is_followed_to_the_end(fresh, running: bool, first: str):
    """204 and 200 are told apart, and the counters are asked for until it runs no more."""
    with answering(Vault(running=running)) as server:
        ran = on(fresh, server.address, "sealwrap", "rewrap")
    assert ran == (0, first + "Success! Rewrapped 30 entries\n", "")


def test_on_vault_enterprise_a_failure_is_exit_code_2(fresh):
    """Entries that failed are counted; Vault does not name them."""
    with answering(Vault(failed=2)) as server:
        ran = on(fresh, server.address, "sealwrap", "rewrap")
    assert (ran.code, ran.err) == (2, "Failure! 2 entries could not be rewrapped\n")


def test_on_vault_enterprise_a_timeout_is_exit_code_2(fresh):
    """When -timeout is over the rewrap goes on, and the command says so."""
    with answering(Vault(looks=1_000_000)) as server:
        ran = on(fresh, server.address, "sealwrap", "rewrap", "-timeout=1s")
    assert ran.code == 2
    assert ran.err.startswith("Still rewrapping, 10 entries by now: -timeout is over\n")


def test_on_vault_enterprise_the_status_has_what_vault_tells(fresh):
    """Mounts of both kinds that are seal-wrapped are shown, without counts."""
    with answering(Vault()) as server:
        told = json.loads(on(fresh, server.address, "sealwrap", "status", "-format=json").out)
        table = on(fresh, server.address, "sealwrap", "status").out
    assert told["rewrap"]["entries"]["processed"] == 30
    assert told["seals"]["backends"][0]["name"] == "hsm"
    assert sorted(told["mounts"]) == ["auth/ldap/", "kv/"]
    assert re.search(r"^kv/ +kv +kv_1 +n/a +n/a +n/a$", table, re.MULTILINE)


@pytest.mark.parametrize("verb", ["rewrap", "status"])
def test_an_openbao_has_no_seal_wrap_and_that_is_said(fresh, bao, verb: str):
    """On the real OpenBao the missing endpoint is told of as that."""
    address = f"http://127.0.0.1:{bao.port}"
    ran = fresh("sealwrap", verb, env={"VAULT_ADDR": address, "VAULT_TOKEN": BAO_TOKEN})
    assert (ran.code, ran.out) == (2, "")
    assert f"the server at {address} has no sys/sealwrap/rewrap: it is no matter of rights" in ran.err
    assert "OpenBao has no seal wrap" in ran.err


@pytest.mark.parametrize("verb", ["rewrap", "status"])
def test_a_missing_right_is_told_of_as_that(fresh, verb: str):
    """A refusal by the server stays one."""
    with answering(says(403, DENIED)) as server:
        ran = on(fresh, server.address, "sealwrap", verb)
    assert (ran.code, "permission denied" in ran.err, "no sys/sealwrap" in ran.err) == (2, True, False)


def of_json(program, *args: str):
    """Run a command on the JSON state of the folder."""
    return program(*args, env={"VAULTCTL_STORAGE": "json"})


@pytest.mark.parametrize("storage", ["sqlite", "json", "toml"])
@pytest.mark.parametrize("name", ["mine.state", "mine"])
def test_a_state_of_another_name_in_the_folder_keeps_its_key(wrapped, storage, name):
    """Whatever VAULTCTL_STORAGE calls it: its file begins as a state does."""
    other = {"VAULTCTL_STORAGE": f"{storage}:{wrapped.data}/{name}"}
    assert wrapped("kv", "put", "secret/b", "x=2", env=other).code == 0
    for words in (["operator", "seal-rotate-key", "-remove-old-key"], ["sealwrap", "rewrap", "-remove-old-key"]):
        ran = of_json(wrapped, *words)
        assert ran.code == 0
        assert f"no old key was removed: {wrapped.data}/{name} may be a state that needs it" in ran.err
    assert wrapped("kv", "get", "-field=x", "secret/b", env=other).out == "2"
    assert of_json(wrapped, "kv", "get", "-field=value", "w/1").out == "1"


def test_a_state_outside_of_the_folder_removes_no_key(wrapped):
    """Its folder's keys may be those of others, as here."""
    other = {"VAULTCTL_STORAGE": f"sqlite:{wrapped.home}/elsewhere.sqlite"}
    assert wrapped("kv", "put", "secret/b", "x=2", env=other).code == 0
    ran = wrapped("operator", "seal-rotate-key", "-remove-old-key", env=other)
    assert (ran.code, f"no old key was removed: this state is at {wrapped.home}/elsewhere.sqlite" in ran.err) == (
        0,
        True,
    )
    assert len(keys(wrapped)) == 2
    assert of_json(wrapped, "kv", "get", "-field=value", "w/1").out == "1"
    assert wrapped("kv", "get", "-field=x", "secret/b", env=other).out == "2"


@pytest.mark.parametrize("words", [["seal-rotate-key"], ["seal-migrate", "-to=shamir"]])
def test_a_state_elsewhere_that_used_a_key_of_the_folder_keeps_it(wrapped, words):
    """The folder notes it when it is opened; once the note is removed, the key is."""
    path = f"{wrapped.home}/else\nwhere.sqlite"
    other = {"VAULTCTL_STORAGE": f"sqlite:{path}"}
    for _ in range(2):
        assert wrapped("kv", "put", "secret/b", "x=2", env=other).code == 0
    note = wrapped.data / "seal.key.states"
    assert [json.loads(line) for line in note.read_text().splitlines()] == [path]
    assert note.stat().st_mode & 0o777 == 0o600
    with runtime_folder() as folder:
        own = {"XDG_RUNTIME_DIR": str(folder)}
        ran = wrapped("operator", *words, "-remove-old-key", env=own)
        assert (ran.code, "uses keys of the folder, or did: once it does not, remove seal.key.states" in ran.err) == (
            0,
            True,
        )
        assert wrapped("kv", "get", "-field=x", "secret/b", env=other).out == "2"
        note.unlink()
        ran = wrapped("sealwrap", "rewrap", "-remove-old-key", env=own)
        assert "vaultctl: removed " in ran.err
        assert wrapped("kv", "get", "-field=value", "w/1", env=own).out == "1"


def test_what_cannot_be_looked_at_may_be_a_state(wrapped):
    """A link whose target is away for the moment counts as one; folders, pipes and other files do not."""
    (wrapped.data / "notes").write_text("no state\n")
    (wrapped.data / "folder").mkdir()
    os.mkfifo(wrapped.data / "pipe")
    (wrapped.data / "stick.sqlite").symlink_to(wrapped.home / "away.sqlite")
    assert "stick.sqlite may be a state" in wrapped("operator", "seal-rotate-key", "-remove-old-key").err
    (wrapped.data / "stick.sqlite").unlink()
    assert "vaultctl: removed " in wrapped("sealwrap", "rewrap", "-remove-old-key").err
    assert keys(wrapped) == ["seal.key"]


@pytest.fixture
def on_stick(wrapped):
    """The same, with the key on a stick, to which `seal.key` is a link; gives where the key is."""
    stick = wrapped.home / "stick"
    stick.mkdir()
    (wrapped.data / "seal.key").rename(stick / "k")
    (wrapped.data / "seal.key").symlink_to(stick / "k")
    return stick / "k"


def test_a_key_on_a_stick_is_rotated_there(wrapped, on_stick):
    """The link stays one, no key comes into the data folder, and the old one is beside the new one."""
    before = on_stick.read_bytes()
    ran = wrapped("operator", "seal-rotate-key", "-remove-old-key")
    assert (ran.code, f"from {on_stick};" in ran.out) == (0, True), ran.err
    old = ran.out.splitlines()[0].rpartition(" ")[2]
    assert f"links to {on_stick}, which others may use" in ran.err
    assert ((wrapped.data / "seal.key").readlink(), keys(wrapped)) == (on_stick, ["seal.key"])
    assert sorted(path.name for path in on_stick.parent.iterdir()) == ["k", f"k.{old}"]
    assert (on_stick.with_name(f"k.{old}").read_bytes() == before, on_stick.read_bytes() == before) == (True, False)
    assert wrapped("kv", "get", "-field=value", "w/2").out == "2"
    on_stick.rename(on_stick.with_name("away"))
    ran = wrapped("kv", "get", "-field=value", "w/2")
    assert (ran.code, "the seal key is missing" in ran.err) == (2, True)


def test_a_rotation_of_a_linked_key_that_was_cut_short_goes_on(wrapped, on_stick):
    """The state opens with the key beside the target, which the next rotation puts in its place."""
    rotated = json.loads(wrapped("operator", "seal-rotate-key", "-format=json").out)
    on_stick.rename(on_stick.with_name("k.next"))  # as a kill behind the commit leaves it
    on_stick.with_name(f"k.{rotated['old']}").rename(on_stick)
    assert wrapped("kv", "get", "-field=value", "w/2").out == "2"
    assert wrapped("operator", "seal-rotate-key").code == 0
    assert ((wrapped.data / "seal.key").is_symlink(), wrapped("kv", "get", "-field=value", "w/2").out) == (True, "2")
    assert len(list(on_stick.parent.iterdir())) == 3


def test_an_earlier_key_stays_in_the_folder_when_the_newer_goes_to_a_stick(wrapped):
    """Entries under it are read while the rewrap is not over."""
    wrapped("operator", "seal-rotate-key", "-detach")
    (wrapped.data / "seal.key").rename(wrapped.home / "k")
    (wrapped.data / "seal.key").symlink_to(wrapped.home / "k")
    assert wrapped("kv", "get", "-field=value", "w/2").out == "2"
    assert wrapped("sealwrap", "rewrap").code == 0


@pytest.mark.parametrize("left", [b"", b"garbage", b"\0" * 31])
def test_what_is_no_key_and_lies_where_the_next_is_to_be_is_put_aside(wrapped, left):
    """The state opens without it: a rotation goes on, and keeps its bytes, if it has any."""
    following = wrapped.data / "seal.key.next"
    following.touch(mode=0o600)
    following.write_bytes(left)
    assert wrapped("kv", "get", "-field=value", "w/2").out == "2"
    for _ in range(2):
        ran = wrapped("operator", "seal-rotate-key", "-remove-old-key")
        assert ran.code == 0, ran.err
    kept = wrapped.data / "seal.key.next.damaged"
    assert (kept.exists(), kept.read_bytes() if left else b"") == (bool(left), left)
    assert [name for name in keys(wrapped) if name != kept.name] == ["seal.key"]


def test_what_is_no_key_does_not_hide_that_one_is_gone(wrapped):
    """With garbage beside it, a previous key that is gone is named as gone, and the rest is rewrapped."""
    rotated = json.loads(wrapped("operator", "seal-rotate-key", "-detach", "-format=json").out)
    (wrapped.data / f"seal.key.{rotated['old']}").unlink()
    (wrapped.data / "seal.key.next").touch(mode=0o600)
    ran = wrapped("sealwrap", "rewrap")
    assert (ran.code, ran.err.startswith("Failure! 3 entries could not be rewrapped\n")) == (2, True), ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("sealwrap", "rewrap"),
        ("sealwrap", "status"),
        ("operator", "seal-rotate-key"),
        ("operator", "seal-migrate", "-to=shamir"),
    ],
)
def test_what_follows_a_rewrap_is_never_wrapped(wrapped, words):
    """The flag is refused before anything begins; what the environment says of wrapping is for other commands."""
    before = (wrapped.data / "state.json").read_bytes()
    ran = wrapped(*words, "-wrap-ttl=1m")
    assert (ran.code, ran.out, "-wrap-ttl: this command follows what it began" in ran.err) == (1, "", True)
    assert (wrapped.data / "state.json").read_bytes() == before
    with runtime_folder() as folder:
        ran = wrapped(*words, env={"BAO_WRAP_TTL": "1m", "XDG_RUNTIME_DIR": str(folder)})
    assert (ran.code, "wrapping_token" in ran.out) == (0, False), ran.err
    assert "Success! Rewrapped " in ran.out or words[1] == "status"


def test_an_openbao_that_refuses_has_no_seal_wrap_either(fresh, bao):
    """A token without rights is refused there whatever the path is, which is no matter of rights here."""
    token = bao.raw(Request(Operation.UPDATE, "auth/token/create", data={"policies": ["default"]}, token=BAO_TOKEN))
    for verb in ("rewrap", "status"):
        env = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": token["auth"]["client_token"]}
        ran = fresh("sealwrap", verb, env=env)
        assert (ran.code, "it is no matter of rights" in ran.err) == (2, True)


@pytest.mark.parametrize("words", [["write", "-f"], ["read"], ["read", "-format=json"]])
def test_the_path_itself_is_said_to_be_missing_on_an_openbao(fresh, bao, words):
    """As typed for Vault, it is OpenBao's own answer, and why."""
    ran = fresh(*words, "sys/sealwrap/rewrap", env={"VAULT_ADDR": bao.address, "VAULT_TOKEN": BAO_TOKEN})
    assert (ran.code, "OpenBao has no seal wrap" in ran.err) == (2, True)


class Licensed(Vault):
    """The same for a token that may read and start the rewrap, and no more."""

    def __call__(self, text: str) -> bytes:
        """Answer one request."""
        path = text.split(" ", 2)[1]
        may = path in ("/v1/sys/sealwrap/rewrap", "/v1/sys/seal-backend-status")
        return super().__call__(text) if may else says(403, DENIED)


def test_the_status_needs_no_more_than_the_rewrap(fresh):
    """What the token may not see is named, and the rest is shown."""
    with answering(Licensed()) as server:
        ran = on(fresh, server.address, "sealwrap", "status")
    assert (ran.code, "processed" in ran.out, "hsm" in ran.out) == (0, True, True)
    assert "not permitted to see which mounts are seal-wrapped (read on sys/mounts)" in ran.err


def test_the_status_needs_no_more_here_either(fresh, tmp_path):
    """On a server of ours, too."""
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server") as server:
        _check_status_by_rewrapper(fresh, server.address)


def _check_status_by_rewrapper(fresh, address: str) -> None:
    policy = 'path "sys/sealwrap/rewrap" { capabilities = ["read", "update"] }'
    env = {"VAULT_ADDR": address, "VAULT_TOKEN": BAO_TOKEN}
    assert fresh("policy", "write", "rewrapper", "-", stdin=policy.encode(), env=env).code == 0
    token = fresh("token", "create", "-policy=rewrapper", "-field=token", env=env).out.strip()
    ran = fresh("sealwrap", "status", env={**env, "VAULT_TOKEN": token})
    assert (ran.code, "is_running" in ran.out) == (0, True)
    assert "not permitted to see how many entries of each mount are wrapped (list on sys/sealwrap/mounts)" in ran.err


@pytest.mark.parametrize("has_id", [True, False])
def test_an_answer_without_an_envelope_is_read_all_the_same(fresh, has_id):
    """Vault's document shows one."""
    told = {"data": {"entries": {"processed": 5, "succeeded": 2, "failed": 3}, "is_running": False}}
    body = json.dumps({**told, **({"request_id": "r"} if has_id else {})})
    with answering(lambda text: says(204) if text.startswith(("PUT", "POST")) else says(200, body)) as server:
        ran = on(fresh, server.address, "sealwrap", "rewrap")
    assert (ran.code, "Failure! 3 entries could not be rewrapped" in ran.err) == (2, True)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"is_running": False},
        {"entries": {"processed": 5, "succeeded": 5, "failed": 0}},
        {"entries": {"processed": 5, "failed": 0}, "is_running": False},
        {"entries": {"processed": "5", "succeeded": "5", "failed": "0"}, "is_running": False},
        {"entries": [], "is_running": False},
    ],
)
def test_an_answer_that_tells_nothing_is_no_success(fresh, data):
    """Exit code 2, with what is missing."""
    with answering(lambda text: says(204) if text.startswith(("PUT", "POST")) else envelope(data)) as server:
        ran = on(fresh, server.address, "sealwrap", "rewrap")
    assert (ran.code, "tells not how a rewrap stands" in ran.err, "Success" in ran.out) == (2, True, False)
