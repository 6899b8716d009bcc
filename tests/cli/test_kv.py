"""`vaultctl kv`: what each command prints, piped, and how it ends."""

import json
import os

import pytest
from support import normal

from vaultctl.connect import local
from vaultctl.core.core import Core
from vaultctl.logical.request import Operation, Request

METADATA = """\
======= Metadata =======
Key                Value
---                -----
created_time       <time>
custom_metadata    <nil>
deletion_time      n/a
destroyed          false
version            1
"""
PUT = "== Secret Path ==\nsecret/data/a\n\n" + METADATA
GET = PUT + "\n== Data ==\nKey    Value\n---    -----\nk      v\n"


@pytest.fixture
def kv1(here):
    """The program with a mount of version 1 at `k1/`."""
    here("secrets", "enable", "-path=k1", "-version=1", "kv")
    return here


def test_put_shows_the_path_and_the_metadata(here):
    """On version 2 a write shows what the version is."""
    ran = here("kv", "put", "secret/a", "k=v")
    assert (ran.code, normal.text(ran.out), ran.err) == (0, PUT, "")


def test_get_shows_the_data_too(here):
    """On version 2 a read shows the metadata and the data."""
    here("kv", "put", "secret/a", "k=v")
    assert normal.text(here("kv", "get", "secret/a").out) == GET


def test_version_1_has_no_metadata(kv1):
    """On version 1 a write prints one line, a read the data alone."""
    assert kv1("kv", "put", "k1/a", "k=v").out == "Success! Data written to: k1/a\n"
    assert kv1("kv", "get", "k1/a").out == "== Data ==\nKey    Value\n---    -----\nk      v\n"


def test_get_of_an_older_version(here):
    """-version names a version."""
    here("kv", "put", "secret/a", "k=one")
    here("kv", "put", "secret/a", "k=two")
    assert here("kv", "get", "-version=1", "-field=k", "secret/a").out == "one"


@pytest.mark.parametrize(("fmt", "expected"), [("table", "v"), ("json", '"v"\n'), ("yaml", "v\n")])
def test_a_field_is_written_by_the_format(here, fmt, expected):
    """A piped field has no newline of its own in a table, and its format's otherwise."""
    here("kv", "put", "secret/a", "k=v")
    ran = here("kv", "get", "-field=k", f"-format={fmt}", "secret/a")
    assert (0, expected.rstrip("\n")) == (ran.code, ran.out.rstrip("\n"))


def test_a_field_that_is_not_there_is_exit_code_1(here):
    """A field that the secret lacks is named."""
    here("kv", "put", "secret/a", "k=v")
    assert here("kv", "get", "-field=x", "secret/a") == (1, "", 'Field "x" not present in map\n')


def test_nothing_there_is_exit_code_2(here):
    """A secret that is not there is said on stderr."""
    assert here("kv", "get", "secret/nosuch") == (2, "", "No value found at secret/data/nosuch\n")


def test_one_use_is_enough_to_read(here):
    """To find out where the mount is takes no use of a token: one that has a single use left reads a secret."""
    here("kv", "put", "secret/a", "k=v")
    token = here("token", "create", "-use-limit=1", "-field=token").out
    ran = here("kv", "get", "-field=k", "secret/a", env={"VAULT_TOKEN": token})
    assert (ran.code, ran.out) == (0, "v")
    assert here("kv", "get", "-field=k", "secret/a", env={"VAULT_TOKEN": token}).code == 2


def test_get_as_json_is_the_envelope(here):
    """JSON has the envelope of the API."""
    here("kv", "put", "secret/a", "k=v")
    shown = json.loads(here("kv", "get", "-format=json", "secret/a").out)
    assert list(shown) == ["request_id", "lease_id", "lease_duration", "renewable", "data", "warnings"]
    assert shown["data"]["data"] == {"k": "v"}


def test_the_keys_of_json_are_sorted(here):
    """JSON of a map has its keys in order."""
    here("kv", "put", "secret/a", "b=1", "a=2")
    assert list(json.loads(here("kv", "get", "-format=json", "secret/a").out)["data"]["data"]) == ["a", "b"]


def test_json_escapes_what_html_would_read(here):
    """JSON has <, > and & as Go writes them."""
    here("kv", "put", "secret/a", "k=<&>")
    assert here("kv", "get", "-field=k", "-format=json", "secret/a").out.strip() == '"\\u003c\\u0026\\u003e"'


def test_cas_guards_against_another_version(here):
    """A write that expects another version is refused."""
    here("kv", "put", "secret/a", "k=v")
    ran = here("kv", "put", "-cas=0", "secret/a", "k=w")
    assert (ran.code, "check-and-set parameter did not match the current version" in ran.err) == (2, True)


def test_mount_names_the_mount(here):
    """With -mount the key is the path below it."""
    assert here("kv", "put", "-mount=secret", "a", "k=v").code == 0
    assert here("kv", "get", "-field=k", "-mount", "secret/", "a").out == "v"


def test_list_prints_keys_and_folders(here):
    """A list has a heading and sorted keys; a folder ends in a slash."""
    here("kv", "put", "secret/b", "k=v")
    here("kv", "put", "secret/a/c", "k=v")
    assert here("kv", "list", "secret") == (0, "Keys\n----\na/\nb\n", "")
    assert here("kv", "list", "-format=json", "secret").out == '[\n  "a/",\n  "b"\n]\n'


def test_an_empty_list_is_exit_code_2(here):
    """Nothing to list is an error in a table, and an empty object in JSON."""
    assert here("kv", "list", "secret") == (2, "", "No value found at secret/metadata\n")
    assert here("kv", "list", "-format=json", "secret") == (2, "{}\n", "")


def test_delete_marks_the_newest_version(here):
    """A deleted secret has metadata and no data."""
    here("kv", "put", "secret/a", "k=v")
    ran = here("kv", "delete", "secret/a")
    assert ran == (0, "Success! Data deleted (if it existed) at: secret/data/a\n", "")
    assert ((after := here("kv", "get", "secret/a")).code, "== Data ==" in after.out) == (0, False)
    assert here("kv", "get", "-field=k", "secret/a")[::2] == (2, "No data found at secret/data/a\n")


def test_delete_as_json_prints_one_object(here):
    """With -format=json the result is one object."""
    shown = json.loads(here("kv", "delete", "-format=json", "secret/a").out)
    assert shown == {"path": "secret/data/a", "result": "deleted"}


@pytest.mark.parametrize(
    ("args", "path", "result"),
    [
        ("undelete -versions=1 secret/a", "secret/undelete/a", "written"),
        ("destroy -versions=1 secret/a", "secret/destroy/a", "written"),
        ("delete -versions=1 secret/a", "secret/data/a", "deleted"),
        ("metadata put -max-versions=3 secret/a", "secret/metadata/a", "written"),
        ("metadata patch -max-versions=3 secret/a", "secret/metadata/a", "written"),
        ("metadata delete secret/a", "secret/metadata/a", "deleted"),
        ("enable-versioning secret", "secret/", "tuned"),
    ],
)
def test_what_bao_says_in_a_sentence_is_one_object(here, args, path, result):
    """With -format=json each command that changes something prints one object."""
    here("kv", "put", "secret/a", "k=v")
    ran = here("kv", *args.split(), "-format=json")
    assert (ran.code, json.loads(ran.out), ran.err) == (0, {"path": path, "result": result}, "")


def test_a_patch_guards_against_another_version_by_any_method(here):
    """-cas holds for both ways to patch."""
    here("kv", "put", "secret/a", "k=v")
    for method in ("rw", "patch"):
        ran = here("kv", "patch", f"-method={method}", "-cas=7", "secret/a", "k=w")
        assert (ran.code, "did not match the current version" in ran.err) == (2, True)


def test_a_patch_removes_keys_by_any_method(here):
    """-remove-data leaves nothing of a key."""
    for method in ("rw", "patch"):
        here("kv", "put", "secret/a", "k=v", "gone=1")
        assert here("kv", "patch", f"-method={method}", "-remove-data=gone", "secret/a", "new=1").code == 0
        assert json.loads(here("kv", "get", "-field=data", "-format=json", "secret/a").out) == {"k": "v", "new": "1"}


def test_a_version_that_will_delete_itself_can_be_rolled_back_to(here):
    """A time of deletion that has not come is no reason to refuse."""
    here("write", "secret/config", "delete_version_after=1h")
    here("kv", "put", "secret/a", "k=old")
    here("kv", "put", "secret/a", "k=new")
    assert here("kv", "rollback", "-version=1", "secret/a").code == 0
    assert here("kv", "get", "-field=k", "secret/a").out == "old"


def test_an_upgrade_that_was_cut_short_is_gone_on_with(kv1):
    """A mount that is half upgraded says what to do, and then is whole."""
    state = local.open_state(local.find_settings(os.environ, None), os.environ, print)
    core = Core(state, monotonic_s=iter(range(1000)).__next__)  # no request has time left for a job
    with core.sessions.writing() as session:
        prefix = session.mounts.at("k1/").storage_prefix
        for number in range(1200):
            session.view.put(f"{prefix}data/{number}", b'{"k": "v"}')
        session.commit()
    tuning, token = {"options": {"version": "2"}}, kv1("print", "token").out.strip()
    core.handle(Request(Operation.UPDATE, "sys/mounts/k1/tune", data=tuning, token=token))
    core.close()
    ran = kv1("kv", "get", "k1/1199")
    assert (ran.code, "vaultctl kv enable-versioning" in ran.err) == (2, True)
    assert kv1("kv", "enable-versioning", "k1") == (0, "Success! Tuned the secrets engine at: k1/\n", "")
    assert kv1("kv", "get", "-field=k", "k1/1199").out == "v"
    assert len(json.loads(kv1("kv", "list", "-format=json", "k1").out)) == 1200


def test_no_mount_there_is_said_without_a_heading(here):
    """A path that no mount serves is refused as bao's preflight is."""
    expected = (
        "Error making API request.\n\nURL: GET local:/v1/sys/internal/ui/mounts/nosuch/a\nCode: 403. Errors:\n\n"
        "* preflight capability check returned 403, please ensure client's policies grant access to path"
        ' "nosuch/a/"\n'
    )
    assert (2, "", expected) == here("kv", "get", "nosuch/a")


def test_a_dot_in_a_name_is_no_folder(here):
    """Only whole segments of dots are resolved, and none leads out of the path."""
    for key in (".a", "b.", "c..d", "..e", "f/.g"):
        assert here("kv", "put", f"secret/{key}", f"k={key}").code == 0
        assert here("kv", "get", "-field=k", f"secret/./{key}").out == key
        assert here("kv", "get", "-field=k", f"../secret/{key}").out == key
