"""Any sequence of transactions, by two processes in turn, does what the same sequence does to a dictionary."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.places import KINDS, Place
from support.soak import times
from support.states import make_state, open_state, values

from vaultctl.core.state import State
from vaultctl.core.views import Transaction
from vaultctl.storage.names import children

NAMES = st.sampled_from([f"core/test/{name}" for name in ("a", "a!b", "a/x", "a/ü", 'q"\\\n')])
VALUES = st.binary(max_size=40)


class Machine(RuleBasedStateMachine):
    """One process that holds at most one transaction, and another that looks on, and writes in between."""

    kind: str

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.place = Place(self.kind, self.folder)
        self.committed: dict[str, bytes] = {}
        self.working: dict[str, bytes] = {}
        self.marks: list[tuple[int, dict[str, bytes]]] = []
        self.open = ExitStack()
        self.transaction: Transaction | None = None

    @initialize()
    def make(self) -> None:
        """Make the state, and open it twice."""
        self.mine: State = make_state(self.place.open())
        self.other: State = open_state(self.place.open())

    @precondition(lambda self: self.transaction is None)
    @rule()
    def begin(self) -> None:
        """Open a transaction."""
        self.transaction = self.open.enter_context(self.mine.writer())
        self.working = dict(self.committed)

    @precondition(lambda self: self.transaction)
    @rule(name=NAMES, value=VALUES)
    def put(self, name: str, value: bytes) -> None:
        """Store an entry."""
        self.transaction.put(name, value)
        self.working[name] = value

    @precondition(lambda self: self.transaction)
    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        """Remove an entry, whether it is there or not."""
        self.transaction.delete(name)
        self.working.pop(name, None)

    @precondition(lambda self: self.transaction)
    @rule()
    def mark(self) -> None:
        """Set a savepoint."""
        self.marks.append((self.transaction.mark(), dict(self.working)))

    @precondition(lambda self: self.transaction and self.marks)
    @rule(data=st.data())
    def rollback(self, data) -> None:
        """Go back to a savepoint, which forgets the later ones."""
        index = data.draw(st.integers(0, len(self.marks) - 1))
        mark, self.working = self.marks[index][0], dict(self.marks[index][1])
        del self.marks[index + 1 :]
        self.transaction.rollback(mark)

    @precondition(lambda self: self.transaction)
    @rule(changes=st.lists(st.tuples(NAMES, VALUES | st.none()), min_size=1, max_size=4))
    def try_and_give_up(self, changes: list[tuple[str, bytes | None]]) -> None:
        """Make some changes behind a savepoint, and go back to it, as a request that fails does."""
        mark = self.transaction.mark()
        for name, value in changes:
            self.transaction.delete(name) if value is None else self.transaction.put(name, value)
        self.transaction.rollback(mark)

    @precondition(lambda self: self.transaction)
    @rule()
    def commit(self) -> None:
        """Commit, and end the transaction."""
        self.transaction.commit()
        self.committed = self.working
        self._end()

    @precondition(lambda self: self.transaction)
    @rule()
    def abort(self) -> None:
        """End the transaction without a commit."""
        self._end()

    @precondition(lambda self: self.transaction)
    @rule()
    def rotate_and_commit(self) -> None:
        """Commit under a new keyring term, and end the transaction."""
        self.transaction.commit(rotate_after=0)
        self.committed = self.working
        self._end()

    @precondition(lambda self: self.transaction is None)
    @rule(name=NAMES, value=VALUES)
    def put_by_the_other(self, name: str, value: bytes) -> None:
        """The other process stores an entry."""
        with self.other.writer() as transaction:
            transaction.put(name, value)
            transaction.commit()
        self.committed[name] = value

    @precondition(lambda self: self.transaction is None)
    @rule()
    def reopen(self) -> None:
        """The first process ends, and another one takes its place."""
        self.mine.backend.close()
        self.mine = open_state(self.place.open())

    @rule()
    def reopen_the_other(self) -> None:
        """The second process ends, and another one takes its place."""
        self.other.backend.close()
        self.other = open_state(self.place.open())

    @invariant()
    def the_transaction_reads_what_it_did(self) -> None:
        """Inside, the transaction's own changes are there."""
        if self.transaction:
            found = {name: self.transaction.get(name) for name in self.transaction.below("core/test/")}
            assert found == dict(sorted(self.working.items()))
            assert self.transaction.count_below("core/test/") == len(found)

    @invariant()
    def others_read_what_was_committed(self) -> None:
        """Outside, what was committed is there, in order, and no more."""
        expected = dict(sorted(self.committed.items()))
        for state in (self.mine, self.other):
            assert values(state, "core/test/") == expected
            with state.reader() as view:
                assert view.list("core/test/") == children(_walk(expected), "core/test/", "", None)
                assert view.count_below("core/test/") == len(expected)

    def teardown(self) -> None:
        """End what is open, audit what is left, and remove it."""
        self._end()
        with self.other.backend.reader() as snapshot:
            assert snapshot.audit(self.other.keys_of(snapshot).barrier) == []
        self.mine.backend.close()
        self.other.backend.close()
        shutil.rmtree(self.folder)

    def _end(self) -> None:
        self.open.close()
        self.transaction, self.marks = None, []


def _walk(expected: dict[str, bytes]):
    return lambda start: (name for name in expected if name >= start)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_does_what_a_dictionary_does(kind: str):
    """Transactions, savepoints and reopenings, in any order, leave what they would leave of a dictionary."""
    machine = type(f"{kind.title()}Machine", (Machine,), {"kind": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=times(50, 1000),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
