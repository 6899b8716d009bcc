"""`-format`, and the variables that stand for it."""

import json

import pytest
import yaml


def kind(text):
    """Tell in which format it is printed."""
    if text.startswith("Path "):
        return "table"
    return "json" if text.startswith("{") else "yaml"


@pytest.mark.parametrize(
    ("flags", "env", "expected"),
    [
        ([], {}, "table"),
        (["-format=json"], {}, "json"),
        (["-format=JSON"], {}, "json"),
        (["-format=yaml"], {}, "yaml"),
        (["-format=yml"], {}, "yaml"),
        ([], {"VAULT_FORMAT": "json"}, "json"),
        ([], {"BAO_FORMAT": "yaml", "VAULT_FORMAT": "json"}, "yaml"),
        ([], {"BAO_FORMAT": "", "VAULT_FORMAT": "json"}, "table"),
        (["-format="], {"BAO_FORMAT": "json"}, "json"),
        (["-format=table"], {"BAO_FORMAT": "json"}, "table"),
        (["-format=json", "-format=yaml"], {}, "yaml"),
    ],
)
def test_a_flag_goes_before_the_variables(here, flags, env, expected):
    """The flag has the last word, then BAO_FORMAT, then VAULT_FORMAT."""
    assert expected == kind(here("secrets", "list", *flags, env=env).out)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bogus", "Invalid output format: bogus"),
        ("raw", "This command does not support the -format=raw option."),
        ("pretty", "Could not parse output: cannot use the pretty formatter for this type"),
    ],
)
def test_a_format_that_does_not_fit_is_exit_code_1(here, name, message):
    """A format that the command does not have is said before anything is asked."""
    assert (1, "", message + "\n") == here("secrets", "list", f"-format={name}")
    assert (1, "", message + "\n") == here("secrets", "list", env={"BAO_FORMAT": name})


@pytest.mark.parametrize("name", ["bogus", "raw", "yml", ""])
@pytest.mark.parametrize(
    "args",
    [
        "secrets list",
        "secrets list -format=json",
        "secrets enable -path=x kv",
        "secrets tune secret",
        "secrets disable nosuch",
        "kv put -field=version secret/a k=v",
        "kv delete secret/a",
        "delete secret/data/a",
        "read -field=type sys/mounts/secret",
        "version",
        "print token",
    ],
)
def test_a_format_of_the_environment_is_checked_as_bao_does(here, bao, args, name):
    """A command that ignores VAULT_FORMAT refuses it all the same where it is no good."""
    theirs, ours = (program(*args.split(), env={"VAULT_FORMAT": name}) for program in (bao.run, here))
    assert ours.code == theirs.code
    if ours.code:
        assert ours == theirs


def test_yaml_holds_what_json_does(here):
    """Both formats have the same data."""
    data = {"y": "y", "n": 1, "t": "true", "l": ["a\nb", "", None, "1"], "snow": "\u2603"}
    here("kv", "put", "secret/a", "-", stdin=json.dumps(data).encode())
    as_json, as_yaml = (here("kv", "get", f"-format={fmt}", "secret/a").out for fmt in ("json", "yaml"))
    assert json.loads(as_json)["data"]["data"] == data
    assert yaml.safe_load(as_yaml)["data"]["data"] == data


def test_yaml_has_sorted_keys(here):
    """YAML has the keys of every map in order."""
    keys = list(yaml.safe_load(here("secrets", "list", "-format=yaml").out)["secret/"])
    assert sorted(keys) == keys


def test_raw_is_for_read_alone(here):
    """A read takes -format=raw, and prints the envelope."""
    assert "request_id" in json.loads(here("read", "-format=raw", "sys/mounts").out)


@pytest.mark.parametrize(
    "args",
    [
        ["secrets", "enable", "kv"],
        ["secrets", "disable", "secret"],
        ["secrets", "tune", "secret"],
        ["secrets", "move", "secret", "b"],
        ["secrets", "list"],
        ["remount", "list"],
        ["kv", "put", "secret/a", "k=v"],
        ["kv", "get", "secret/b"],
        ["kv", "list", "secret"],
        ["kv", "delete", "secret/b"],
        ["read", "sys/mounts"],
        ["list", "secret/metadata"],
        ["status"],
        ["path-help", "sys/mounts"],
        ["operator", "check"],
        ["operator", "snapshot", "save", "snapshot"],
        ["operator", "migrate", "-to=toml"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(("fmt", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_every_command_prints_one_value(here, args, fmt, parse):
    """In JSON and YAML stdout is one value, and nothing is on stderr."""
    here("kv", "put", "secret/b", "k=v")
    ran = here(*args, f"-format={fmt}")
    assert (ran.code, ran.err) == (0, "")
    assert isinstance(parse(ran.out), dict | list)


@pytest.mark.parametrize("args", [["write", "sys/mounts/x", "type=kv"], ["delete", "secret/data/a"]], ids=" ".join)
def test_what_bao_prints_nothing_for_prints_nothing(here, args):
    """As in bao, a write or delete without an answer is silent in JSON."""
    assert here(*args, "-format=json") == (0, "", "")
