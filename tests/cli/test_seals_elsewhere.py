"""States whose seal is in a token of SoftHSM2, or in a real transit engine: made, used, rotated and rewrapped."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from support import elsewhere, softhsm
from support.bao import ROOT_TOKEN
from support.migrating import Folder
from support.shamir_state import init

from vaultctl.client import kv
from vaultctl.client.client import Client
from vaultctl.logical.errors import SealUnavailable
from vaultctl.logical.request import Operation

COUNT = 700
"""So many entries take more than one batch."""


class There(NamedTuple):
    """A seal that is elsewhere, how it is named, and how it is put out of reach for a while."""

    kind: str
    environ: dict[str, str]
    away: Callable[[], AbstractContextManager[None]]
    rotation: list[str]
    """Flags that give it a new key."""

    ids: tuple[str, str]
    """The ids of its first key and of the one that a rotation gives it."""


@pytest.fixture(params=["pkcs11", "transit"])
def there(request, tmp_path) -> There:
    """Give each such seal."""
    return of_hsm(request) if request.param == "pkcs11" else of_transit(request, tmp_path / "transit-token")


def of_hsm(request) -> There:
    """Make a token with a key; it is out of reach while its store is not there."""
    token = softhsm.make_token(request.getfixturevalue("hsm_store"), softhsm.library())
    hsm = token.hsm()
    hsm.generate(elsewhere.KEY_LABEL)
    hsm.close()

    @contextmanager
    def away():
        with token.pulled_out():
            yield

    return There("pkcs11", elsewhere.of_hsm(token), away, ["-key-label=two", "-generate"], (elsewhere.KEY_LABEL, "two"))


def of_transit(request, token_file: Path) -> There:
    """Make a key in a real transit engine, which refuses while the token is not good."""
    environ = elsewhere.of_transit(request.getfixturevalue("bao"), token_file)

    @contextmanager
    def away():
        elsewhere.put_token(token_file, "s.nobodys")
        try:
            yield
        finally:
            elsewhere.put_token(token_file, ROOT_TOKEN)

    return There("transit", environ, away, [], ("vaultctl:v1", "vaultctl:v2"))


@pytest.fixture
def made(fresh, there, monkeypatch):
    """The program on a state that `operator init` made under that seal, with a secret on a seal-wrapped mount."""
    for name, value in there.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VAULTCTL_LOCAL", "1")
    monkeypatch.setenv("VAULT_TOKEN", init(fresh, f"-seal={there.kind}").root_token)
    assert fresh("secrets", "enable", "-seal-wrap", "-path=w", "kv").code == 0
    assert fresh("kv", "put", "w/a", "key=1").code == 0
    return fresh


def test_a_state_under_it_is_used_as_any_other(made, there):
    """It needs nobody to open it; what a seal-wrapped mount holds is under its key, and can be read."""
    told = json.loads(made("status", "-format=json").out)
    assert [told[name] for name in ("type", "sealed", "recovery_seal")] == [there.kind, False, True]
    assert made("kv", "get", "-field=key", "w/a").out == "1"
    told = json.loads(made("sealwrap", "status", "-format=json").out)
    assert (told["mounts"]["w/"]["current"], told["seals"]["healthy"]) == (1, True)
    assert [(each["name"], each["key_id"]) for each in told["seals"]["backends"]] == [(there.kind, there.ids[0])]


def test_its_key_is_rotated_and_everything_rewrapped(made, there):
    """A new key is made where the seal is, and nothing is under the old one afterwards."""
    rotated = made("operator", "seal-rotate-key", *there.rotation)
    assert (rotated.code, rotated.out.endswith("Success! Rewrapped 4 entries\n")) == (0, True), rotated.err
    assert f"The seal's key is {there.ids[1]} now, from " in rotated.out
    told = json.loads(made("sealwrap", "status", "-format=json").out)
    assert (told["mounts"]["w/"]["current"], told["mounts"]["w/"]["old"]) == (1, 0)
    assert [each["key_id"] for each in told["seals"]["backends"]] == [there.ids[1]]
    assert made("kv", "get", "-field=key", "w/a").out == "1"


def test_what_cannot_be_rotated_is_refused(made, there):
    """The key that the state has already is no new one, and flags of one seal are none of another."""
    flags = ["-no-rotate"] if there.kind == "transit" else []
    ran = made("operator", "seal-rotate-key", *flags)
    assert (ran.code, "is the one that the state has" in ran.err) == (1, True)
    wrong = ["-key-label=x"] if there.kind == "transit" else ["-generate"]
    ran = made("operator", "seal-rotate-key", *wrong)
    message = "are for a pkcs11 seal" if there.kind == "transit" else "is the one that the state has"
    assert (ran.code, message in ran.err) == (1, True)


def test_a_version_that_was_made_over_there_is_taken(made, there, request):
    """With -no-rotate the newest version of a transit key is taken as it is."""
    if there.kind != "transit":
        ran = made("operator", "seal-rotate-key", "-key-label=nobodys")
        assert (ran.code, "has no AES key with the label nobodys" in ran.err) == (2, True)
        return
    request.getfixturevalue("bao").ask(Operation.UPDATE, "transit/keys/vaultctl/rotate")
    assert f"is {there.ids[1]} now" in made("operator", "seal-rotate-key", "-no-rotate").out


def test_without_it_a_command_says_why_it_cannot_open_the_state(made, there):
    """Exit code 2 with the cause; nothing is changed, and once it is back all goes on."""
    with there.away():
        for words in (["kv", "get", "w/a"], ["kv", "put", "w/a", "key=2"], ["operator", "seal-rotate-key"]):
            ran = made(*words, *(["-key-label=two"] if "seal-rotate-key" in words and there.kind == "pkcs11" else []))
            assert ran.code == 2
            assert ("does not answer" if there.kind == "pkcs11" else "cannot be used") in ran.err
    assert made("kv", "get", "-field=key", "w/a").out == "1"


@pytest.fixture
def folder(tmp_path, there) -> Folder:
    """A state under that seal with many wrapped entries, in this process."""
    folder = Folder(tmp_path / "many", "sqlite", there.environ)
    folder.make(COUNT)
    maintenance = folder.maintenance()
    maintenance.seal_migration(there.kind).finish([])
    maintenance.close()
    folder.check(there.kind, COUNT)
    return folder


def test_a_rewrap_stops_while_the_seal_is_gone_and_goes_on_from_there(folder, there):
    """Pulled out in the middle, the job fails with the cause; back again, it goes on, and counts each entry once."""
    rotate(folder, there)
    connection = folder.open()
    client = Client(connection, token=connection.token)
    while not processed(client):
        connection.advance(0)
    assert processed(client) < COUNT
    before = processed(client)
    with there.away():
        while connection.advance(60):
            pass
        told = client.call("GET", "sys/sealwrap/rewrap").data
        assert (told["is_running"], told["phase"], told["entries"]["failed"]) == (False, "stopped", 0)
        assert ("does not answer" if there.kind == "pkcs11" else "cannot be used") in told["error"]
        assert told["entries"]["processed"] == before
    client.call("POST", "sys/sealwrap/rewrap")
    connection.close()
    folder.check(there.kind, COUNT)


def test_who_has_the_state_open_goes_on_without_it(folder, there):
    """What it wraps is neither read nor written, with a clear error; all else works, and that too once it is back."""
    connection = folder.open()
    client = Client(connection, token=connection.token)
    client.call("GET", "sys/mounts")
    with there.away():
        for verb, data in (("GET", {}), ("POST", {"key": "x"})):
            with pytest.raises(SealUnavailable):
                client.call(verb, "w/1", data)
        client.call("POST", "secret/data/plain", {"data": {"key": "plain"}})
        assert client.call("GET", "secret/data/plain").data["data"] == {"key": "plain"}
    assert kv.get(client, kv.locate(client, "w/1")).data == {"key": "value 1"}
    connection.close()


def test_what_is_under_a_key_that_is_gone_over_there_is_named(folder, there, request):
    """Where the seal answers, and has the old key no more, each entry under it fails, and the rest is rewrapped."""
    rotate(folder, there)
    connection = folder.open()
    client = Client(connection, token=connection.token)
    while not processed(client):
        connection.advance(0)
    done = processed(client)
    remove_old_key(there, request)
    while connection.advance(60):
        pass
    told = client.call("GET", "sys/sealwrap/rewrap").data
    entries = told["entries"]
    assert (told["is_running"], entries["processed"], entries["failed"]) == (False, told["total"], COUNT + 1 - done)
    assert f"{entries['failed']} entries could not be rewrapped" in told["error"]
    assert client.call("GET", "sys/mounts").data
    connection.close()


def rotate(folder: Folder, there: There) -> None:
    """Give the seal a new key; the rewrap is not stepped."""
    maintenance = folder.maintenance()
    if there.kind == "pkcs11":
        maintenance.rotate_seal_key(key_label="two", generates=True)
    else:
        maintenance.rotate_seal_key()
    maintenance.close()


def remove_old_key(there: There, request) -> None:
    """Have the old key removed where the seal is."""
    if there.kind == "pkcs11":
        softhsm.remove_key(there.environ, elsewhere.KEY_LABEL)
    else:
        bao = request.getfixturevalue("bao")
        bao.ask(Operation.UPDATE, "transit/keys/vaultctl/config", {"min_decryption_version": 2})


def processed(client: Client) -> int:
    """Tell how many entries the rewrap has seen."""
    return int((client.call("GET", "sys/sealwrap/rewrap").data or {})["entries"]["processed"])


def test_a_seal_that_cannot_be_asked_is_shown_as_that(made, there):
    """`sealwrap status` and `status` tell what the header says, which seal it is, and why it gives no keys; exit 2."""
    with there.away():
        ran = made("sealwrap", "status")
        row = next(line for line in ran.out.splitlines() if line.startswith(there.kind)).split()
        assert (ran.code, row[:3]) == (2, [there.kind, there.ids[0], "false"])
        assert ran.err.startswith("Error: ")
        told = json.loads(made("sealwrap", "status", "-format=json").out)
        assert (told["seals"]["healthy"], told["seals"]["backends"][0]["key_id"]) == (False, there.ids[0])
        ran = made("status", "-format=json")
        told = json.loads(ran.out)
        assert (ran.code, told["type"], told["sealed"], ran.err.startswith("vaultctl: ")) == (2, there.kind, True, True)
    assert made("status").code == 0
