"""`vaultctl secrets`: what each command prints, piped, and how it ends."""

import json

import pytest
from support import normal

TABLE = """\
Path          Type         Accessor              Description
----          ----         --------              -----------
cubbyhole/    cubbyhole    <accessor:cubbyhole>    per-token private secret storage
identity/     identity     <accessor:identity>     identity store
secret/       kv           <accessor:kv>           key/value secret storage
sys/          system       <accessor:system>       system endpoints used for control, policy and debugging
"""


def test_list_prints_the_columns_of_bao(here):
    """A new state has the mounts of a new dev server."""
    ran = here("secrets", "list")
    assert (ran.code, normal.text(ran.out), ran.err) == (0, TABLE, "")


def test_list_as_json_has_every_detail(here):
    """JSON shows a mount with all its fields, in bao's order."""
    shown = json.loads(here("secrets", "list", "-format=json").out)["secret/"]
    assert list(shown) == [
        "uuid",
        "type",
        "description",
        "accessor",
        "config",
        "options",
        "local",
        "seal_wrap",
        "external_entropy_access",
        "plugin_version",
        "running_plugin_version",
        "running_sha256",
        "deprecation_status",
    ]


def test_list_detailed_shows_ttls_as_seconds_or_system(here):
    """The detailed table shows a TTL as configured."""
    here("secrets", "enable", "-path=a", "-default-lease-ttl=1h", "kv")
    row = next(line for line in here("secrets", "list", "-detailed").out.splitlines() if line.startswith("a/"))
    assert row.split()[3:5] == ["3600", "system"]


@pytest.fixture
def stocked(here):
    """The program with engines of several types."""
    for args in (
        ["-path=a", "kv-v1"],
        ["-path=b", "-max-lease-ttl=90s", "transit"],
        ["-path=c", "-max-lease-ttl=1h", "pki"],
    ):
        here("secrets", "enable", *args)
    return here


def first_column(text):
    """Give the first cell of each row of a table."""
    return [row.split("    ")[0].strip() for row in text.splitlines()[2:]]


@pytest.mark.parametrize(
    ("flags", "paths"),
    [
        (["-type=kv"], ["a/", "secret/"]),
        (["-type=kv-v2,pki"], ["c/", "secret/"]),
        (["-type=nosuch"], []),
        (["-type=kv,transit,pki", "-sort=type"], ["a/", "secret/", "c/", "b/"]),
        (["-type=kv,transit,pki", "-sort=-path"], ["secret/", "c/", "b/", "a/"]),
        (["-type=transit,pki", "-sort=-max-ttl"], ["c/", "b/"]),
        (["-type=transit,pki", "-sort=Max_TTL"], ["b/", "c/"]),
    ],
    ids=" ".join,
)
def test_list_can_be_filtered_and_sorted(stocked, flags, paths):
    """-type keeps types, -sort sorts by any column, numbers as numbers; JSON heeds both."""
    assert first_column(stocked("secrets", "list", *flags).out) == paths
    assert list(json.loads(stocked("secrets", "list", "-format=json", *flags).out)) == paths


def test_list_shows_the_columns_asked_for(stocked):
    """-columns takes any column, in the order given."""
    out = stocked("secrets", "list", "-type=pki", "-columns=max_ttl,path").out
    assert [row.split() for row in out.splitlines()] == [["Max", "TTL", "Path"], ["-------", "----"], ["3600", "c/"]]


@pytest.mark.parametrize("flag", ["-sort=nosuch", "-columns=path,nosuch"])
def test_a_column_that_is_not_there_is_exit_code_1(here, flag):
    """The columns that there are are named."""
    ran = here("secrets", "list", flag)
    assert (ran.code, "there is no column nosuch; columns are: path, type" in ran.err) == (1, True)


def test_enable_warns_of_an_engine_that_is_not_here(here):
    """An engine that only has a life here is enabled, and stderr says so once; a request below it answers 501."""
    ran = here("secrets", "enable", "transit")
    assert (ran.code, ran.err.count("the transit engine is not part of vaultctl")) == (0, 1)
    ran = here("read", "transit/keys/a")
    assert (ran.code, "Code: 501" in ran.err, "the transit engine is not part of vaultctl" in ran.err) == (
        2,
        True,
        True,
    )


@pytest.mark.parametrize("group", ["secrets", "mounts"])
def test_mounts_has_the_commands_of_secrets(here, group):
    """A mount's whole life can be had from either group."""
    codes = [
        here(group, *words).code
        for words in (["enable", "-path=m", "kv"], ["tune", "-description=d", "m"], ["list"], ["disable", "m"])
    ]
    assert codes == [0, 0, 0, 0]


def test_mounts_read_shows_one_mount(here):
    """A mount is shown with its configuration, as a table, as JSON, or a field of it."""
    whole = json.loads(here("mounts", "read", "-format=json", "secret").out)
    listed = json.loads(here("secrets", "list", "-format=json").out)["secret/"]
    assert whole == {"path": "secret/", **listed}
    assert here("mounts", "read", "-field=accessor", "secret").out == listed["accessor"]
    assert ["max_lease_ttl", "0s"] in [row.split() for row in here("mounts", "read", "secret/").out.splitlines()]


@pytest.mark.parametrize(("word", "why"), [("", "is needed"), ("/", "is needed"), ("secret/tune", "no mount can be")])
def test_mounts_read_of_no_mount_path_is_exit_code_1(here, word, why):
    """A word that cannot be the path of a mount is refused before anything is asked."""
    ran = here("mounts", "read", word)
    assert (ran.code, why in ran.err) == (1, True)


def test_mounts_read_of_nothing_is_exit_code_2(here):
    """A path without a mount is refused as a server does."""
    ran = here("mounts", "read", "nosuch")
    assert (ran.code, "No secret engine mount at nosuch/" in ran.err) == (2, True)


def test_enable_mounts_at_the_type(here):
    """An engine is mounted at a path named after its type."""
    assert here("secrets", "enable", "kv") == (0, "Success! Enabled the kv secrets engine at: kv/\n", "")


def test_enable_as_json_prints_one_object(here):
    """With -format=json the result is one object."""
    ran = here("secrets", "enable", "-format=json", "-path=a", "kv")
    assert (ran.code, json.loads(ran.out)) == (0, {"path": "a/", "type": "kv", "result": "created"})


def test_enable_ignores_the_format_of_the_environment(here):
    """BAO_FORMAT changes no command that in bao ignores it."""
    ran = here("secrets", "enable", "kv", env={"BAO_FORMAT": "json"})
    assert ran.out == "Success! Enabled the kv secrets engine at: kv/\n"


def test_enable_stores_what_its_flags_say(here):
    """Every flag of enable is seen in the mount."""
    flags = (
        "-path=a -description=d -version=2 -default-lease-ttl=1h -max-lease-ttl=2h -local -seal-wrap"
        " -external-entropy-access -force-no-cache -listing-visibility=unauth -options=x=y"
        " -audit-non-hmac-request-keys=q -audit-non-hmac-response-keys=r -passthrough-request-headers=X-A"
        " -allowed-response-headers=X-B"
    )
    here("secrets", "enable", *flags.split(), "kv")
    shown = json.loads(here("secrets", "list", "-format=json").out)["a/"]
    config = {
        "default_lease_ttl": 3600,
        "max_lease_ttl": 7200,
        "force_no_cache": True,
        "audit_non_hmac_request_keys": ["q"],
        "audit_non_hmac_response_keys": ["r"],
        "passthrough_request_headers": ["X-A"],
        "allowed_response_headers": ["X-B"],
        "listing_visibility": "unauth",
    }
    expected = ("d", {"x": "y", "version": "2"}, True, True, True, config)
    names = ("description", "options", "local", "seal_wrap", "external_entropy_access", "config")
    assert expected == tuple(shown[name] for name in names)


def test_local_of_enable_is_the_mark_of_the_mount(here):
    """On enable -local marks the mount; that the local state is meant is said by VAULTCTL_LOCAL."""
    address = {"VAULT_ADDR": "http://127.0.0.1:1"}
    assert "connection refused" in here("secrets", "enable", "-local", "kv", env=address).err
    assert here("secrets", "enable", "kv", env={**address, "VAULTCTL_LOCAL": "1"}).code == 0


def test_enable_at_a_path_in_use_is_refused_as_a_server_does(here):
    """A refusal has the lines of bao's, and exit code 2."""
    expected = (
        "Error enabling: Error making API request.\n\nURL: POST local:/v1/sys/mounts/secret\nCode: 400. Errors:\n\n"
        "* path is already in use at secret/\n"
    )
    assert (2, "", expected) == here("secrets", "enable", "-path=secret", "kv")


def test_disable_removes_the_mount_and_what_it_holds(here):
    """A mount that is enabled again where one was disabled holds nothing."""
    here("kv", "put", "secret/a", "k=v")
    ran = here("secrets", "disable", "secret")
    here("secrets", "enable", "-path=secret", "-version=2", "kv")
    assert (ran.code, ran.out) == (0, "Success! Disabled the secrets engine (if it existed) at: secret/\n")
    assert here("kv", "get", "secret/a").err == "No value found at secret/data/a\n"


def test_disable_of_nothing_is_no_error(here):
    """There need not be what is disabled."""
    assert here("secrets", "disable", "nosuch").code == 0


def test_disable_as_json_prints_one_object(here):
    """With -format=json the result is one object."""
    assert json.loads(here("secrets", "disable", "a", "-format=json").out) == {"path": "a/", "result": "disabled"}


def test_tune_changes_what_its_flags_name(here):
    """A tuned TTL is seen, and nothing else has changed."""
    ran = here("secrets", "tune", "-max-lease-ttl=72h", "secret/")
    shown = json.loads(here("read", "-format=json", "sys/mounts/secret/tune").out)["data"]
    assert ran == (0, "Success! Tuned the secrets engine at: secret/\n", "")
    assert (
        shown["max_lease_ttl"],
        shown["default_lease_ttl"],
        shown["description"],
    ) == (259200, 2764800, "key/value secret storage")


def test_tune_as_yaml_prints_one_object(here):
    """With -format=yaml the result is one object."""
    assert here("secrets", "tune", "-format=yaml", "secret").out == "path: secret/\nresult: tuned\n"


def test_move_prints_two_lines(here):
    """A move says that it began, and that it is over."""
    ran = here("secrets", "move", "secret", "new")
    words = "secrets engine secret/ to new/, with migration ID <uuid>\n"
    assert (0, f"Started moving {words}Success! Finished moving {words}") == (ran.code, normal.text(ran.out))


def test_move_takes_the_data_along(here):
    """What was stored is read at the new path."""
    here("kv", "put", "secret/a", "k=v")
    here("secrets", "move", "secret", "team/new")
    assert here("kv", "get", "-field=k", "team/new/a")[:2] == (0, "v")


def test_move_as_json_prints_one_object(here):
    """With -format=json the end of the move is one object."""
    shown = json.loads(here("secrets", "move", "-format=json", "secret", "new").out)
    assert (shown["status"], shown["source_mount"], shown["target_mount"]) == ("success", "secret/", "new/")


def test_move_from_below_a_mount_fails_with_the_reason(here):
    """A move that fails after it began is told with its cause, and exit code 2."""
    ran = here("secrets", "move", "secret/below", "new")
    words = "secrets engine secret/below/ to new/, with migration ID <uuid>"
    assert (2, f"Failure! Error moving {words}: no mount is enabled at secret/below/ itself\n") == (
        ran.code,
        normal.text(ran.err),
    )


def test_remount_status_tells_of_a_move(here):
    """The id that a move printed is looked up later."""
    started = here("secrets", "move", "secret", "new").out.splitlines()[0]
    ran = here("remount", "status", "-format=json", started.split()[-1])
    shown = json.loads(ran.out)
    assert (
        shown["source_mount"],
        shown["target_mount"],
        shown["status"],
        shown["error"],
    ) == ("secret/", "new/", "success", "")


def test_remount_status_of_an_unknown_move_is_an_error(here):
    """An id that no move has is exit code 2."""
    assert here("remount", "status", "nosuch") == (2, "", "no move has the migration ID nosuch\n")


def test_remount_list_gives_the_moves_oldest_first(here):
    """The history has every move in its order."""
    here("secrets", "move", "secret", "b")
    here("secrets", "move", "b", "c")
    moves = json.loads(here("remount", "list", "-format=json").out)
    assert [(move["source_mount"], move["target_mount"]) for move in moves] == [("secret/", "b/"), ("b/", "c/")]


def test_remount_list_of_no_moves_is_an_empty_list(here):
    """Without a move there is an empty list."""
    assert here("remount", "list", "-format=json")[:2] == (0, "[]\n")


@pytest.mark.parametrize("command", ["list", "status"])
def test_remount_has_tables(here, command):
    """The tables of moves begin with a heading."""
    id_ = here("secrets", "move", "secret", "b").out.split()[-1]
    ran = here("remount", command, *([id_] if command == "status" else []))
    assert (0, "ID" if command == "list" else "Key") == (ran.code, ran.out.split()[0])


def test_a_move_can_be_started_and_watched(here):
    """`remount start` gives the migration's id at once, `remount watch` follows it to the end."""
    migration_id = json.loads(here("remount", "start", "-format=json", "secret", "apps").out)["migration_id"]
    ran = here("remount", "watch", migration_id)
    assert (ran.code, ran.out.startswith("Success! Finished moving secrets engine secret/ to apps/")) == (0, True)
    assert json.loads(here("remount", "watch", "-format=json", migration_id).out)["status"] == "success"


def test_watching_a_failed_move_is_exit_code_2(here):
    """A move that failed says why to whoever watches it."""
    migration_id = json.loads(here("remount", "start", "-format=json", "secret/below", "apps").out)["migration_id"]
    ran = here("remount", "watch", migration_id)
    assert (ran.code, "Failure! Error moving" in ran.err, "no mount is enabled at" in ran.err) == (2, True, True)


def test_watching_nothing_is_exit_code_2(here):
    """A migration that nobody knows of cannot be watched."""
    assert here("remount", "watch", "nosuch").code == 2


def test_remount_list_can_be_sorted(here):
    """The columns and their order can be chosen."""
    for source, target in (("secret", "b"), ("b", "a")):
        here("secrets", "move", source, target)
    assert first_column(here("remount", "list", "-sort=target", "-columns=target,status").out) == ["a/", "b/"]


def test_disabling_what_was_moved_away_says_where_it_is(here):
    """Whoever disables a path that a mount was moved away from is told that the mount lives on."""
    here("secrets", "move", "secret", "apps")
    ran = here("secrets", "disable", "secret")
    told = " ".join(ran.err.split())
    assert (ran.code, "the mount that was at secret/ was moved to apps/, and is there" in told) == (0, True)
    here("secrets", "disable", "apps")
    assert here("secrets", "disable", "secret").err == ""


@pytest.mark.parametrize("command", ["status", "watch"])
def test_a_move_without_an_id_is_exit_code_1(here, command):
    """An empty word is no migration ID."""
    assert here("remount", command, "").code == 1
