"""How many of the recorded cases are due, and how many of those are identical."""

from support.conformance import LISTED, command_line, http, identical_share


def test_at_least_95_percent_of_what_is_due_is_identical():
    """Of the cases that need only what this version has built, at most one in twenty has a step that is different."""
    assert identical_share() >= 0.95, (http().different(), command_line().different())


def test_each_difference_is_in_a_recorded_step():
    """No difference names a case or a step that is not there."""
    steps = {name: range(len(case["steps"])) for name, case in {**http().cases, **command_line().cases}.items()}
    listed = {(name, number) for name, numbers in LISTED.steps.items() for number in numbers}
    assert {(name, number) for name, number in listed if number not in steps.get(name, ())} == set()
