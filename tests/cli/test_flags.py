"""Flags in Go's syntax, wherever they stand, and what is said of those that are wrong."""

import json

import pytest


@pytest.mark.parametrize(
    "flag",
    [["-path=x"], ["-path", "x"], ["--path=x"], ["--path", "x"]],
    ids=["one dash", "one dash apart", "two dashes", "two dashes apart"],
)
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_a_flag_has_four_forms(here, flag, behind):
    """A flag is the same with one dash or two, with = or a blank, before or behind the positionals."""
    ran = here("secrets", "enable", *(["kv", *flag] if behind else [*flag, "kv"]))
    assert ran == (0, "Success! Enabled the kv secrets engine at: x/\n", "")


@pytest.mark.parametrize(
    ("flag", "is_on"),
    [(f"-seal-wrap={value}", True) for value in ("1", "t", "T", "true", "TRUE", "True")]
    + [(f"-seal-wrap={value}", False) for value in ("0", "f", "F", "false", "FALSE", "False")]
    + [("-seal-wrap", True), ("--seal-wrap", True)],
)
def test_a_switch_takes_a_value_with_an_equals_sign(here, flag, is_on):
    """A switch is on by itself, and takes what Go takes for a boolean."""
    here("secrets", "enable", flag, "-path=x", "kv")
    assert is_on == json.loads(here("secrets", "list", "-format=json").out)["x/"]["seal_wrap"]


def test_a_switch_takes_no_word_for_its_value(here):
    """The word behind a switch is a positional."""
    assert here("secrets", "enable", "-seal-wrap", "true", "kv")[::2] == (1, "Too many arguments (expected 1, got 2)\n")


def test_each_of_a_repeated_flag_must_be_good(here):
    """A value that a later one replaces is looked at all the same, as Go does."""
    ran = here("kv", "put", "-cas=x", "-cas=0", "secret/a", "k=v")
    assert (ran.code, ran.err.startswith('invalid value "x" for flag -cas')) == (1, True)


def test_the_last_of_a_repeated_flag_counts(here):
    """A flag that is given twice has its last value; a switch too."""
    assert "at: y/" in here("secrets", "enable", "-path=x", "-path=y", "kv").out
    assert here("secrets", "list", "-format=json", "-format=table").out.split()[0] == "Path"
    here("secrets", "enable", "-path=z", "-seal-wrap", "-seal-wrap=false", "kv")
    assert json.loads(here("secrets", "list", "-format=json").out)["z/"]["seal_wrap"] is False


def test_a_repeated_list_or_map_grows(here):
    """Flags of lists and maps keep all that they are given, and split nothing."""
    here("secrets", "tune", "-options=a=1", "-options", "b=2", "-passthrough-request-headers=A,B", "secret")
    here("secrets", "tune", "-allowed-response-headers=A", "--allowed-response-headers=B", "secret")
    shown = json.loads(here("secrets", "list", "-format=json").out)["secret/"]
    assert (
        shown["options"],
        shown["config"]["passthrough_request_headers"],
        shown["config"]["allowed_response_headers"],
    ) == ({"a": "1", "b": "2", "version": "2"}, ["A,B"], ["A", "B"])


def test_two_dashes_end_the_flags(here):
    """A word behind -- is a positional, whatever it looks like."""
    here("kv", "put", "secret/a", "--", "-k=v")
    assert here("kv", "get", "-field=-k", "secret/a").out == "v"


def test_a_single_dash_is_a_positional(here):
    """A dash alone is stdin, and no flag."""
    assert here("kv", "put", "secret/a", "-", stdin=b'{"k": "v"}').code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-nosuch"], "flag provided but not defined: -nosuch"),
        (["--nosuch=x"], "flag provided but not defined: -nosuch"),
        (["-adress=http://x"], "flag provided but not defined: -adress"),
        (["-path"], "flag needs an argument: -path"),
        (["---path=x"], "bad flag syntax: ---path=x"),
        (["-=x"], "bad flag syntax: -=x"),
        (["--=x"], "bad flag syntax: --=x"),
        (["-local=x"], 'invalid boolean value "x" for -local: strconv.ParseBool: parsing "x": invalid syntax'),
        (["-version=x"], 'invalid value "x" for flag -version: strconv.ParseInt: parsing "x": invalid syntax'),
        (
            ["-version=99999999999999999999"],
            'invalid value "99999999999999999999" for flag -version: strconv.ParseInt: parsing'
            ' "99999999999999999999": value out of range',
        ),
        (
            ["-max-lease-ttl=soon"],
            'invalid value "soon" for flag -max-lease-ttl: time: invalid duration "soon"',
        ),
        (
            ["-max-lease-ttl=1w"],
            'invalid value "1w" for flag -max-lease-ttl: time: unknown unit "w" in duration "1w"',
        ),
        (["-options=x"], 'invalid value "x" for flag -options: missing = in KV pair: "x"'),
        (["-lock-timeout=x", "kv"], 'invalid value "x" for flag -lock-timeout: time: invalid duration "x"'),
    ],
)
def test_a_wrong_flag_is_exit_code_1_with_the_words_of_go(here, args, message):
    """What is wrong with a flag is said in one line on stderr."""
    assert (1, "", message + "\n") == here("secrets", "enable", *args)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["secrets", "enable"], "Not enough arguments (expected 1, got 0)"),
        (["secrets", "move", "a"], "Not enough arguments (expected 2, got 1)"),
        (["secrets", "list", "a"], "Too many arguments (expected 0, got 1)"),
        (["secrets", "disable", "a", "b", "c"], "Too many arguments (expected 1, got 3)"),
        (["kv", "put"], "Not enough arguments (expected >1, got 0)"),
        (["kv", "put", "secret/a"], "Must supply data"),
        (["read"], "Not enough arguments (expected 1, got 0)"),
        (["delete"], "Not enough arguments (expected at least 1, got 0)"),
        (["operator", "snapshot", "save"], "Not enough arguments (expected 1, got 0)"),
        (["operator", "migrate"], "-to is needed: json, toml or sqlite"),
        (["remount", "status"], "Not enough arguments (expected 1, got 0)"),
    ],
)
def test_a_wrong_number_of_words_is_exit_code_1(here, args, message):
    """How many words are wanted, and how many there were, is said in one line."""
    assert (1, "", message + "\n") == here(*args)


@pytest.mark.parametrize("args", [[], ["nosuch"], ["Secrets", "list"], ["-nosuch"], ["--"]])
def test_no_command_is_exit_code_127(fresh, args):
    """Without a command that there is, the usage goes to stderr."""
    ran = fresh(*args)
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (127, "", "Usage: vaultctl <command> [args]")


@pytest.mark.parametrize("args", [["secrets"], ["secrets", "nosuch"], ["secrets", "help"], ["kv", "-x", "get"]])
def test_a_group_without_its_command_is_exit_code_1(fresh, args):
    """Without a command of the group, the group's usage goes to stderr."""
    ran = fresh(*args)
    assert (1, "", f"Usage: vaultctl {args[0]} <subcommand> [options] [args]") == (
        ran.code,
        ran.out,
        ran.err.splitlines()[0],
    )


def test_a_flag_in_front_of_the_command_is_exit_code_1(fresh):
    """A flag before the command is said to stand at the wrong place, with the usage of the command."""
    ran = fresh("-format=json", "secrets", "list")
    lines = ran.err.splitlines()
    assert (*ran[:2], lines[0]) == (
        1,
        "",
        "Invalid flags before the subcommand. Put them after it, if they are for it.",
    )
    assert lines[2] == "Usage: vaultctl secrets list [options]"


@pytest.mark.parametrize(
    ("args", "usage"),
    [
        (["-h"], "vaultctl <command> [args]"),
        (["-help"], "vaultctl <command> [args]"),
        (["--help"], "vaultctl <command> [args]"),
        (["secrets", "-h"], "vaultctl secrets <subcommand> [options] [args]"),
        (["secrets", "-h", "enable"], "vaultctl secrets <subcommand> [options] [args]"),
        (["-h", "secrets", "enable"], "vaultctl secrets enable [options] TYPE"),
        (["secrets", "enable", "-h"], "vaultctl secrets enable [options] TYPE"),
        (["secrets", "enable", "kv", "x", "y", "--help"], "vaultctl secrets enable [options] TYPE"),
        (["operator", "snapshot", "save", "-h"], "vaultctl operator snapshot save [options] FILE"),
    ],
)
def test_help_goes_to_stdout(fresh, args, usage):
    """Help that was asked for is no error, and makes no state."""
    ran = fresh(*args)
    assert (0, "", f"Usage: {usage}") == (ran.code, ran.err, ran.out.splitlines()[0])
    assert not fresh.data.exists()


def test_help_behind_two_dashes_is_a_word(here):
    """What stands behind -- asks for no help."""
    assert here("read", "--", "-h")[::2] == (2, "No value found at -h\n")


def test_a_namespace_that_is_not_there_is_refused(here):
    """There is the root namespace only, by whichever of its names."""
    assert here("secrets", "list", "-namespace=root").code == 0
    assert here("secrets", "list", "-ns=/").code == 0
    for flag in (["-namespace=x"], ["-ns=x"], ["-namespace=root", "-ns=x"]):
        assert ((ran := here("secrets", "list", *flag)).code, "namespace not found" in ran.err) == (2, True)


def test_a_namespace_of_the_environment_is_heeded(here):
    """A namespace comes from the environment when no flag names one."""
    assert here("secrets", "list", env={"VAULT_NAMESPACE": "x"}).code == 2
    assert here("secrets", "list", env={"VAULT_NAMESPACE": "x", "BAO_NAMESPACE": ""}).code == 0
    assert here("secrets", "list", "-ns=root", env={"VAULT_NAMESPACE": "x"}).code == 0
