"""The words that carry data: `k=v`, `k=@file`, `k=-`, `@file.json` and `-`."""

import json
import subprocess

import pytest


@pytest.fixture
def stored(here):
    """Store what the words say, and give what was stored."""

    def store(*words, stdin=b""):
        assert here("kv", "put", "secret/a", *words, stdin=stdin).code == 0
        return json.loads(here("kv", "get", "-format=json", "secret/a").out)["data"]["data"]

    return store


@pytest.fixture
def refused(here):
    """Have the words refused, and give the reason."""

    def refuse(*words, stdin=b""):
        ran = here("kv", "put", "secret/a", *words, stdin=stdin)
        assert ran[:2] == (1, "")
        return ran.err.removeprefix("Failed to parse K=V data: ").rstrip("\n")

    return refuse


def test_a_pair_is_text(stored):
    """The value is the text behind the first equals sign, whatever it looks like."""
    expected = {"a": "1", "b": "true", "c": "", "d": "x=y", "": "z", "e": "two words"}
    assert expected == stored("a=1", "b=true", "c=", "d=x=y", "=z", "e=two words")


def test_a_value_may_come_from_a_file(stored, here):
    """The text of a file is taken with its newline."""
    (here.home / "f").write_text("line\n")
    assert stored("a=@f") == {"a": "line\n"}


def test_a_value_may_come_from_stdin(stored):
    """The text of stdin is taken with its newline."""
    assert stored("a=-", stdin=b"line\n") == {"a": "line\n"}


def test_an_at_sign_may_be_meant(stored):
    """A backslash keeps an at sign, and nothing else."""
    assert stored("a=\\@x", "b=\\-", "c=x@y") == {"a": "@x", "b": "\\-", "c": "x@y"}


def test_a_file_of_json_has_all_keys(stored, here):
    """An object in a file is merged in with the types that it has."""
    (here.home / "f.json").write_text('{"n": 1, "big": 12345678901234567890, "l": [true, null], "m": {"x": 1.5}}')
    assert stored("@f.json", "k=v") == {
        "n": 1,
        "big": 12345678901234567890,
        "l": [True, None],
        "m": {"x": 1.5},
        "k": "v",
    }


def test_stdin_may_be_json(stored):
    """A dash alone is an object on stdin."""
    assert stored("-", stdin=b'{"k": {"x": []}}') == {"k": {"x": []}}


def test_a_repeated_key_makes_a_list(stored):
    """The values of a key that comes again are a list in their order, across sources too."""
    assert stored("a=1", "a=2", "-", stdin=b'{"a": 3}') == {"a": ["1", "2", 3]}


def test_stdin_is_had_once(refused):
    """Two words cannot both take stdin."""
    assert refused("a=-", "b=-", stdin=b"x") == 'invalid key/value pair "b=-": stdin already consumed'


def test_a_file_that_is_not_there_is_named(refused):
    """The system's reason is given."""
    assert (
        refused("a=@nosuch")
        == 'invalid key/value pair "a=@nosuch": error reading file: open nosuch: no such file or directory'
    )
    assert refused("@nosuch") == 'invalid key/value pair "@nosuch": open nosuch: no such file or directory'


def test_a_folder_is_no_file(refused, here):
    """A folder cannot be read."""
    (here.home / "d").mkdir()
    assert refused("a=@d") == 'invalid key/value pair "a=@d": error reading file: open d: is a directory'


def test_a_word_without_an_equals_sign_is_refused(refused):
    """A word that is no pair is an error, which shows no more than its beginning: it may be a secret."""
    assert refused("novalue") == 'invalid key/value pair "no…": format must be key=value'
    assert refused("hunter2-and-more") == 'invalid key/value pair "hun…": format must be key=value'
    assert refused("x") == 'invalid key/value pair "…": format must be key=value'


def test_a_long_word_is_not_shown_whole(refused):
    """A long word may be a secret that lost its key."""
    assert "hvs.AAAAAAAAAAAAAAAAAAAAAAAA" not in refused("hvs.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize("text", ["", " ", "{", "[1]", '"x"', "nope", "NaN", '{"a": NaN}', "null"])
def test_what_is_no_object_is_refused(refused, text):
    """Only a JSON object can be merged in."""
    assert refused("-", stdin=text.encode()).startswith('invalid key/value pair "-": the data is not ')


def test_what_is_no_text_is_refused(refused, here):
    """Files and stdin are UTF-8."""
    (here.home / "f").write_bytes(b"\xff\xfe")
    assert refused("a=-", stdin=b"\xff") == 'invalid key/value pair "a=-": stdin is not valid UTF-8'
    assert refused("a=@f") == 'invalid key/value pair "a=@f": error reading file: f is not valid UTF-8'


def test_a_nul_in_a_value_is_kept(stored):
    """A value may hold any character."""
    assert stored("a=-", stdin=b"x\0y") == {"a": "x\0y"}


def test_a_megabyte_is_stored(stored):
    """A value of one MiB goes in and comes out."""
    assert stored("a=-", stdin=b"x" * (1 << 20)) == {"a": "x" * (1 << 20)}


def test_more_than_the_limit_is_refused(refused, here):
    """More than 32 MiB are not read."""
    with open(here.home / "f", "wb") as file:
        file.truncate((32 << 20) + 1)
    assert refused("a=@f") == 'invalid key/value pair "a=@f": error reading file: f holds more than 33554432 bytes'


@pytest.mark.parametrize("word", ["k=-", "-"])
def test_a_closed_stdin_is_no_empty_text(vaultctl, word):
    """Where stdin is closed nothing is stored: an empty secret was not what anybody meant."""
    script = 'exec "$@" <&-'
    argv = ["sh", "-c", script, "-", *vaultctl.argv("kv", "put", "secret/a", word)]
    done = subprocess.run(argv, check=False, capture_output=True, env=vaultctl.env, text=True)
    message = f'Failed to parse K=V data: invalid key/value pair "{word}": stdin is closed\n'
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_a_folder_as_stdin_is_an_error(vaultctl, tmp_path):
    """A folder cannot be read as stdin, which Python itself says."""
    script = 'exec "$@" <"$0"'
    argv = ["sh", "-c", script, str(tmp_path), *vaultctl.argv("kv", "put", "secret/a", "k=-")]
    done = subprocess.run(argv, check=False, capture_output=True, env=vaultctl.env, text=True)
    assert (done.returncode, done.stdout, "<stdin> is a directory" in done.stderr) == (1, "", True)


def test_a_stdin_that_cannot_be_read_is_an_error(vaultctl, tmp_path):
    """What stdin says when it is read is told."""
    script = 'exec "$@" 0>"$0/f"'
    argv = ["sh", "-c", script, str(tmp_path), *vaultctl.argv("kv", "put", "secret/a", "k=-")]
    done = subprocess.run(argv, check=False, capture_output=True, env=vaultctl.env, text=True)
    assert (done.returncode, "read stdin: bad file descriptor" in done.stderr) == (1, True)


HEAVY = {
    "maps": '{"a": [' + "{}," * 400_000 + "{}]}",
    "numbers": '{"a": [' + "1," * 1_500_000 + "1]}",
    "texts": '{"a": [' + '"",' * 1_500_000 + '""]}',
    "keys": "{" + '"a":1,' * 1_500_000 + '"a":1}',
    "open": "[" * 500_000,
}


@pytest.mark.parametrize("name", HEAVY)
def test_json_that_takes_much_memory_is_refused(refused, name):
    """JSON of very many values is refused before they are made, in the words of OpenBao."""
    reason = "refused JSON input due to high complexity: exceeded maximum estimated memory limits"
    assert refused("-", stdin=HEAVY[name].encode()) == f'invalid key/value pair "-": {reason}'


def test_a_text_is_not_taken_for_what_it_looks_like(stored):
    """A long text of brackets and commas is one value."""
    text = '[{,"' * 400_000
    assert stored("-", stdin=json.dumps({"a": text}).encode()) == {"a": text}


def test_refusing_heavy_json_takes_little_memory(vaultctl):
    """32 MiB of empty maps, which would take 1.3 GB, are refused within 400 MB of addresses."""
    data = b'{"a": [' + b"{}," * 11_000_000 + b"{}]}"
    limit = f'ulimit -v {400 * 1024}; exec "$@"'
    argv = ["sh", "-c", limit, "-", *vaultctl.argv("kv", "put", "secret/a", "-")]
    done = subprocess.run(argv, check=False, capture_output=True, env=vaultctl.env, input=data)
    assert (done.returncode, b"exceeded maximum estimated memory limits" in done.stderr) == (1, True)


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_json_that_is_nested_too_deeply_is_said_to_be(refused, text):
    """JSON that is nested beyond all reason is refused with that reason."""
    reason = "refused JSON input due to high complexity: it is nested too deeply"
    assert refused("-", stdin=text.encode()) == f'invalid key/value pair "-": {reason}'
