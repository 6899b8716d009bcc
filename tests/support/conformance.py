"""How much of what was recorded from OpenBao is due, and how much of that is identical.

A case is counted as identical if nothing in it is listed as different. That each listed step does differ, and that no
other one does, is what the tests of the cases hold.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from support import due
from support.differences import Listed
from support.transcripts import FOLDER, Case, command_line_cases, http_cases, wire_cases

LISTED = Listed(FOLDER / "differences.json")


class Door(NamedTuple):
    """What was recorded at one door: its cases, what their steps need, and what they wait for."""

    name: str
    cases: dict[str, Case]
    needs: dict[str, list[set[str]]]
    waits: dict[str, set[str]]
    built: frozenset[str] = due.IN_PROCESS

    def due(self) -> list[str]:
        """Give the cases that need only what this version has built."""
        return [name for name, waits in self.waits.items() if not waits]

    def different(self) -> list[str]:
        """Give the due cases that a named difference touches."""
        return [name for name in self.due() if name in LISTED.steps]

    def asked(self) -> dict[str, list[int]]:
        """Give every case that can be asked in whole or in part, and the steps that can."""
        asked = {
            name: list(due.askable(case["steps"], self.needs[name], self.built)) for name, case in self.cases.items()
        }
        return {name: numbers for name, numbers in asked.items() if numbers}


@cache
def http() -> Door:
    """Give what was asked over HTTP."""
    return _door("HTTP, in this process", http_cases(), due.http_needs)


@cache
def socket() -> Door:
    """Give what was asked over HTTP, to be asked over HTTP."""
    return _door("HTTP, over a socket", wire_cases(), due.http_needs, due.BUILT)


@cache
def command_line() -> Door:
    """Give what was asked by command line."""
    return _door("command line", command_line_cases(), due.command_line_needs)


def _door(
    name: str,
    cases: dict[str, Case],
    needs_of: Callable[[Case], list[set[str]]],
    built: frozenset[str] = due.IN_PROCESS,
) -> Door:
    needs = {case: needs_of(cases[case]) for case in cases}
    waits = {case: due.waits_for(cases[case]["steps"], needs[case], built) for case in cases}
    return Door(name, cases, needs, waits, built)


def identical_share(*doors: Door) -> float:
    """Tell how much of what is due is identical, of these doors together, or of all."""
    doors = doors or (http(), socket(), command_line())
    all_due = sum(len(door.due()) for door in doors)
    return 1 - sum(len(door.different()) for door in doors) / all_due


def summary(failed: set[str]) -> list[str]:
    """Say what was counted, for the end of a run in which the tests of these cases failed."""
    lines = []
    for door in (http(), socket(), command_line()):
        counted, different = door.due(), set(door.different())
        wrong = failed & set(counted)
        identical = len(counted) - len(different | wrong)
        lines.append(
            f"{door.name}: {len(counted)} of {len(door.cases)} cases are due, {identical} of them identical,"
            f" {len(different - wrong)} different by name, {len(wrong)} failed"
        )
        in_part = door.asked().keys() - set(counted)
        if in_part and door is http():
            lines.append(f"  {len(in_part)} more are asked as far as they can be")
            lines.append(f"  {_with_more(door)} of the due have an answer that `stored-moves` adds fields to")
    lines.append(f"identical: {identical_share():.1%} of what is due")
    lines.append("different by name: " + _counted(name for name in LISTED.by_name for _ in _due_with(name)))
    waits = [waits for door in (socket(), command_line()) for waits in door.waits.values() if waits]
    lines.append("not due, by what a case waits for: " + _counted(feature for each in waits for feature in each))
    return lines


def _with_more(door: Door) -> int:
    answers = [[step["expect"].get("data") or {} for step in door.cases[name]["steps"]] for name in door.due()]
    return sum(any("migration_info" in data for data in case) for case in answers)


def _due_with(name: str) -> set[str]:
    return LISTED.by_name[name].keys() & {*http().due(), *socket().due(), *command_line().due()}


def _counted(names) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common()) or "none"
