"""Numbers in JSON keep their spelling, from what was typed to what is printed."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soak import times

from vaultctl.logical import json_text

SPELT = '{"a": 1.10, "b": 1E5, "c": -0, "d": 12345678901234567890.5, "e": 1.0, "f": [1e-7, {"g": -0.0}], "n": 7}'
NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?\Z")


@pytest.fixture(params=["secret", "one"], ids=["version 2", "version 1"])
def kept(here, request):
    """The program, with numbers stored in a kv mount of each version, and the mount's path."""
    here("secrets", "enable", "-path=one", "-version=1", "kv")
    assert here("kv", "put", f"{request.param}/a", "-", stdin=SPELT.encode()).code == 0
    return here, request.param


def test_json_shows_numbers_as_they_were_typed(kept):
    """JSON has every number as it was written."""
    program, mount = kept
    printed = program("kv", "get", "-format=json", f"{mount}/a").out
    data = json.loads(printed, parse_float=str, parse_int=str)["data"]
    data = data["data"] if mount == "secret" else data
    assert data == json.loads(SPELT, parse_float=str, parse_int=str)


def test_a_table_shows_numbers_as_they_were_typed(kept):
    """The table has every number as it was written."""
    program, mount = kept
    shown = dict(line.split(maxsplit=1) for line in program("kv", "get", f"{mount}/a").out.splitlines() if " " in line)
    assert (shown["a"], shown["b"], shown["c"], shown["d"]) == ("1.10", "1E5", "-0", "12345678901234567890.5")
    assert (shown["e"], shown["f"], shown["n"]) == ("1.0", "[1e-7 map[g:-0.0]]", "7")


@pytest.mark.parametrize("fmt", ["table", "json"])
def test_a_field_shows_a_number_as_it_was_typed(kept, fmt):
    """A field is the number as it was written."""
    program, mount = kept
    printed = {key: program("kv", "get", f"-format={fmt}", f"-field={key}", f"{mount}/a").out for key in "abcd"}
    expected = {"a": "1.10", "b": "1E5", "c": "-0", "d": "12345678901234567890.5"}
    assert {key: text.rstrip("\n") for key, text in printed.items()} == expected


def test_yaml_shows_numbers_that_are_read_as_numbers(kept):
    """YAML has the digits that were written, and an exponent in the form that every reader knows."""
    program, mount = kept
    printed = program("kv", "get", "-format=yaml", f"{mount}/a").out
    assert "a: 1.10\n" in printed
    assert "b: 1.0E+5\n" in printed
    assert "d: 12345678901234567890.5\n" in printed
    data = yaml.safe_load(printed)["data"]
    data = data["data"] if mount == "secret" else data
    assert data == json.loads(SPELT)


def test_version_1_prints_what_bao_prints(here, bao):
    """On kv version 1 the JSON and the table are those of bao, number by number."""
    for program in (bao.run, here):
        assert program("secrets", "enable", "-path=one", "-version=1", "kv").code == 0
        assert program("kv", "put", "one/a", "-", stdin=SPELT.encode()).code == 0
    for fmt in ("json", "table"):
        for field in "abcdefn":
            args = ("kv", "get", f"-format={fmt}", f"-field={field}", "one/a")
            assert here(*args) == bao.run(*args)


@settings(max_examples=times(200, 20000), deadline=None)
@given(numbers=st.lists(NUMBERS))
def test_any_number_is_written_as_it_was_read(numbers):
    """Whatever the spelling of a number is, it is kept, and its value is the one that Python reads."""
    text = "[" + ", ".join(numbers) + "]"
    value = json_text.loads_within_limits(text)
    assert (json_text.dumps(value), json_text.dumps(json_text.loads(text))) == (text, text)
    assert value == json.loads(text)


@pytest.mark.parametrize("indent", [None, 2])
def test_the_layout_is_that_of_json(indent):
    """Where numbers keep their spelling, all around them is laid out as the json module does it."""
    value = {"a": [1, 2.5, {"b": [], "c": {}}, [[]]], "d\n": 'e"\u2603', "f": None, "g": [True, [3]]}
    plain = json.dumps({**value, "z": [0.5]}, indent=indent, ensure_ascii=False)
    assert json_text.dumps({**value, "z": [json_text.Number("0.5")]}, indent=indent) == plain


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": -float("inf")}])
def test_what_is_no_number_in_json_is_not_written(value):
    """NaN and Infinity are no JSON, and never written."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text.dumps(value)
