"""Bad input of every kind, given to every command: a clear error, the right exit code, and never a sign of a bug."""

import json
import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.program import Here, Program, Ran
from support.soak import times

LONG = "a" * 5_000
STRANGE = [
    LONG,
    "a/" * 2_500,
    "../../etc/passwd",
    "..",
    ".",
    "/",
    "//",
    "a//b",
    "./a",
    "",
    " ",
    "é☃/日本",
    "a\tb",
    "a\nb",
    "\x1b[31mred",
    "a\u200bb",
    "%2e%2e",
    "a?b=c",
    "a#b",
    "*",
    "$(id)",
    "'\"",
    "\\",
    "-",
    "sys",
    "sys/",
    "sys/mounts",
    "cubbyhole/x",
    "identity/x",
    "auth/token/create",
    "audit",
    "secret",
    "secret/",
    "secret/data",
    "secret/data/",
    "secret/metadata/../data/x",
]
"""Words that are paths, and that nobody would choose."""

WITH_A_PATH = [
    ["secrets", "enable", "-path={}", "kv"],
    ["secrets", "enable", "{}"],
    ["secrets", "enable", "-description={}", "-path=x", "kv"],
    ["secrets", "disable", "{}"],
    ["secrets", "tune", "{}"],
    ["secrets", "tune", "-description={}", "secret"],
    ["secrets", "tune", "-options={}", "secret"],
    ["secrets", "tune", "-default-lease-ttl={}", "secret"],
    ["secrets", "tune", "-version={}", "secret"],
    ["secrets", "tune", "-plugin-version={}", "secret"],
    ["secrets", "tune", "-listing-visibility={}", "secret"],
    ["secrets", "move", "{}", "new"],
    ["secrets", "move", "secret", "{}"],
    ["secrets", "move", "-timeout={}", "secret", "new"],
    ["secrets", "list", "-format={}"],
    ["secrets", "list", "-namespace={}"],
    ["remount", "status", "{}"],
    ["remount", "list", "-format={}"],
    ["kv", "put", "{}", "k=v"],
    ["kv", "put", "secret/a", "{}"],
    ["kv", "put", "secret/a", "{}=v"],
    ["kv", "put", "secret/a", "k=@{}"],
    ["kv", "put", "secret/a", "@{}"],
    ["kv", "put", "-mount={}", "a", "k=v"],
    ["kv", "put", "-cas={}", "secret/a", "k=v"],
    ["kv", "get", "{}"],
    ["kv", "get", "-field={}", "secret/a"],
    ["kv", "get", "-version={}", "secret/a"],
    ["kv", "get", "-mount={}", "a"],
    ["kv", "list", "{}"],
    ["kv", "delete", "{}"],
    ["read", "{}"],
    ["read", "secret/data/a", "{}"],
    ["read", "-field={}", "secret/data/a"],
    ["write", "{}", "k=v"],
    ["write", "-f", "{}"],
    ["write", "secret/data/a", "data={}"],
    ["write", "sys/remount", "from={}", "to=x"],
    ["list", "{}"],
    ["delete", "{}"],
    ["path-help", "{}"],
    ["status", "-field={}"],
    ["status", "-format={}"],
    ["operator", "migrate", "-to={}"],
    ["operator", "snapshot", "restore", "{}"],
    ["operator", "snapshot", "restore", "-force={}", "nosuch"],
    ["print", "{}"],
    ["{}"],
    ["secrets", "{}"],
]
"""Every command with a word to fill in."""


def check(ran: Ran) -> None:
    """Hold a run to what bad input may lead to."""
    assert ran.code in (0, 1, 2, 127)
    assert "Traceback" not in ran.err
    assert "bug in vaultctl" not in ran.err
    if ran.code in (1, 127):
        assert (ran.err != "", ran.out) == (True, "")


@pytest.mark.parametrize("args", WITH_A_PATH, ids=" ".join)
def test_strange_words_are_refused_or_done(here, args):
    """A strange word is refused clearly, or is a word like any other."""
    for word in STRANGE:
        check(here(*(arg.replace("{}", word) for arg in args), "-lock-timeout=5s"))
    assert here("operator", "check").code == 0


@pytest.mark.parametrize("args", WITH_A_PATH, ids=" ".join)
def test_bytes_that_are_no_text_are_refused(here, args):
    """An argument that is not UTF-8 is said not to be, with exit code 1."""
    words = [arg.replace("{}", "a\udcffb") for arg in args]
    assert here(*words) == (1, "", "an argument is not valid UTF-8\n")


def test_bytes_that_are_no_text_are_refused_by_the_program(vaultctl):
    """The program itself, given such bytes, says so too."""
    ran = vaultctl("kv", "put", b"secret/\xff", "k=v")
    assert (ran.code, ran.err) == (1, "an argument is not valid UTF-8\n")


@pytest.mark.parametrize(
    "name", ["VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_FORMAT", "VAULTCTL_STORAGE", "VAULTCTL_SEAL_KEY"]
)
def test_a_variable_that_is_no_text_is_survived(vaultctl, name):
    """A variable may hold any bytes, and leads to no sign of a bug."""
    vaultctl("secrets", "list")
    env = {os.fsencode(key): os.fsencode(value) for key, value in vaultctl.env.items()}
    done = subprocess.run(
        vaultctl.argv("secrets", "list"), check=False, capture_output=True, env={**env, name.encode(): b"\xff\xfe"}
    )
    check(Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")))


@pytest.mark.parametrize("coerced", ["0", "1"])
def test_words_are_utf_8_whatever_the_locale_says(vaultctl, coerced):
    """Under a locale of another encoding words and names of files are taken for the UTF-8 that they are."""
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": coerced, "PYTHONUTF8": coerced}
    (vaultctl.home / "f☃").write_text("xé")
    assert vaultctl("kv", "put", "secret/é", "k=☃", "f=@f☃", env=env).code == 0
    assert vaultctl("operator", "snapshot", "save", "s☃", env=env).code == 0
    assert (vaultctl.home / "s☃").exists()
    assert vaultctl("kv", "get", "-field=data", "secret/é").out == "map[f:xé k:☃]"


def test_a_locale_without_unicode_is_survived(vaultctl):
    """Under the C locale, Unicode goes in and comes out as it is."""
    env = {"LC_ALL": "C"}
    assert vaultctl("kv", "put", "secret/é", "k=☃", env=env).code == 0
    assert vaultctl("kv", "get", "-field=k", "secret/é", env=env).out == "☃"


JSON = [
    5,
    -1,
    1.5,
    True,
    None,
    "",
    "x",
    "\0",
    "\ud800",
    [],
    ["a"],
    [["a"]],
    {},
    {"a": 1},
    {"a": {"b": []}},
    10**30,
    1e300,
]
"""Values of every type."""

FIELDS = {
    "sys/mounts/x": ["type", "description", "config", "options", "local", "seal_wrap", "plugin_name"],
    "sys/mounts/secret/tune": ["default_lease_ttl", "options", "description", "listing_visibility", "token_type"],
    "sys/remount": ["from", "to"],
    "secret/data/a": ["data", "options"],
}


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, fields in FIELDS.items() for field in fields])
def test_wrong_types_are_refused_or_converted(here, path, field):
    """A field of the wrong type is refused clearly, or taken for what it can be."""
    for value in JSON:
        body = {"type": "kv", "data": {}, "from": "nosuch", "to": "x", field: value}
        check(here("write", path, "-", stdin=json.dumps(body).encode()))
    assert here("operator", "check").code == 0


@pytest.mark.parametrize("field", ["max_lease_ttl", "force_no_cache", "listing_visibility", "plugin_version"])
def test_wrong_types_in_a_config_are_refused_or_converted(here, field):
    """A setting of the wrong type is refused clearly, or taken for what it can be."""
    for value in JSON:
        body = {"type": "kv", "config": {field: value}}
        check(here("write", "sys/mounts/x", "-", stdin=json.dumps(body).encode()))


@pytest.mark.parametrize("cas", [*JSON, "1", "-1", 2**63, -(2**63) - 1], ids=repr)
def test_a_wrong_cas_is_refused_or_converted(here, cas):
    """A check-and-set that is no number is refused clearly."""
    body = {"data": {"k": "v"}, "options": {"cas": cas}}
    check(here("write", "secret/data/a", "-", stdin=json.dumps(body).encode()))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"a": NaN}',
        b'{"a": 1} x',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"\0",
        b"{" * 10_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"\\u0000": "\\u0000"}',
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.parametrize("args", [["kv", "put", "secret/a"], ["write", "secret/data/a"]], ids=" ".join)
def test_odd_json_is_refused_or_kept(here, args, text):
    """JSON on stdin or in a file that is odd is refused, or comes out again."""
    check(here(*args, "-", stdin=text))
    (here.home / "f").write_bytes(text)
    check(here(*args, "@f"))
    for fmt in ("table", "json", "yaml"):
        check(here("kv", "get", f"-format={fmt}", "secret/a"))
    assert here("operator", "check").code == 0


@pytest.mark.parametrize("size", [1 << 20, 8 << 20], ids=["1 MiB", "8 MiB"])
def test_a_large_value_is_kept(here, size):
    """A large value goes in and comes out."""
    assert here("kv", "put", "secret/a", "k=-", stdin=b"x" * size).code == 0
    assert len(here("kv", "get", "-field=k", "secret/a").out) == size


@pytest.mark.parametrize("word", ["k=-", "-"])
def test_too_large_a_value_is_refused(here, word):
    """More than 32 MiB on stdin is refused with exit code 1."""
    ran = here("kv", "put", "secret/a", word, stdin=b" " * ((32 << 20) + 1))
    assert (ran.code, "stdin holds more than 33554432 bytes" in ran.err) == (1, True)


@pytest.mark.parametrize("args", [["kv", "put", "secret/a", "k=@f"], ["kv", "put", "secret/a", "@f"]], ids=" ".join)
def test_a_file_that_may_not_be_read_is_refused(here, args):
    """A file that cannot be opened as one is named."""
    os.mkfifo(here.home / "pipe")
    (here.home / "f").symlink_to("f")
    ran = here(*args)
    assert (ran.code, "too many levels of symbolic links" in ran.err) == (1, True)


KNOWN = """
    secrets enable list tune move disable kv put get delete read write remount status operator check print token
    path-help version secret/a secret k=v sys/mounts -format=json -path -path=x -field=k -version -version=1 -- - -h
    -nosuch -local -f -force -ns= -options=a=b -detailed -to=toml @f k=@f k=-
"""
WORDS = st.one_of(st.sampled_from(KNOWN.split()), st.text(max_size=20))


@settings(max_examples=times(150, 5000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(args=st.lists(WORDS, max_size=7), stdin=st.binary(max_size=30))
def test_any_words_end_in_an_exit_code(here: Here, args, stdin):
    """Whatever the words are, a run ends with a known exit code and no sign of a bug."""
    check(here(*args, stdin=stdin))


@settings(max_examples=times(150, 5000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.dictionaries(
        st.text(max_size=10),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=10),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_data_comes_out_as_it_went_in(here: Here, data):
    """Whatever JSON is stored is read again, and is shown in every format."""
    assert here("kv", "put", "secret/a", "-", stdin=json.dumps(data).encode()).code == 0
    assert json.loads(here("kv", "get", "-format=json", "secret/a").out)["data"]["data"] == data
    for fmt in ("table", "yaml"):
        assert here("kv", "get", f"-format={fmt}", "secret/a").code == 0


def test_a_deep_home_is_no_obstacle(tmp_path):
    """A data folder whose path is too long for the system is refused with a hint."""
    program = Program(tmp_path)
    ran = program("secrets", "list", env={"VAULTCTL_DATA_DIR": str(tmp_path / ("a" * 300))})
    assert (ran.code, "file name too long" in ran.err) == (2, True)


@pytest.mark.parametrize("value", ["9" * 400, "9" * 5000, "9" * 400 + "d"])
def test_an_endless_duration_is_refused(here, value):
    """A duration of hundreds of digits is a wrong flag, and no bug."""
    ran = here("secrets", "tune", f"-max-lease-ttl={value}", "secret")
    assert (ran.code, "invalid value" in ran.err) == (1, True)


def test_a_number_beyond_all_floats_is_refused(here, tmp_path):
    """A number that would come back as Infinity, which is no JSON, is not taken."""
    path = tmp_path / "n.json"
    path.write_text('{"a": 1e999}')
    assert here("kv", "put", "secret/n", f"@{path}").code == 1
