"""What `bao` printed, asked of the program in this process, as far as this version is built."""

import pytest
from support.command_lines import replay
from support.conformance import LISTED, command_line

_CASES = command_line().cases


@pytest.mark.parametrize("name", command_line().due())
def test_the_program_prints_what_bao_did(name, here, record_property, request):
    """Exit code, stdout and stderr of each command line are those of bao, but for those with a named difference."""
    record_property("transcript", name)
    is_remote = _CASES[name].get("remote_only")
    server = {**request.getfixturevalue("bao").env, "HOME": str(here.home)} if is_remote else {}
    expected, came = [], []
    for number, (step, wanted, printed) in enumerate(replay(here, _CASES[name], server)):
        is_different = LISTED.is_different(name, number)
        expected.append((number, step["argv"], "something else" if is_different else wanted))
        came.append((number, step["argv"], "something else" if is_different and wanted != printed else printed))
    assert expected == came
