"""New key shares and root tokens by command lines: what `bao` says to each, and what we say, wherever the state is.

The same lines are typed three times: `bao` on a real OpenBao, vaultctl on one, and vaultctl on a local state.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.bao import binary
from support.gpg import gpg
from support.program import Program, Ran
from support.runtime import runtime_folder
from support.shamir_bao import shamir_bao

ROTATE_KEYS = ("operator", "rotate-keys")
REKEY = ("operator", "rekey")
GENERATE_ROOT = ("operator", "generate-root")
_LISTENER = "disable_unauthed_rekey_endpoints = false\n  disable_unauthed_generate_root_endpoints = false"
_OWN_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+|local:)/v1/")
_SHOWN = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<nonce>"),
    (re.compile(r"(?<=[ \"])[A-Za-z0-9+/]{43}[A-Za-z0-9+/=](?=[\"\n])"), "<share>"),
    (re.compile(r"(?<=[ \"])[0-9a-f]{66}(?=[\"\n])"), "<hex share>"),
    (re.compile(r"(?<=Encoded Token    )\S+"), "<token>"),
    (re.compile(r"(?<=\"encoded_token\": \")[^\"]+"), "<token>"),
    (re.compile(r"\bbao(?=\soperator\b)"), "vaultctl"),
)


class Typed:
    """Somebody who types command lines, and has the shares of a state."""

    def __init__(self, run, shares: list[str], program: Program | None = None, env: Mapping[str, str] = {}) -> None:
        self._run = run
        self.shares = shares
        self.program = program
        self.env = env

    def __call__(self, *argv: str, stdin: str = "") -> Ran:
        return self._run(argv, stdin.encode())

    def nonce(self, *command: str) -> str:
        """Give the nonce of an attempt, or of a verification."""
        return json.loads(self(*command, "-status", "-format=json").out)["nonce"]


def told(ran: Ran) -> tuple[int, str, str]:
    """Give what a command line said, without what is another each time."""
    texts = []
    for text in (ran.out, ran.err):
        shown = _OWN_ADDRESS.sub("<address>/v1/", text)
        for pattern, name in _SHOWN:
            shown = pattern.sub(name, shown)
        texts.append(shown)
    return ran.code, *texts


@pytest.fixture(params=["a real server", "the local state"])
def ours(request, tmp_path) -> Typed:
    """Types vaultctl."""
    if request.param == "a real server":
        with shamir_bao(tmp_path, listener=_LISTENER) as bao:
            shares = bao.initialise(3, 2)
            program = Program(tmp_path)
            env = {"BAO_ADDR": bao.address, "BAO_TOKEN": bao.token}
            yield Typed(lambda argv, stdin: program(*argv, stdin=stdin, env=env), shares, program, env)
        return
    with runtime_folder() as folder:
        yield local(tmp_path, {"XDG_RUNTIME_DIR": str(folder)})


def local(home: Path, env: dict[str, str]) -> Typed:
    """Give somebody who has made a state by hand, and unsealed it."""
    program = Program(home)
    made = json.loads(program("operator", "init", "-key-shares=3", "-key-threshold=2", "-format=json", env=env).out)
    for share in made["unseal_keys_hex"][:2]:
        assert program("operator", "unseal", share, env=env).code == 0
    assert program("login", "-no-print", made["root_token"], env=env).code == 0
    shares = made["unseal_keys_hex"]
    return Typed(lambda argv, stdin: program(*argv, stdin=stdin, env=env), shares, program, env)


@pytest.fixture
def theirs(tmp_path_factory) -> Typed:
    """Types `bao`."""
    home = tmp_path_factory.mktemp("theirs")
    with shamir_bao(home, listener=_LISTENER) as bao:
        shares = bao.initialise(3, 2)
        env = {"HOME": str(home), "BAO_ADDR": bao.address, "BAO_TOKEN": bao.token}

        def run(argv: tuple[str, ...], stdin: bytes) -> Ran:
            done = subprocess.run([binary(), *argv], input=stdin, env=env, capture_output=True, cwd=home, check=False)
            return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

        yield Typed(run, shares)


def _without_an_attempt(typed: Typed, command: tuple[str, ...]):
    yield typed(*command, "-status")
    yield typed(*command, "-status", "-format=json")
    yield typed(*command, "-status", "-verify")
    yield typed(*command, "-cancel")
    yield typed(*command, typed.shares[0])
    yield typed(*command, "a", "b")
    yield typed(*command, "-target=bogus", "-status")
    yield typed(*command, "-backup-retrieve")
    yield typed(*command, "-backup-delete")
    yield typed(*command, "-init", "-n=1", "-t=1", "-pgp-keys=/nonexistent")


def _an_attempt(typed: Typed, command: tuple[str, ...]):
    yield typed(*command, "-init", "-key-shares=5", "-key-threshold=3")
    yield typed(*command, "-init", "-n=2", "-t=2")
    yield typed(*command, "-status")
    nonce = typed.nonce(*command)
    yield typed(*command, "-nonce=another", typed.shares[0])
    yield typed(*command, typed.shares[0])
    yield typed(*command, f"-nonce={nonce}", typed.shares[0])
    yield typed(*command, f"-nonce={nonce}", "zz")
    yield typed(*command, f"-nonce={nonce}", typed.shares[0])
    yield typed(*command, "-status", "-format=json")
    yield typed(*command, f"-nonce={nonce}", "-", stdin=typed.shares[1] + "\n")
    yield typed(*command, "-status")


def _verified(typed: Typed, command: tuple[str, ...]):
    yield typed(*command, "-init", "-n=2", "-t=2", "-verify", "-format=json")
    nonce = typed.nonce(*command)
    yield typed(*command, f"-nonce={nonce}", typed.shares[0])
    last = typed(*command, f"-nonce={nonce}", typed.shares[1])
    yield last
    new = re.findall(r"Key \d: (\S+)", last.out)
    yield typed(*command, "-status")
    yield typed(*command, "-status", "-verify")
    yield typed(*command, "-verify", f"-nonce={typed.nonce(*command, '-verify')}", new[0])
    yield typed(*command, "-verify", "-cancel")
    nonce = typed.nonce(*command, "-verify")
    yield typed(*command, "-verify", f"-nonce={nonce}", "-format=json", new[1])
    yield typed(*command, "-verify", f"-nonce={nonce}", new[0])
    yield typed(*command, "-status")


def _a_root_token(typed: Typed, command: tuple[str, ...]):
    yield typed(*command, "-status")
    yield typed(*command, "-status", "-format=json")
    yield typed(*command, typed.shares[0])
    yield typed(*command, "-cancel")
    yield typed(*command, "-init", "-otp=" + "a" * 26)
    yield typed(*command, "-init")
    nonce = typed.nonce(*command)
    yield typed(*command, typed.shares[0])
    yield typed(*command, "-nonce=another", typed.shares[0])
    yield typed(*command, f"-nonce={nonce}", typed.shares[0])
    yield typed(*command, f"-nonce={nonce}", typed.shares[0])
    yield typed(*command, f"-nonce={nonce}", typed.shares[1])
    yield typed(*command, "-status")
    yield typed(*command, "-init", "-otp=short")
    yield typed(*command, "-decode=AAAA")
    yield typed(*command, "-decode=!", "-otp=" + "a" * 26)
    yield typed(*command, "-decode=AAAA", "-otp=a")
    yield typed(*command, "-decode=AAAA", "-otp=abc", "-format=json")
    yield typed(*command, "-decode=-", "-otp=abc", stdin="AAAA\n")


@pytest.mark.parametrize("script", [_without_an_attempt, _an_attempt, _verified])
def test_new_shares_are_made_as_bao_makes_them(ours: Typed, theirs: Typed, script):
    """Every line, exit code and message; only the nonces and the shares are others."""
    assert [told(ran) for ran in script(ours, ROTATE_KEYS)] == [told(ran) for ran in script(theirs, ROTATE_KEYS)]


def test_a_root_token_is_made_as_bao_makes_it(ours: Typed, theirs: Typed):
    """Every line, exit code and message; only the nonces, the token and the status `root-token-shares` are others."""
    said = [
        [
            (*rest, err.replace("Code: 500", "Code: 400"))
            for *rest, err in map(told, _a_root_token(typed, GENERATE_ROOT))
        ]
        for typed in (ours, theirs)
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize("script", [_without_an_attempt, _an_attempt, _verified])
def test_without_a_token_new_shares_are_made_as_bao_makes_them(tmp_path, theirs: Typed, script):
    """Where the server lets people."""
    with shamir_bao(tmp_path, listener=_LISTENER) as bao:
        shares = bao.initialise(3, 2)
        program, env = Program(tmp_path), {"BAO_ADDR": bao.address, "BAO_TOKEN": bao.token}
        typed = Typed(lambda argv, stdin: program(*argv, stdin=stdin, env=env), shares)
        assert [told(ran) for ran in script(typed, REKEY)] == [told(ran) for ran in script(theirs, REKEY)]


def test_a_password_is_made_and_opens_the_token(ours: Typed):
    """The token is root's, and looks up as such."""
    begun = json.loads(ours(*GENERATE_ROOT, "-init", "-format=json").out)
    for share in ours.shares[:2]:
        ran = ours(*GENERATE_ROOT, f"-nonce={begun['nonce']}", "-format=json", share)
    encoded = json.loads(ran.out)["encoded_token"]
    token = ours(*GENERATE_ROOT, f"-decode={encoded}", f"-otp={begun['otp']}").out
    found = json.loads(ours("token", "lookup", "-format=json", token).out)["data"]
    assert found["policies"] == ["root"]
    assert len(ours(*GENERATE_ROOT, "-generate-otp").out) == len(token)


def test_shares_for_people_are_read_from_armoured_files(ours: Typed, tmp_path_factory):
    """As people send their keys around; each decrypts a share of their own, and what was kept is the same."""
    folder = tmp_path_factory.mktemp("g")
    with gpg(folder) as people:
        for name in ("ada", "bob"):
            people.key(name)
            (folder / f"{name}.asc").write_text(people.armoured(name))
        files = f"{folder / 'ada.asc'},{folder / 'bob.asc'}"
        ours(*ROTATE_KEYS, "-init", "-n=2", "-t=2", f"-pgp-keys={files}", "-backup")
        nonce = ours.nonce(*ROTATE_KEYS)
        ours(*ROTATE_KEYS, f"-nonce={nonce}", ours.shares[0])
        last = ours(*ROTATE_KEYS, f"-nonce={nonce}", ours.shares[1])
        keys = dict(re.findall(r"fingerprint: (\S+); value: (\S+)", last.out))
        assert list(keys) == [people.fingerprint("ada"), people.fingerprint("bob")]
        import base64

        opened = [people.decrypt(base64.b64decode(key)).decode() for key in keys.values()]
    assert [len(bytes.fromhex(share)) for share in opened] == [33, 33]
    kept = json.loads(ours(*ROTATE_KEYS, "-backup-retrieve", "-format=json").out)["data"]
    assert kept["keys_base64"] == {name: [key] for name, key in keys.items()}
    assert '"core/unseal-keys-backup"' in last.out


def test_without_a_runtime_folder_the_hint_says_what_to_do(tmp_path):
    """An attempt would be forgotten with the command."""
    program = Program(tmp_path)
    program("secrets", "list")
    ran = program(*ROTATE_KEYS, "-init", "-target=recovery", env={"XDG_RUNTIME_DIR": ""})
    assert ran.code == 2
    assert "cannot be kept from one command to the next: XDG_RUNTIME_DIR names no folder" in ran.err
    assert "vaultctl server" in ran.err


def test_a_state_of_first_use_gets_recovery_shares(tmp_path):
    """Its seal's key counts as the one share; afterwards it takes the new ones."""
    with runtime_folder() as folder:
        program, env = Program(tmp_path), {"XDG_RUNTIME_DIR": str(folder)}
        program("secrets", "list", env=env)
        key = (program.data / "seal.key").read_text().strip()
        command = (*ROTATE_KEYS, "-target=recovery")
        typed = Typed(lambda argv, stdin: program(*argv, stdin=stdin, env=env), [])
        program(*command, "-init", "-n=3", "-t=2", env=env)
        made = typed(*command, f"-nonce={typed.nonce(*command)}", key)
        assert len(re.findall(r"Key \d: ", made.out)) == 3
        assert "OpenBao recovery keys rotated to 3 key shares" in made.out
        assert json.loads(typed(*command, "-status", "-format=json").out)["required"] == 2
        assert list(Path(folder, "vaultctl").glob("*.rotate-recovery")) == []


def _into_a_full_disk(typed: Typed, *command: str) -> "tuple[int, str]":
    """Enter what may be the last share, and have stdout take nothing; give the exit code and stderr."""
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            typed.program.argv(*command), env={**typed.program.env, **typed.env}, stdout=full, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, check=False, cwd=typed.program.home,
        )  # fmt: skip
    return ran.returncode, ran.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("fmt", ["table", "json"])
def test_new_shares_that_stdout_does_not_take_are_not_lost(ours, fmt):
    """Nobody could show them again, and they count: stderr shows them, and the exit code is no success."""
    ours(*ROTATE_KEYS, "-init", "-n=1", "-t=1")
    nonce = ours.nonce(*ROTATE_KEYS)
    ours(*ROTATE_KEYS, f"-nonce={nonce}", ours.shares[0])
    code, err = _into_a_full_disk(ours, *ROTATE_KEYS, f"-format={fmt}", f"-nonce={nonce}", ours.shares[1])
    (share,) = re.findall(r"Key 1: (\S+)", err)
    assert (code, "cannot write to stdout" in err) == (2, True)
    ours(*ROTATE_KEYS, "-init", "-n=1", "-t=1")
    assert "Key 1: " in ours(*ROTATE_KEYS, f"-nonce={ours.nonce(*ROTATE_KEYS)}", share).out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_new_shares_that_do_not_count_yet_are_not_shown_there(ours):
    """With verification the former shares still count, and stderr says how to begin again."""
    ours(*ROTATE_KEYS, "-init", "-n=1", "-t=1", "-verify")
    nonce = ours.nonce(*ROTATE_KEYS)
    ours(*ROTATE_KEYS, f"-nonce={nonce}", ours.shares[0])
    code, err = _into_a_full_disk(ours, *ROTATE_KEYS, f"-nonce={nonce}", ours.shares[1])
    assert (code, "operator rotate-keys -cancel" in err, "Key 1" in err) == (2, True, False)


def test_no_share_is_entered_where_nobody_reads(ours):
    """With a closed stdout the last share is not entered."""
    ours(*ROTATE_KEYS, "-init", "-n=1", "-t=1")
    nonce = ours.nonce(*ROTATE_KEYS)
    ours(*ROTATE_KEYS, f"-nonce={nonce}", ours.shares[0])
    argv = " ".join(map(str, ours.program.argv(*ROTATE_KEYS, f"-nonce={nonce}", ours.shares[1])))
    ran = subprocess.run(["/bin/sh", "-c", f"{argv} >&-"], env={**ours.program.env, **ours.env}, check=False)
    assert (ran.returncode, json.loads(ours(*ROTATE_KEYS, "-status", "-format=json").out)["progress"]) == (1, 1)
