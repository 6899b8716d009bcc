"""Each deliberate difference has its reason in `docs/differences.md`, and a name by which the tests refer to it."""

from pathlib import Path

from support import server_lines
from support.conformance import LISTED
from support.differences import Listed, cells, documented, is_name, unknown
from support.remote_lines import SCRIPTS as REMOTE_SCRIPTS
from support.same_lines import SCRIPTS

_CONTRACT = Path(__file__).parents[1] / "contract" / "differences.json"


def test_names_are_unique():
    """No two rows have one name."""
    assert unknown(set(documented())) == set()


def test_each_row_has_a_name():
    """Every row of a table in the document begins with a name."""
    assert [cell for cell in cells() if not is_name(cell)] == []


def test_the_contract_names_what_is_documented():
    """Every difference of the contract's cases is in the document."""
    assert unknown(set(Listed(_CONTRACT).by_name)) == set()


def test_the_transcripts_name_what_is_documented():
    """Every difference of the transcripts is in the document."""
    assert unknown(set(LISTED.by_name)) == set()


def test_the_command_lines_name_what_is_documented():
    """Every difference of the command lines that both programs, or both servers, are given is in the document."""
    scripts = [*SCRIPTS.values(), *REMOTE_SCRIPTS.values(), *server_lines.SCRIPTS.values()]
    assert unknown({line.different for lines in scripts for line in lines} - {""}) == set()
