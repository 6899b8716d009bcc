"""`vaultctl policy`: policies from files, and files laid out."""

import json
import os

import pytest

ROUGH = 'path "a" {\ncapabilities=["read"]\nmin_wrapping_ttl=5 # s\n}\n'
SMOOTH = 'path "a" {\n  capabilities     = ["read"]\n  min_wrapping_ttl = 5        # s\n}\n'


@pytest.fixture
def path(here, tmp_path, monkeypatch):
    """A policy's file in the folder where commands are run."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "p.hcl"
    file.write_text(ROUGH)
    return file


def test_a_file_is_stored_as_it_is(here, path):
    """What is read back is what stood in the file."""
    assert here("policy", "write", "P", "p.hcl") == (
        0,
        "Success! Uploaded policy: p\n",
        'Policy name was converted from "P" to "p"\n',
    )
    assert here("policy", "read", "p").out == ROUGH


def test_a_file_is_laid_out_in_its_place(here, path):
    """The file is written again, and a second time changes nothing."""
    assert here("policy", "fmt", "p.hcl") == (0, "Success! Formatted policy: p.hcl\n", "")
    assert path.read_text() == SMOOTH
    assert here("policy", "fmt", "p.hcl").code == 0
    assert path.read_text() == SMOOTH


def test_a_file_that_is_no_policy_is_left_alone(here, path):
    """What cannot be read as a policy is not touched."""
    path.write_text('path "a" {')
    assert here("policy", "fmt", "p.hcl") == (
        1,
        "",
        "failed to parse policy: At 1:12: object expected closing RBRACE got: EOF\n",
    )
    assert path.read_text() == 'path "a" {'


def test_a_policy_that_says_a_thing_twice_is_not_laid_out(here, path):
    """It may be stored, but one of the two would have to go."""
    path.write_text('path "a" { comment = "x" comment = "y" }')
    ran = here("policy", "fmt", "p.hcl")
    assert ran.code == 1
    assert ran.err.startswith('Error printing result: The argument "comment" at 1:26 was already set.')


@pytest.mark.parametrize("name", ["write", "delete", "fmt"])
def test_what_was_done_can_be_had_as_json(here, path, name):
    """Commands for which bao has no -format print one object."""
    args = {"write": ("p", "p.hcl"), "delete": ("p",), "fmt": ("p.hcl",)}[name]
    result = {"write": "uploaded", "delete": "deleted", "fmt": "formatted"}[name]
    assert json.loads(here("policy", name, "-format=json", *args).out)["result"] == result


def test_laying_out_asks_nobody(fresh, tmp_path, monkeypatch):
    """No state is made for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.hcl").write_text(ROUGH)
    before = set(os.listdir(tmp_path))
    assert fresh("policy", "fmt", "p.hcl").code == 0
    assert set(os.listdir(tmp_path)) == before


def test_a_name_is_completed(here, path):
    """The names of policies are known to completion."""
    here("policy", "write", "readers", "p.hcl")
    assert here("__complete", "policy", "read", "re").out.split() == ["readers"]
