"""Slow work of a request, such as a password's hash: the state is not locked meanwhile, and what changed counts."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.places import Place
from support.soak import times
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.core.apart import Apart, NeedsWork
from vaultctl.core.auditing import OWNER
from vaultctl.core.core import Core
from vaultctl.core.plugins import Catalogue
from vaultctl.framework.endpoint import Endpoint, Engine
from vaultctl.framework.login import LoginDenied
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import EMPTY, Response
from vaultctl.storage.memory import Memory

READ, UPDATE = Operation.READ, Operation.UPDATE
PATIENCE_S = 0.2


def ask(core: Core, operation: Operation, path: str, by: str = ROOT_TOKEN, **data: object) -> Response:
    """Ask as root, or as somebody else."""
    return core.handle(Request(operation, path, token=by, data=data))


def people(**options: object) -> Core:
    """Give a core in memory with a user."""
    core = make_core(Memory(), **options)
    ask(core, UPDATE, "sys/auth/userpass", type="userpass")
    ask(core, UPDATE, "auth/userpass/users/bob", password="right")
    return core


def login(password: str) -> Request:
    """Give the request of a login."""
    return Request(UPDATE, "auth/userpass/login/bob", data={"password": password})


def attempt(core: Core, request: Request, apart: Apart) -> Response:
    """Begin a request, or begin it anew."""
    return core._write(request, apart, after_jobs=False)[0]


def hashed(core: Core, request: Request) -> Apart:
    """Take a request as far as its password is hashed and nothing is decided."""
    apart = Apart()
    with pytest.raises(NeedsWork):
        attempt(core, request, apart)
    apart.work()
    return apart


def guess_wrong(core: Core, often: int) -> None:
    """Fail to log in."""
    for _ in range(often):
        with pytest.raises(InvalidRequest, match="invalid username or password"):
            core.handle(login("wrong"))


@pytest.mark.parametrize("kind", ["memory", "json", "sqlite"])
def test_others_write_while_slow_work_is_done(kind: str, tmp_path: Path):
    """The work is done once, with the lock free, and what it gives is stored."""
    place, seen = Place(kind, tmp_path), []

    def work(number: int) -> str:
        other = open_core(place.open(lock_timeout_s=PATIENCE_S) if kind != "memory" else place.open())
        ask(other, UPDATE, "secret/data/beside", data={"number": number})
        seen.append(number)
        return "done"

    def store(ctx, fields):
        ctx.storage.put("result", ctx.apart(work, int(fields["number"])).encode())
        return EMPTY

    def read(ctx, _fields):
        return Response(data={"result": ctx.storage.get("result").decode()})

    engine = Engine("slow", (Endpoint("{number}", {UPDATE: store, READ: read}, "Store what comes of it."),), "Slow.")
    core = make_core(place.open(), catalogue=Catalogue({"slow": engine}))
    ask(core, UPDATE, "sys/mounts/slow", type="slow")
    token = str((ask(core, UPDATE, "auth/token/create", num_uses=3).auth or {})["client_token"])
    ask(core, UPDATE, "slow/7", token)
    assert seen == [7]
    assert ask(core, READ, "slow/7").data == {"result": "done"}
    assert ask(core, UPDATE, "auth/token/lookup", token=token).data["num_uses"] == 2
    assert ask(core, READ, "secret/data/beside").data["data"] == {"number": 7}


def test_a_password_that_changed_while_it_was_compared_counts():
    """The one that was right when the login began lets nobody in any more."""
    core = people()
    apart = hashed(core, login("right"))
    ask(core, UPDATE, "auth/userpass/users/bob/password", password="other")
    with pytest.raises(NeedsWork):
        attempt(core, login("right"), apart)
    apart.work()
    with pytest.raises(InvalidRequest, match="invalid username or password"):
        attempt(core, login("right"), apart)


def test_a_user_who_was_removed_while_a_password_was_compared_does_not_get_in():
    """The user is looked for again."""
    core = people()
    apart = hashed(core, login("right"))
    ask(core, Operation.DELETE, "auth/userpass/users/bob")
    with pytest.raises(NeedsWork):
        attempt(core, login("right"), apart)
    apart.work()
    with pytest.raises(InvalidRequest, match="invalid username or password"):
        attempt(core, login("right"), apart)


def test_who_is_locked_out_meanwhile_does_not_get_in_with_the_right_password():
    """Five failures count for a login that was begun before them."""
    core = people()
    apart = hashed(core, login("right"))
    guess_wrong(core, 5)
    with pytest.raises(LoginDenied):
        attempt(core, login("right"), apart)


def test_guesses_at_once_are_no_more_than_guesses_one_by_one():
    """Of many that were compared before any of them counted, five are told that they were wrong."""
    core = people()
    waiting = [hashed(core, login(f"wrong {number}")) for number in range(8)]
    told = []
    for number, apart in enumerate(waiting):
        with pytest.raises((InvalidRequest, LoginDenied)) as refused:
            attempt(core, login(f"wrong {number}"), apart)
        told.append(type(refused.value) is LoginDenied)
    assert told == [False] * 5 + [True] * 3


def test_guesses_of_many_threads_are_counted_each():
    """However they come together, five of them are answered by the password."""
    for _ in range(times(1, 20)):
        core = people()

        def guess(number: int, core: Core = core) -> type[Exception] | None:
            try:
                core.handle(login(f"wrong {number}"))
            except (InvalidRequest, LoginDenied) as error:
                return type(error)
            return None

        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(guess, range(12)))
        assert (told.count(LoginDenied), None in told) == (7, False)
        with pytest.raises(LoginDenied):
            core.handle(login("right"))


def test_a_login_is_audited_once(tmp_path: Path):
    """One entry of the request and one of the answer, though it was begun twice; so too where it is refused."""
    core = people(audit_rules=OWNER)
    ask(core, UPDATE, "sys/audit/file", type="file", options={"file_path": str(tmp_path / "log")})
    (tmp_path / "log").write_bytes(b"")
    core.handle(login("right"))
    guess_wrong(core, 1)
    entries = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [entry["type"] for entry in entries] == ["request", "response"] * 2
    assert len({entry["request"]["id"] for entry in entries}) == 2
