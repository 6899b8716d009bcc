"""The first command makes a state: what it says, what it makes, and what it leaves alone."""

import os
import stat

import pytest
from support.soak import times

KEY = "07" * 32


def mode(path):
    """Give a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_command_says_what_it_made(fresh):
    """One line on stderr tells where the state is and where its key."""
    ran = fresh("secrets", "list")
    line = f"vaultctl: made an encrypted state at {fresh.data}/state.json; its key is seal.key beside it\n"
    assert (ran.code, ran.err) == (0, line)
    assert fresh("secrets", "list").err == ""


def test_the_first_command_answers_too(fresh):
    """What the first command was asked for is done."""
    assert fresh("kv", "put", "secret/a", "k=v").code == 0
    assert fresh("kv", "get", "-field=k", "secret/a").out == "v"


def test_everything_is_the_owners_alone(vaultctl):
    """Whatever the umask, the folder is 0700 and every file in it 0600."""
    assert vaultctl("kv", "put", "secret/a", "k=v", umask=0).code == 0
    assert mode(vaultctl.data) == 0o700
    assert {path.name: mode(path) for path in vaultctl.data.iterdir()} == dict.fromkeys(
        ("seal.key", "seal.key.lock", "root-token", "state.json", "state.json.lock"), 0o600
    )


def test_the_state_is_in_the_users_folder(vaultctl):
    """Without another folder the state is where the user's data are."""
    del vaultctl.env["VAULTCTL_DATA_DIR"]
    vaultctl("secrets", "list")
    assert (vaultctl.home / ".local" / "share" / "vaultctl" / "state.json").exists()
    vaultctl("secrets", "list", env={"XDG_DATA_HOME": str(vaultctl.home / "xdg")})
    assert (vaultctl.home / "xdg" / "vaultctl" / "state.json").exists()


def test_nothing_else_in_the_home_is_touched(vaultctl):
    """Nothing is written but the data folder: no token file of a cluster, no cache."""
    vaultctl("secrets", "list")
    assert [path.name for path in vaultctl.home.iterdir()] == ["state"]


@pytest.mark.parametrize("name", ["seal.key", "root-token"])
def test_a_key_or_token_that_is_there_is_used_again(fresh, name):
    """A key or root token that lies there already belongs to somebody, and stays as it is."""
    fresh("kv", "put", "secret/a", "k=v")
    before = {kept: (fresh.data / kept).read_bytes() for kept in ("seal.key", "root-token")}
    (fresh.data / "state.json").unlink()
    (fresh.data / ("root-token" if name == "seal.key" else "seal.key")).unlink()
    assert fresh("secrets", "list").code == 0
    assert (fresh.data / name).read_bytes() == before[name]


@pytest.mark.parametrize("storage", ["json", "toml", "sqlite"])
def test_a_state_that_is_gone_is_not_made_anew(vaultctl, storage):
    """Where key and root token are left of a state, the command says so, and makes no empty one in its place."""
    vaultctl.env["VAULTCTL_STORAGE"] = storage
    vaultctl("kv", "put", "secret/a", "k=v")
    state = vaultctl.data / f"state.{storage}"
    saved = state.read_bytes()
    state.unlink()
    ran = vaultctl("secrets", "list")
    assert (ran.code, ran.out, state.exists()) == (2, "", False)
    first, hint = ran.err.split("\n\n")
    assert first.startswith(f"Error: there is no state at {state}, but what belongs to one is there: ")
    assert first.endswith(f"{vaultctl.data}/seal.key, {vaultctl.data}/root-token")
    assert "put the state back from your backup, or run: vaultctl operator snapshot restore" in hint
    state.write_bytes(saved)
    assert vaultctl("kv", "get", "-field=k", "secret/a").out == "v"
    state.unlink()
    for name in ("seal.key", "root-token"):
        (vaultctl.data / name).unlink()
    assert vaultctl("secrets", "list").code == 0


def test_what_is_left_of_a_database_is_not_taken_for_its_new_one(vaultctl):
    """A write-ahead log without its database stops the first use by its name."""
    vaultctl.env["VAULTCTL_STORAGE"] = "sqlite"
    vaultctl("secrets", "list")
    state = vaultctl.data / "state.sqlite"
    for path in vaultctl.data.iterdir():
        path.unlink()
    state.with_name(state.name + "-wal").write_bytes(b"stale" * 100)
    ran = vaultctl("secrets", "list")
    assert (ran.code, f"{state}-wal" in ran.err, state.exists()) == (2, True, False)


@pytest.mark.parametrize("made", [("seal.key",), ("seal.key", "root-token")])
def test_a_first_use_that_was_cut_short_goes_on(fresh, made):
    """Key and root token that a first use had made when it was killed are taken by the next one."""
    fresh("secrets", "list")
    for path in fresh.data.iterdir():
        if path.name not in made:
            path.unlink()
    (fresh.data / "seal.key.making").touch(0o600)
    before = {name: (fresh.data / name).read_bytes() for name in made}
    assert fresh("kv", "put", "secret/a", "k=v").code == 0
    assert {name: (fresh.data / name).read_bytes() for name in made} == before
    assert not (fresh.data / "seal.key.making").exists()


def test_a_key_that_is_no_key_stops_the_first_use(fresh):
    """A seal.key that holds something else is an error, and no state is made."""
    fresh.data.mkdir(0o700)
    (fresh.data / "seal.key").touch(0o600)
    (fresh.data / "seal.key").write_text("nothing of the kind\n")
    ran = fresh("secrets", "list")
    assert (ran.code, "seal.key" in ran.err, (fresh.data / "state.json").exists()) == (2, True, False)


def test_an_empty_root_token_stops_the_first_use(fresh):
    """A root-token file without a token is an error with a hint."""
    fresh.data.mkdir(0o700)
    (fresh.data / "root-token").touch(0o600)
    ran = fresh("secrets", "list")
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"Error: {fresh.data}/root-token is empty")


def test_a_state_without_its_key_says_so(here):
    """A state whose key is gone is not made anew, and is said to lack its key."""
    (here.data / "seal.key").unlink()
    before = (here.data / "state.json").read_bytes()
    ran = here("secrets", "list")
    assert (ran.code, ran.err.splitlines()[0]) == (
        2,
        f"Error: the seal key is missing: there is no {here.data}/seal.key",
    )
    assert (here.data / "state.json").read_bytes() == before
    assert not (here.data / "seal.key").exists()


def test_a_state_with_another_key_says_so(here):
    """A key that did not seal the state is told from the right one."""
    (here.data / "seal.key").write_text(KEY + "\n")
    ran = here("secrets", "list")
    assert (ran.code, "and the state was sealed with" in ran.err) == (2, True)


def test_the_key_may_come_from_a_variable(fresh):
    """With VAULTCTL_SEAL_KEY=env:NAME the key is in a variable, and in no file."""
    env = {"VAULTCTL_SEAL_KEY": "env:THE_KEY", "THE_KEY": KEY}
    ran = fresh("secrets", "list", env=env)
    assert (ran.code, "its key is env:THE_KEY" in ran.err, (fresh.data / "seal.key").exists()) == (0, True, False)
    assert fresh("secrets", "list", env=env).code == 0
    assert fresh("secrets", "list").code == 2


def test_the_key_may_come_from_a_descriptor(vaultctl):
    """With VAULTCTL_SEAL_KEY=fd:NUMBER the key is read from an open file."""
    (vaultctl.home / "key").write_text(KEY)
    for _ in range(2):
        with open(vaultctl.home / "key", "rb") as file:
            fd = file.fileno()
            ran = vaultctl("secrets", "list", env={"VAULTCTL_SEAL_KEY": f"fd:{fd}"}, pass_fds=[fd])
        assert (ran.code, (vaultctl.data / "seal.key").exists()) == (0, False)


def test_the_key_may_come_from_another_file(fresh):
    """With VAULTCTL_SEAL_KEY=file:PATH the key is in that file."""
    (fresh.home / "key").touch(0o600)
    (fresh.home / "key").write_text(KEY)
    env = {"VAULTCTL_SEAL_KEY": f"file:{fresh.home}/key"}
    assert fresh("secrets", "list", env=env).code == 0
    assert not (fresh.data / "seal.key").exists()


@pytest.mark.parametrize(
    "source", ["env:NOT_SET", "fd:99", "fd:x", "fd:²", f"fd:{10**30}", "nosuch:x", "file:/nosuch/key", KEY]
)
def test_a_key_that_cannot_be_had_is_exit_code_2(fresh, source):
    """A source that gives no key is an error, which never shows what may be the key itself."""
    ran = fresh("secrets", "list", env={"VAULTCTL_SEAL_KEY": source})
    assert (ran.code, ran.out, (fresh.data / "state.json").exists()) == (2, "", False)
    assert KEY not in ran.err


@pytest.mark.parametrize("args", [["operator", "check"], ["operator", "snapshot", "save", "f"]], ids=" ".join)
def test_work_on_the_whole_state_makes_none(fresh, args):
    """The commands of `operator` say that there is no state, and make none."""
    ran = fresh(*args)
    assert (ran.code, "there is no state at" in ran.err, (fresh.data / "state.json").exists()) == (2, True, False)


def test_two_first_commands_make_one_state(vaultctl):
    """Of two commands that come first at once, one makes the state, and both answer."""
    started = [vaultctl.start("kv", "put", f"secret/{name}", "k=v") for name in "ab"]
    errors = [child.communicate()[1] for child in started]
    assert [child.returncode for child in started] == [0, 0]
    assert sum("made an encrypted state" in error for error in errors) == 1
    assert vaultctl("kv", "list", "-format=json", "secret").out == '[\n  "a",\n  "b"\n]\n'


def test_a_data_folder_of_many_levels_is_made(fresh, monkeypatch):
    """The folders above the data folder are made too."""
    monkeypatch.setenv("VAULTCTL_DATA_DIR", os.path.join(fresh.home, "a", "b", "c"))
    assert fresh("secrets", "list").code == 0


def test_two_backends_made_at_once_share_one_key(vaultctl):
    """First commands for two backends in one folder at the same time leave two states that both open."""
    kinds = [{"VAULTCTL_STORAGE": "json"}, {"VAULTCTL_STORAGE": "sqlite"}]
    started = [vaultctl.start("secrets", "list", env=kind) for kind in kinds * 4]
    codes = [child.wait() for child in started]
    for child in started:
        child.communicate()

    assert codes == [0] * 8
    assert [vaultctl("operator", "check", env=kind).code for kind in kinds] == [0, 0]


def test_an_empty_token_variable_is_no_token(vaultctl):
    """VAULT_TOKEN set to nothing, as CI systems do, leaves the state's own token in use."""
    assert vaultctl("secrets", "list", env={"VAULT_TOKEN": ""}).code == 0


def test_many_first_uses_on_sqlite_all_answer(vaultctl):
    """Processes that make the same database at once wait for each other, and none is told that it is locked."""
    env = {"VAULTCTL_STORAGE": "sqlite"}
    children = [vaultctl.start("secrets", "list", env=env) for _ in range(times(5, 60))]
    ends = {(child.communicate()[1].partition(" an encrypted")[0], child.returncode) for child in children}
    assert ends <= {("vaultctl: made", 0), ("", 0)}


def test_the_key_variable_may_hold_any_bytes(fresh):
    """Bytes that are no text are no key, and are told of as such."""
    ran = fresh("secrets", "list", env={"VAULTCTL_SEAL_KEY": "env:K", "K": os.fsdecode(b"\xff" * 8)})
    assert (ran.code, "holds no seal key" in ran.err) == (2, True)
