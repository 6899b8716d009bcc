"""`vaultctl read`, `write`, `list`, `delete`, `path-help`, `status`, `version` and `print token`."""

import json
import re

import pytest
from support import normal

import vaultctl


def test_read_prints_a_row_for_each_key(here):
    """A read of a mount's tuning prints its keys, durations as people write them."""
    expected = (
        "Key                  Value\n---                  -----\ndefault_lease_ttl    768h\n"
        "description          key/value secret storage\nforce_no_cache       false\nmax_lease_ttl        768h\n"
        "options              map[version:2]\n"
    )
    assert (0, expected, "") == here("read", "sys/mounts/secret/tune")


def test_read_of_nothing_is_exit_code_2(here):
    """Nothing there is said on stderr, in JSON too."""
    assert here("read", "-format=json", "secret/data/a") == (2, "", "No value found at secret/data/a\n")


def test_read_takes_parameters(here):
    """Words behind the path are parameters of the read."""
    here("kv", "put", "secret/a", "k=one")
    here("kv", "put", "secret/a", "k=two")
    assert json.loads(here("read", "-format=json", "secret/data/a", "version=1").out)["data"]["data"] == {"k": "one"}


def test_write_says_what_was_written(here):
    """A write without an answer prints one line, and in JSON nothing."""
    assert here("write", "sys/mounts/a", "type=kv") == (0, "Success! Data written to: sys/mounts/a\n", "")
    assert here("write", "-format=json", "sys/mounts/b", "type=kv") == (0, "", "")


def test_write_needs_data_or_force(here):
    """A write without data is misuse, unless -force or -f allows it."""
    assert here("write", "sys/mounts/secret/tune") == (1, "", "Must supply data or use -force\n")
    assert here("write", "-f", "sys/mounts/secret/tune").code == 0
    assert here("write", "-force", "sys/mounts/secret/tune").code == 0


def test_write_shows_warnings_on_stderr(here):
    """What an answer warns of stands on stderr, wrapped."""
    ran = here("write", "sys/remount", "from=secret", "to=new")
    assert ran.err.splitlines()[0] == "WARNING! The following warnings were returned from OpenBao:"
    assert max(len(line) for line in ran.err.splitlines()) <= 78


def test_list_is_that_of_kv(here):
    """A list of the metadata is the list of the secrets."""
    here("kv", "put", "secret/a", "k=v")
    assert here("kv", "list", "secret") == here("list", "secret/metadata")


def test_delete_prints_what_it_deleted(here):
    """A delete is done whether anything was there or not."""
    assert here("delete", "secret/data/a") == (0, "Success! Data deleted (if it existed) at: secret/data/a\n", "")


@pytest.mark.parametrize("command", ["read", "list", "delete", "path-help"])
def test_a_path_without_a_mount_is_named(here, command):
    """A path that no mount serves is a 404 that names it, but for a read, which finds nothing."""
    ran = here(command, "nosuch/a")
    wanted = "No value found at nosuch/a" if command in ("read", "list") else 'no handler for route "nosuch/a"'
    assert (ran.code, wanted in ran.err) == (2, True)


def test_path_help_explains_a_path(here):
    """The help of a path has its route, parameters and description."""
    ran = here("path-help", "sys/remount")
    assert (
        ran.code,
        "Matching Route: ^remount$" in ran.out,
        "## PARAMETERS" in ran.out,
        "## DESCRIPTION" in ran.out,
    ) == (0, True, True, True)


def test_path_help_of_a_mount_lists_its_paths(here):
    """The help of a mount names the paths of its engine."""
    ran = here("path-help", "secret")
    assert (ran.code, "^data/(?P<path>.*)$" in ran.out) == (0, True)


def test_path_help_as_json(here):
    """In JSON the help is one object."""
    assert list(json.loads(here("path-help", "-format=json", "sys/mounts").out)) == ["help", "see_also"]


def test_status_shows_the_seal(here):
    """The status of a state that is open is exit code 0."""
    ran = here("status")
    rows = dict(re.split("  +", line) for line in ran.out.splitlines()[2:])
    assert (
        ran.code,
        rows["Seal Type"],
        rows["Initialized"],
        rows["Sealed"],
        rows["Storage Type"],
    ) == (0, "static", "true", "false", "json")


def test_status_as_json_has_the_fields_of_the_api(here):
    """In JSON the status has the API's names."""
    shown = json.loads(here("status", "-format=json").out)
    assert ("static", False, False, vaultctl.__version__) == (
        shown["type"],
        shown["sealed"],
        shown["ha_enabled"],
        shown["version"],
    )


def test_status_needs_no_good_token(here):
    """The status is told to anybody who has the key."""
    assert here("status", env={"VAULT_TOKEN": "wrong"}).code == 0


def test_a_field_of_the_status_that_is_not_there_is_no_failure(here):
    """As in bao, a field that the status lacks is told with exit code 0."""
    assert here("status", "-field=x") == (0, "", 'Field "x" not present in seal status\n')


@pytest.mark.parametrize("args", [["version"], ["-v"], ["-version"], ["--version"], ["version", "extra"]])
def test_version_is_printed(fresh, args):
    """The version is printed however it is asked for, and no state is made for it."""
    assert (0, f"vaultctl v{vaultctl.__version__}\n", "") == fresh(*args)
    assert not fresh.data.exists()


def test_print_token_prints_the_root_token(here):
    """Without another one the token is the state's own."""
    assert (0, (here.data / "root-token").read_text(), "") == here("print", "token")


def test_print_token_prefers_the_environment(here):
    """A token of the environment is the one in use."""
    assert here("print", "token", env={"VAULT_TOKEN": "mine"}).out == "mine\n"
    assert here("print", "token", env={"VAULT_TOKEN": "mine", "BAO_TOKEN": "bao"}).out == "bao\n"


def test_print_token_prefers_the_token_file_to_the_root_token(here):
    """A file `token` in the data folder goes before `root-token`."""
    (here.data / "token").touch(0o600)
    (here.data / "token").write_text("  mine \n")
    assert here("print", "token").out == "mine\n"


def test_a_wrong_token_is_refused_with_where_it_came_from(here):
    """A refused token of the environment is said to come from there."""
    ran = here("secrets", "list", env={"VAULT_TOKEN": "wrong"})
    assert ran[:2] == (2, "")
    assert "Code: 403. Errors:\n\n* permission denied\n" in ran.err
    assert "the token came from VAULT_TOKEN, which may be a cluster's; unset it to use this state's own\n" in ran.err
    assert "wrong" not in ran.err


def test_without_a_token_file_requests_are_refused(here):
    """A state whose root-token file is gone answers 403, and status all the same."""
    (here.data / "root-token").unlink()
    assert ((ran := here("secrets", "list")).code, "* permission denied" in ran.err) == (2, True)
    assert (here("status").code, *here("print", "token")[:2]) == (0, 0, "\n")


def test_where_a_token_was_looked_for_is_said(here):
    """Without a token, or with an empty file for one, a refusal says where none was found."""
    path = here.data / "root-token"
    path.write_text("\n")
    empty = here("secrets", "list")
    path.unlink()
    missing = here("secrets", "list")
    hint = f"there is no token: VAULT_TOKEN is not set, and {path} is missing or empty\n"
    assert (empty.code, missing.code, hint in empty.err, hint in missing.err) == (2, 2, True, True)


def test_a_wrong_token_of_a_file_is_refused_with_the_files_name(here):
    """A refused token that came from a file is said to come from there."""
    (here.data / "root-token").write_text("wrong\n")
    ran = here("secrets", "list")
    assert f"the token came from {here.data}/root-token: it is not one of this state's\n" in ran.err


def test_uuids_and_accessors_stay(here):
    """Two lists of the same state are the same."""
    assert here("secrets", "list", "-detailed") == here("secrets", "list", "-detailed")
    assert "<uuid>" in normal.text(here("secrets", "list", "-detailed").out)


@pytest.mark.parametrize("path", ["sys/x y", "sys/ä", "sys/a%b", "sys/a+b:c@d", "sys/q?x"])
def test_the_path_of_an_error_is_escaped_as_in_bao(here, bao, path):
    """A URL in a message can be copied: what no URL may hold is escaped."""
    urls = [
        line.partition("/v1/")[2]
        for program in (here, bao.run)
        for line in program("write", path, "a=b").err.splitlines()
        if line.startswith("URL: ")
    ]
    assert (len(urls), urls[0]) == (2, urls[1])
