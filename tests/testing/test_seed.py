"""What a vault holds by a seed, and what is said of a seed that is no good."""

import json

import pytest

from vaultctl.testing import SeedError, Vault

TOML = """\
[mounts.apps]
type = "kv-v2"
description = "secrets of applications"
config = { max_lease_ttl = "24h" }

[mounts."old/team"]
type = "kv"

[secrets."apps/web/db"]
user = "app"
ports = [5432, 5433]

[secrets."old/team/key"]
value = "v"

[secrets."secret/first"]
k = "v"

[[writes]]
path = "apps/metadata/web/db"
data = { custom_metadata = { owner = "web" } }

[[writes]]
path = "sys/remount"
data = { from = "old/team", to = "crew" }
"""

AS_A_DICT = {
    "mounts": {
        "apps": {"type": "kv-v2", "description": "secrets of applications", "config": {"max_lease_ttl": "24h"}},
        "old/team": {"type": "kv"},
    },
    "secrets": {
        "apps/web/db": {"user": "app", "ports": [5432, 5433]},
        "old/team/key": {"value": "v"},
        "secret/first": {"k": "v"},
    },
    "writes": [
        {"path": "apps/metadata/web/db", "data": {"custom_metadata": {"owner": "web"}}},
        {"path": "sys/remount", "data": {"from": "old/team", "to": "crew"}},
    ],
}


@pytest.fixture(params=["toml", "json", "dict"])
def seed(request, tmp_path):
    """The same seed in each of its forms."""
    if request.param == "dict":
        return AS_A_DICT
    path = tmp_path / f"seed.{request.param}"
    path.write_text(TOML if request.param == "toml" else json.dumps(AS_A_DICT))
    return path


def test_a_seed_is_brought_in(seed, vault_factory):
    """Mounts, secrets and further writes are there, in whatever form the seed is."""
    vault = vault_factory(seed)
    mounts = vault.read("sys/mounts")
    assert (mounts["apps/"]["description"], mounts["apps/"]["config"]["max_lease_ttl"]) == (
        "secrets of applications",
        86400,
    )
    assert vault.kv_get("apps/web/db") == {"user": "app", "ports": [5432, 5433]}
    assert vault.read("apps/metadata/web/db")["custom_metadata"] == {"owner": "web"}
    assert "old/team/" not in mounts
    assert (vault.kv_get("crew/key"), vault.kv_get("secret/first")) == ({"value": "v"}, {"k": "v"})
    assert vault.requests == []


def test_a_mount_that_is_there_is_replaced(vault_factory):
    """A seed says what `secret/` is, and a later seed has the last word."""
    first = {"mounts": {"secret": {"type": "kv"}}, "secrets": {"secret/a": {"k": "v"}}}
    vault = vault_factory(first)
    assert vault.read("secret/a") == {"k": "v"}
    vault = vault_factory(first, {"mounts": {"secret/": {"type": "kv-v2"}}})
    assert (vault.kv_get("secret/a"), vault.read("sys/mounts/secret")["options"]) == (None, {"version": "2"})


def test_numbers_keep_their_spelling(tmp_path, vault_factory):
    """A number of a JSON seed is stored as it is spelt."""
    path = tmp_path / "seed.json"
    path.write_text('{"secrets": {"secret/a": {"n": 1.10}}}')
    assert json.dumps(vault_factory(path).kv_get("secret/a")["n"].text) == '"1.10"'


WRONG = {
    "unknown table": ({"secret": {}}, "seed: secret: there is no such key: it is one of mounts, secrets, writes"),
    "no table": ({"secrets": []}, "seed: secrets: it is a list, and must be a table"),
    "no secret": ({"secrets": {"secret/a": "hidden"}}, 'seed: secrets."secret/a": it is a text, and must be a table'),
    "no type": ({"mounts": {"a": {}}}, 'seed: mounts."a": it has no type'),
    "unknown key": ({"mounts": {"a": {"typ": "kv"}}}, 'seed: mounts."a".typ: there is no such key: it is one of type,'),
    "unknown type": ({"mounts": {"a": {"type": "x"}}}, 'seed: mounts."a": plugin not found in the catalog: x'),
    "no mount": ({"secrets": {"a/b": {"k": "v"}}}, 'seed: secrets."a/b": there is no mount for that path'),
    "no list": ({"writes": {}}, "seed: writes: it is a table, and must be a list"),
    "no path": ({"writes": [{"data": {}}]}, "seed: writes[0].path: it must be the path to write to"),
    "no data": ({"writes": [{"path": "a", "data": 5}]}, "seed: writes[0].data: it is a number, and must be a table"),
    "refused": ({"writes": [{"path": "nope/x"}]}, 'seed: writes[0]: no handler for route "nope/x"'),
    "beyond JSON": (
        {"secrets": {"secret/a": {"k": [b"hidden"]}}},
        'seed: secrets."secret/a".k[0]: it is a value of type bytes, which JSON does not have: write it as text',
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    """An error names the key and what is wrong there, and shows no value."""
    seed, text = WRONG[name]
    with pytest.raises(SeedError) as caught:
        Vault(seed)
    assert str(caught.value).startswith(text)
    assert "hidden" not in str(caught.value)


FILES = {
    "seed.toml": ("[secrets.x\nk = 'hidden'", "it is no TOML: line 1, column 11"),
    "date.toml": (
        "[secrets.'secret/a']\nk = 2026-01-01",
        'secrets."secret/a".k: it is a value of type date, which JSON does not',
    ),
    "seed.json": ('{"secrets": hidden}', "it is no JSON: line 1, column 13"),
    "list.json": ("[]", "it is a list, and must be a table"),
    "seed.yaml": ("secrets: {}", "a seed is a file that ends in .toml or .json"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_seed_is_named(name, tmp_path):
    """An error names the file and the place in it, and shows nothing of what stands there."""
    text, why = FILES[name]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SeedError) as caught:
        Vault(path)
    assert str(caught.value).startswith(f"{path}: {why}")
    assert "hidden" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """A seed that cannot be read says so; one that is no text too."""
    with pytest.raises(SeedError, match=r"none\.toml: cannot be read: no such file"):
        Vault("none.toml", folder=tmp_path)
    (tmp_path / "seed.toml").write_bytes(b"\xff")
    with pytest.raises(SeedError, match="it is not UTF-8"):
        Vault("seed.toml", folder=tmp_path)


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (5, "seed: it is a number, and must be a file's name or a mapping"),
        (None, "seed: it is null"),
        (["a.toml"], "seed: it is a list"),
        ({"secrets": {"secret/a": {"k": float("nan")}}}, 'secrets."secret/a".k: it is nan'),
        ({"secrets": {"secret/a": {"k": [float("-inf")]}}}, 'secrets."secret/a".k[0]: it is -inf'),
        ({"secrets": {"secret/a": {1: "v"}}}, 'secrets."secret/a": its key 1 is a number'),
        ({"secrets": {"secret/a": {"k": {None: "v"}}}}, 'secrets."secret/a".k: its key None is null'),
        ({"secrets": {5: {"k": "v"}}}, "secrets: its key 5 is a number"),
        ({"mounts": {"a/../b": {"type": "kv"}}}, 'mounts."a/../b": it is no path of a mount'),
        ({"mounts": {"a//b": {"type": "kv"}}}, 'mounts."a//b": it is no path of a mount'),
        ({"mounts": {"..": {"type": "kv"}}}, 'mounts."..": it is no path of a mount'),
        ({5: {}}, "5: there is no such key"),
    ],
)
def test_what_no_seed_can_say_is_told_by_its_key(seed, told):
    """What is no seed, no JSON or no path is an error with its place."""
    with pytest.raises(SeedError) as caught:
        Vault(seed)
    assert told in str(caught.value)


def test_a_number_that_json_lacks_is_told_with_its_file(tmp_path):
    """TOML has nan, and what is said of it names the file."""
    (tmp_path / "s.toml").write_text('[secrets."secret/a"]\nk = nan\n')
    with pytest.raises(SeedError, match=r's\.toml: secrets\."secret/a"\.k: it is nan'):
        Vault(tmp_path / "s.toml")
