"""What people entered for new shares or a root token is in no file any more once the attempt is over."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.program import Program
from support.runtime import runtime_folder
from support.shamir_state import init

from vaultctl.core.attempts import Attempt, Remembered


class There(NamedTuple):
    """A state whose shares somebody has, and two logins, each with a runtime folder of its own."""

    program: Program
    shares: list[str]
    folder: Path
    elsewhere: Path

    def __call__(self, *args: str, login: str = "", stdin: str = ""):
        """Run a command that must succeed."""
        env = {"XDG_RUNTIME_DIR": login or str(self.folder)}
        ran = self.program(*args, env=env, stdin=stdin.encode())
        assert ran.code == 0, ran.err
        return ran

    def files(self) -> list[str]:
        """Name what the first login's folder keeps, but for its lock."""
        kept = self.folder / "vaultctl"
        return sorted(path.name.partition(".")[2] for path in kept.iterdir() if path.name != "lock")

    def unseal(self, login: str = "") -> None:
        """Enter two shares."""
        for share in self.shares[:2]:
            self("operator", "unseal", share, login=login)

    def begin(self) -> None:
        """Begin a root token and new shares, and enter a share for each."""
        for command, flags in (("generate-root", ["-init"]), ("rotate-keys", ["-init", "-key-shares=2", *TWO])):
            target = self.target(command)
            nonce = json.loads(self("operator", command, *flags, *target, "-format=json").out)["nonce"]
            self("operator", command, f"-nonce={nonce}", *target, self.shares[0])
        assert len(self.files()) >= 2

    def target(self, command: str) -> list[str]:
        """Name the key whose shares they are."""
        kind = json.loads(self("status", "-format=json").out)["type"]
        return ["-target=recovery"] if kind == "static" and command == "rotate-keys" else []


TWO = ["-key-threshold=2"]


@pytest.fixture(params=["shamir", "static"])
def there(request, tmp_path) -> Iterator[There]:
    """A state under each kind of seal, open, with two attempts under way."""
    with runtime_folder() as first, runtime_folder() as second:
        program = Program(tmp_path)
        program.env["XDG_RUNTIME_DIR"] = str(first)
        kind = "" if request.param == "shamir" else "recovery-"
        named = ["shares", "threshold"] if kind else ["key-shares", "key-threshold"]
        made = init(program, f"-seal={request.param}", f"-{kind}{named[0]}=3", f"-{kind}{named[1]}=2")
        there = There(program, made.shares, first, second)
        if not kind:
            there.unseal()
        there("login", "-no-print", made.root_token)
        there.begin()
        yield there


def is_open(there: There) -> list[str]:
    """Name what is kept of a state that is unsealed: its root key, where people open it."""
    return [""] if json.loads(there("status", "-format=json").out)["type"] == "shamir" else []


def test_sealing_removes_them(there):
    """Neither the shares that were entered stay, nor the one-time password."""
    there("operator", "seal")
    assert there.files() == []


def test_a_verification_ends_with_a_seal(there):
    """The new key itself waits there until enough of its shares were entered."""
    there("operator", "rotate-keys", "-cancel", *there.target("rotate-keys"))
    flags = ["-init", "-verify", "-key-shares=2", *TWO, *there.target("rotate-keys")]
    nonce = json.loads(there("operator", "rotate-keys", *flags, "-format=json").out)["nonce"]
    for share in there.shares[:2]:
        there("operator", "rotate-keys", f"-nonce={nonce}", *there.target("rotate-keys"), share)
    there("operator", "seal")
    assert there.files() == []


def test_what_another_process_sealed_is_seen_by_the_next(there):
    """Sealed by another login, which has no part in this one's folder: any command removes what is over."""
    if is_open(there):
        there.unseal(str(there.elsewhere))
    there("operator", "seal", login=str(there.elsewhere))
    there.program("status", env={"XDG_RUNTIME_DIR": str(there.folder)})
    assert there.files() == []


def test_another_seal_ends_them(there):
    """`operator seal-migrate` removes them too."""
    to = "static" if is_open(there) else "shamir"
    there("operator", "seal-migrate", f"-to={to}", "-", stdin="\n".join(there.shares[:2]))
    assert there.files() == is_open(there)


def test_a_new_root_key_ends_them_all(there):
    """New shares count from their commit on: what was entered for a root token is no longer good, and is removed."""
    target = there.target("rotate-keys")
    nonce = json.loads(there("operator", "rotate-keys", "-status", *target, "-format=json").out)["nonce"]
    there("operator", "rotate-keys", f"-nonce={nonce}", *target, there.shares[1])
    assert there.files() == is_open(there)


def test_who_looks_for_one_that_is_over_removes_all(there):
    """A key that another login changed leaves files here, until somebody asks how they stand."""
    if is_open(there):
        there.unseal(str(there.elsewhere))
        there("operator", "seal", login=str(there.elsewhere))
        there.unseal()
    else:
        there("operator", "seal-rotate-key", login=str(there.elsewhere))
    assert json.loads(there("operator", "generate-root", "-status", "-format=json").out)["started"] is False
    assert there.files() == is_open(there)


def test_one_that_began_later_stays():
    """Who still sees how a state stood before does not end what was begun since; what a server held is overwritten."""
    remembered = Remembered()
    share = bytearray(b"share")
    remembered.put("c", "old", Attempt("n", (1, 5), {}, (share,)))
    remembered.put("c", "new", Attempt("n", (2, 5), {}))
    remembered.put("other", "old", Attempt("n", (1, 5), {}))
    remembered.drop_before("c", (2, 5))
    assert [remembered.get("c", "old"), bytes(share)] == [None, bytes(5)]
    assert remembered.get("c", "new")
    assert remembered.get("other", "old")
