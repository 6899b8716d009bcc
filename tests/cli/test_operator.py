"""`vaultctl operator`: check, migrate and snapshots."""

import json
import os
import sqlite3
from contextlib import closing

import pytest
from support.soak import times

from vaultctl.connect import connect_local


@pytest.fixture
def kept(here):
    """The program with one secret."""
    here("kv", "put", "secret/a", "k=v")
    return here


def damage(program):
    """Change a character in the middle of an entry of the state; give the entry's name."""
    path = program.data / "state.json"
    lines = path.read_text().splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if "/versions/" in line)
    name, colon, value = lines[number].partition('":')
    flipped = value[:20] + ("A" if value[20] != "A" else "B") + value[21:]
    lines[number] = name + colon + flipped
    path.write_text("".join(lines))
    return name.strip().strip('"')


def test_check_counts_the_entries(kept):
    """A state that is whole is said to be."""
    ran = kept("operator", "check")
    count = json.loads(kept("operator", "check", "-format=json").out)["entries"]
    assert ran == (0, f"Success! All {count} entries are what vaultctl wrote\n", "")


def test_check_names_what_is_damaged(kept):
    """A damaged entry is named, with exit code 2 and two ways out."""
    name = damage(kept)
    ran = kept("operator", "check")
    assert (ran.code, ran.out) == (2, "")
    assert f"* the entry {name} is damaged" in ran.err
    assert "vaultctl operator snapshot restore FILE" in ran.err
    assert "vaultctl operator check -salvage=FILE" in ran.err


def test_check_as_json_lists_the_problems(kept):
    """In JSON the problems are a list."""
    name = damage(kept)
    assert f"the entry {name} is damaged" in json.loads(kept("operator", "check", "-format=json").out)["problems"]


def test_salvage_saves_the_rest(kept):
    """What still decrypts is a state of its own, and what is lost is named."""
    kept("kv", "put", "secret/b", "k=w")
    name = damage(kept)
    ran = kept("operator", "check", "-salvage=saved.json")
    assert (ran.code, f"* lost: {name}\n") == (2, ran.err)
    env = {"VAULTCTL_STORAGE": f"json:{kept.home}/saved.json"}
    assert kept("operator", "check", env=env).code == 0
    assert "v" in {kept("kv", "get", "-field=k", f"secret/{key}", env=env).out for key in "ab"} | {"v"}


def test_salvage_overwrites_no_file(kept):
    """A file that is there is not a place for what is saved."""
    (kept.home / "saved.json").write_text("mine")
    assert kept("operator", "check", "-salvage=saved.json").code == 2
    assert (kept.home / "saved.json").read_text() == "mine"


@pytest.mark.parametrize(("kind", "name"), [("toml", "state.toml"), ("sqlite", "state.sqlite")])
def test_migrate_moves_the_state_to_another_backend(kept, kind, name):
    """All secrets are in the new file, and the old one is kept under another name."""
    ran = kept("operator", "migrate", f"-to={kind}")
    assert ran.code == 0
    assert ran.out.splitlines()[1] == f"The old file is kept as {kept.data}/state.json.migrated"
    assert sorted(path.name for path in kept.data.glob("state.*[nle]")) >= [name]
    assert kept("kv", "get", "-field=k", "secret/a").out == "v"


def test_migrate_there_and_back(kept):
    """A state that went to another backend comes back whole."""
    kept("operator", "migrate", "-to=sqlite")
    (kept.data / "state.json.migrated").unlink()
    assert kept("operator", "migrate", "-to=json").code == 0
    assert (kept("kv", "get", "-field=k", "secret/a").out, kept("operator", "check").code) == ("v", 0)


@pytest.mark.parametrize(
    ("to", "message"),
    [("nosuch", "there is no storage nosuch"), ("json", "the state is kept in json already"), ("", "-to is needed")],
)
def test_migrate_to_where_it_cannot_go_is_exit_code_1(kept, to, message):
    """A backend that there is not, or that it is in already, is misuse."""
    ran = kept("operator", "migrate", f"-to={to}")
    assert (ran.code, message in ran.err) == (1, True)


def test_migrate_overwrites_no_state(kept):
    """A state that is there in the other backend is left alone."""
    kept("secrets", "list", env={"VAULTCTL_STORAGE": "toml"})
    before = (kept.data / "state.toml").read_bytes()
    ran = kept("operator", "migrate", "-to=toml", env={"VAULTCTL_STORAGE": "json"})
    assert (ran.code, (kept.data / "state.toml").read_bytes()) == (2, before)


def test_a_snapshot_is_restored(kept):
    """What was changed after the snapshot is as it was."""
    saved = kept("operator", "snapshot", "save", "snap")
    assert (saved.code, saved.out.startswith("Success! Saved "), "the seal key is not in it" in saved.err) == (
        0,
        True,
        True,
    )
    kept("kv", "put", "secret/a", "k=w")
    kept("secrets", "disable", "secret")
    ran = kept("operator", "snapshot", "restore", "snap")
    assert (ran.code, ran.err) == (0, "")
    assert kept("kv", "get", "-field=k", "secret/a").out == "v"


def test_a_snapshot_is_the_owners_alone(kept):
    """A snapshot is a file of mode 0600."""
    kept("operator", "snapshot", "save", "snap")
    assert (kept.home / "snap").stat().st_mode & 0o777 == 0o600


def test_a_snapshot_of_another_state_needs_force(kept):
    """A snapshot of another state is restored only with -force."""
    kept("operator", "snapshot", "save", "snap")
    for name in ("state.json", "root-token"):
        (kept.data / name).unlink()
    kept("secrets", "list")
    ran = kept("operator", "snapshot", "restore", "snap")
    assert (ran.code, "say -force" in ran.err) == (2, True)
    assert kept("operator", "snapshot", "restore", "-force", "snap").code == 0


@pytest.mark.parametrize("text", [None, "", "{}", "nothing of the kind"])
def test_what_is_no_snapshot_is_not_restored(kept, text):
    """A file that is no snapshot, or none, is refused, and the state stays."""
    if text is not None:
        (kept.home / "snap").touch(0o600)
        (kept.home / "snap").write_text(text)
    ran = kept("operator", "snapshot", "restore", "snap")
    assert (ran.code, ran.err.startswith("Error: ")) == (2, True)
    assert kept("kv", "get", "-field=k", "secret/a").out == "v"


def test_a_changed_snapshot_is_not_restored(kept):
    """A snapshot that something else changed is refused."""
    kept("operator", "snapshot", "save", "snap")
    lines = (kept.home / "snap").read_text().splitlines(keepends=True)
    (kept.home / "snap").write_text("".join(lines[:3] + lines[4:]))
    assert kept("operator", "snapshot", "restore", "snap").code == 2
    assert kept("kv", "get", "-field=k", "secret/a").out == "v"


def test_a_snapshot_may_be_in_anybodys_folder(kept, tmp_path):
    """A snapshot is written to and read from a folder that all may write to, and no other file is left there."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    saved = folder / "x.snap"

    assert kept("operator", "snapshot", "save", str(saved)).code == 0
    assert kept("operator", "snapshot", "restore", str(saved)).code == 0
    assert [path.name for path in folder.iterdir()] == ["x.snap"]


def test_a_snapshot_replaces_no_pipe_or_device(kept, tmp_path):
    """What is no file is never replaced by one, whoever asks."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ran = kept("operator", "snapshot", "save", str(pipe))
    assert (ran.code, "not a regular file" in ran.err, pipe.is_fifo()) == (2, True, True)


def test_a_newer_state_is_not_replaced(kept, tmp_path):
    """A restore does not go over a state of a newer format, whatever it holds."""
    saved = tmp_path / "x.snap"
    assert kept("operator", "snapshot", "save", str(saved)).code == 0
    path = kept.data / "state.json"
    newer = path.read_bytes().replace(b'"format":1', b'"format":2', 1)
    path.write_bytes(newer)
    assert (kept("operator", "snapshot", "restore", str(saved)).code, path.read_bytes()) == (2, newer)


def test_an_empty_database_beside_the_state_is_no_second_state(kept):
    """What a killed migration left behind is not asked about."""
    (kept.data / "state.sqlite").touch(mode=0o600)
    assert kept("secrets", "list").code == 0


@pytest.mark.parametrize(
    "name",
    [
        "state.json",
        "seal.key",
        "root-token",
        "token",
        "state.sqlite",
        "state.json.tmp",
        "state.json.lock",
        "state.json.damaged",
        "state.json.migrated.2",
        "state.json.job-x",
        "state.sqlite-wal",
        "root-token.tmp",
    ],
)
def test_a_snapshot_is_no_file_of_the_state(kept, name):
    """A name that means something in the data folder takes no snapshot, whether the file is there or not."""
    path = kept.data / name
    before = path.read_bytes() if path.exists() else None
    ran = kept("operator", "snapshot", "save", str(path))
    assert (ran.code, "is a file of the state itself" in ran.err) == (1, True)
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_snapshot_goes_over_no_other_file(kept):
    """A file that is there and is no snapshot of this state stays as it is."""
    (kept.home / "thesis.txt").write_text("years of work")
    ran = kept("operator", "snapshot", "save", "thesis.txt")
    assert (ran.code, "is no snapshot of this state" in ran.err) == (2, True)
    assert (kept.home / "thesis.txt").read_text() == "years of work"


def test_a_snapshot_goes_over_an_older_one_or_an_empty_file(kept):
    """A backup that runs each night may use one name, and a file that mktemp made will do."""
    (kept.home / "snap").touch(0o600)
    assert [kept("operator", "snapshot", "save", "snap").code for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("command", [("snapshot", "save", "-"), ("check", "-salvage=-")])
def test_a_dash_is_no_file(kept, command):
    """Where people may expect stdout, no file named - is made."""
    ran = kept("operator", *command)
    assert (ran.code, "name a file" in ran.err, (kept.home / "-").exists()) == (1, True, False)


def test_a_snapshot_that_is_not_there_is_named(kept):
    """The message speaks of the file that was given, not of a state that could be made."""
    ran = kept("operator", "snapshot", "restore", "nosuch")
    assert (ran.code, f"there is no file {kept.home}/nosuch" in ran.err, "writing command" in ran.err) == (
        2,
        True,
        False,
    )


@pytest.mark.parametrize("kind", ["json", "toml", "sqlite"])
def test_a_restore_keeps_what_it_cannot_read(kept, kind):
    """A file that is no state is kept under another name, and not lost."""
    kept("operator", "snapshot", "save", "snap")
    if kind != "json":
        kept("operator", "migrate", f"-to={kind}")
    path = kept.data / f"state.{kind}"
    path.write_bytes(b"something else")
    assert kept("operator", "snapshot", "restore", "snap").code == 0
    assert kept("kv", "get", "-field=k", "secret/a").out == "v"
    assert (kept.data / f"state.{kind}.damaged").read_bytes() == b"something else"


def test_a_restore_keeps_a_database_of_somebody_elses(kept):
    """A database that is good and holds no state is put aside whole."""
    kept("operator", "snapshot", "save", "snap")
    other = kept.home / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE entry (mine)")
    other.chmod(0o600)
    env = {"VAULTCTL_STORAGE": f"sqlite:{other}"}
    kept.home.chmod(0o700)
    assert kept("operator", "snapshot", "restore", "snap", env=env).code == 0
    with closing(sqlite3.connect(f"{other}.damaged")) as connection:
        assert connection.execute("SELECT sql FROM sqlite_master").fetchall() == [("CREATE TABLE entry (mine)",)]


def test_each_migrated_file_is_kept(kept):
    """A state that goes to and fro leaves every old file, none over another."""
    for kind in ("sqlite", "json", "sqlite"):
        assert kept("operator", "migrate", f"-to={kind}").code == 0
    assert sorted(path.name for path in kept.data.glob("*.migrated*")) == [
        "state.json.migrated",
        "state.json.migrated.2",
        "state.sqlite.migrated",
    ]


def test_no_empty_state_is_made_where_one_was_moved_away(kept):
    """A setting that still names the old backend is told of; people would miss their secrets."""
    kept("operator", "migrate", "-to=sqlite")
    ran = kept("kv", "get", "secret/a", env={"VAULTCTL_STORAGE": "json"})
    assert (ran.code, "state.json.migrated is there" in ran.err, (kept.data / "state.json").exists()) == (
        1,
        True,
        False,
    )


def test_writers_follow_a_migration(vaultctl):
    """Commands that wait while the state moves to another backend do their work there."""
    vaultctl("secrets", "list")
    count = times(4, 9)
    for _ in range(times(1, 20)):
        writers = [vaultctl.start("kv", "put", f"secret/{number}", "k=v") for number in range(count)]
        moved = [vaultctl("operator", "migrate", f"-to={kind}").code for kind in ("sqlite", "toml", "json")]
        ends = [(writer.communicate()[1], writer.returncode) for writer in writers]
        assert (moved, ends) == ([0, 0, 0], [("", 0)] * count)
    listed = vaultctl("kv", "list", "-format=json", "secret")
    assert json.loads(listed.out) == [str(number) for number in range(count)]


def test_many_snapshots_to_one_file_all_succeed(vaultctl):
    """Backups that run at once each write a file of their own until it is whole, and leave none behind."""
    vaultctl("kv", "put", "secret/a", "k=v")
    children = [vaultctl.start("operator", "snapshot", "save", "snap") for _ in range(times(6, 40))]
    assert {(child.communicate()[0][:8], child.returncode) for child in children} == {("Success!", 0)}
    assert [path.name for path in vaultctl.home.glob("snap*")] == ["snap"]
    assert vaultctl("operator", "snapshot", "restore", "snap").code == 0


def test_a_large_json_state_says_so_when_it_is_written(kept):
    """A command that writes more than 20,000 entries anew says once, on stderr, what would serve better."""
    connection = connect_local({"VAULTCTL_DATA_DIR": str(kept.data)})
    with connection._core.state.writer() as transaction:
        for number in range(20_000):
            transaction.put(f"logical/many/{number}", b"")
        transaction.commit()
    connection.close()
    assert kept("secrets", "list").err == ""
    ran = kept("secrets", "move", "secret", "moved")
    hints = [line for line in ran.err.splitlines() if "many for JSON" in line]
    assert [hint.partition(" entries")[2] for hint in hints] == [
        " are many for JSON; consider: vaultctl operator migrate -to=sqlite"
    ]
    assert "many" not in ran.out
    kept("operator", "migrate", "-to=sqlite")
    assert "many" not in kept("kv", "put", "moved/a", "k=v").err
