"""YAML: what is printed is read back as what it was."""

import json
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soak import times

from vaultctl.cli import yaml_text

ODD = st.text(alphabet="\n\t \r\0\x85\u2028\u2029\ufeff.-:#~=<a0e_'\"|>&*!?{[,")
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | ODD
SCALARS = TEXT | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


@settings(max_examples=times(400, 50000), deadline=None)
@given(value=VALUES)
def test_what_is_written_is_read_again(value):
    """Whatever texts and keys hold, a reader of YAML gets the same value."""
    assert yaml.safe_load(yaml_text.dumps(value)) == value


@pytest.mark.parametrize(
    "text", ["...", "a\n...\n", "a\n...", "...\n", "---", "a\x85b", "a\u2028b\n", "\u2029", "=", "<<"]
)
@pytest.mark.parametrize("flags", [["-field=k"], []], ids=["field", "secret"])
def test_a_text_like_the_syntax_is_kept(here, text, flags):
    """A text that looks like the end of a document, or breaks lines in other ways, is kept whole."""
    here("kv", "put", "secret/a", "k=-", stdin=text.encode())
    read = yaml.safe_load(here("kv", "get", "-format=yaml", *flags, "secret/a").out)
    assert (read if flags else read["data"]["data"]["k"]) == text


@pytest.mark.parametrize(
    "text", ["1e5", "1E5", "0o14", "08", "1e+5", "1.0e5", "1.5", "014", "0x1f", "yes", "n", "", "null"]
)
def test_a_text_like_another_value_is_quoted_as_in_bao(here, bao, text):
    """A text that some reader would take for a number or a boolean is in double quotes, as bao has it."""
    for program in (bao.run, here):
        program("kv", "put", "secret/a", f"k={text}")
    ran = here("kv", "get", "-format=yaml", "-field=k", "secret/a")
    assert ran == bao.run("kv", "get", "-format=yaml", "-field=k", "secret/a")


def test_line_separators_are_escaped_in_json_as_in_bao(here, bao):
    """U+2028 and U+2029 are escaped in JSON, since they end a line of JavaScript."""
    for program in (bao.run, here):
        program("kv", "put", "secret/a", "k=a\u2028b\u2029c")
    ran = here("kv", "get", "-format=json", "-field=k", "secret/a")
    assert ran == bao.run("kv", "get", "-format=json", "-field=k", "secret/a")


@pytest.mark.parametrize("fmt", ["table", "json", "yaml"])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"b": ', "}")], ids=["lists", "maps"])
def test_the_deepest_data_that_is_taken_is_shown(vaultctl, fmt, opening, closing):
    """What is not too deep to be stored is not too deep to be shown."""
    text = '{"a": ' + opening * 298 + "1.10" + closing * 298 + "}"
    assert vaultctl("kv", "put", "secret/a", "-", stdin=text.encode()).code == 0
    ran = vaultctl("kv", "get", f"-format={fmt}", "secret/a")
    assert (ran.code, ran.err, "1.10" in ran.out) == (0, "", True)
    if fmt == "json":
        assert json.loads(ran.out)["data"]["data"] == json.loads(text)


PROGRAM = """\
import sys
from vaultctl.cli import main
sys.setrecursionlimit(400)
sys.exit(main.run(["kv", "get", "secret/a"]))
"""


def test_data_too_deep_to_be_shown_is_said_to_be(vaultctl):
    """Where Python's own limit is met, that is an error with its reason, and no bug."""
    text = '{"a": ' + "[" * 298 + "]" * 298 + "}"
    assert vaultctl("kv", "put", "secret/a", "-", stdin=text.encode()).code == 0
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, env=vaultctl.env
    )
    assert (done.returncode, done.stderr) == (2, "Error: the data is nested too deeply to be shown\n")


def test_keys_are_sorted_by_their_numbers_as_in_bao(here, bao):
    """The versions of a secret come in the order in which people count."""
    for number in range(11):
        for program in (here, bao.run):
            program("kv", "put", "secret/counted", f"n={number}")
    ours, theirs = (
        [line.strip() for line in ran.out.splitlines() if line.strip().strip('":').isdecimal()]
        for program in (here, bao.run)
        for ran in [program("kv", "metadata", "get", "-format=yaml", "secret/counted")]
    )
    assert (ours, len(ours)) == (theirs, 10)
