"""The words that carry data: `k=v`, `k=@file`, `k=-`, `@file.json` and `-`."""

import json

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
    """A word that is no pair is named."""
    assert refused("x") == 'invalid key/value pair "x": format must be key=value'


def test_a_long_word_is_not_shown_whole(refused):
    """A long word may be a secret that lost its key."""
    assert "hvs.AAAAAAAAAAAAAAAAAAAAAAAA" not in refused("hvs.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize("text", ["", " ", "{", "[1]", '"x"', "nope", "NaN", '{"a": NaN}', "null", "[" * 100_000])
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
