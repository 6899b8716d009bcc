"""The threat model names a test for each claim: those tests are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[\w/.]+?\.py)(?:::(\w+))?`", (ROOT / "docs" / "threat-model.md").read_text())


def test_it_names_tests():
    """There are claims, and each table has tests."""
    assert len(NAMED) > 20


@pytest.mark.parametrize(("path", "function"), NAMED)
def test_a_named_test_is_there(path, function):
    """A test that was renamed takes its claim along, or the claim goes."""
    assert f"def {function}" in (ROOT / path).read_text()
