"""`vaultctl operator seal-migrate` between a static and a shamir seal, and what it says."""

import base64
import json
import os
import pty
import subprocess
import sys

import pytest
from support.gpg import gpg

from vaultctl.connect.maintenance import Maintenance

NUMBERS = ("-key-shares=3", "-key-threshold=2")


@pytest.fixture
def wrapped(here):
    """The program with a secret on a seal-wrapped mount."""
    here("secrets", "enable", "-seal-wrap", "-path=w", "kv")
    here("kv", "put", "w/a", "key=1")
    return here


def to_shamir(program, *flags: str) -> list[str]:
    """Migrate to shares; give them."""
    ran = program("operator", "seal-migrate", "-to=shamir", *NUMBERS, *flags)
    assert ran.code == 0, ran.err
    return [line.partition(": ")[2] for line in ran.out.splitlines() if line.startswith("Unseal Key ")]


def status(program) -> dict[str, object]:
    """Read how the state is sealed."""
    return dict(json.loads(program("status", "-format=json").out))


def test_a_state_of_a_first_use_gets_shares(wrapped, runtime):
    """New shares are shown first, the entries are unwrapped, and any two shares unseal what was sealed."""
    shares = to_shamir(wrapped)
    told = status(wrapped)
    assert (len(shares), told["type"], told["n"], told["t"], told["migration"]) == (3, "shamir", 3, 2, False)
    counts = json.loads(wrapped("sealwrap", "status", "-format=json").out)["mounts"]["w/"]
    assert (counts["current"], counts["old"], counts["unwrapped"]) == (0, 0, 1)
    assert wrapped("operator", "seal").code == 0
    for share in shares[1:]:
        assert wrapped("operator", "unseal", share).code == 0
    assert wrapped("kv", "get", "-field=key", "w/a").out == "1"


def test_unseal_keys_become_recovery_keys_and_unseal_keys_again(wrapped, runtime):
    """Whoever held a share holds it afterwards: it unseals, then proves, then unseals."""
    shares = to_shamir(wrapped)
    two = "\n".join(shares[:2]).encode()
    ran = wrapped("operator", "seal-migrate", "-to=static", "-", stdin=two)
    assert (ran.code, "The unseal keys are recovery keys from now on" in ran.out) == (0, True)
    told = status(wrapped)
    assert [told[name] for name in ("type", "recovery_seal", "n", "t")] == ["static", True, 3, 2]
    begun = json.loads(wrapped("operator", "generate-root", "-init", "-format=json").out)
    for share in shares[1:]:
        ran = wrapped("operator", "generate-root", f"-nonce={begun['nonce']}", "-format=json", share)
    assert json.loads(ran.out)["complete"] is True
    ran = wrapped("operator", "seal-migrate", "-to=shamir", "-", stdin=two)
    assert (ran.code, "2 of 3 unseal" in ran.out, "Unseal Key" in ran.out) == (0, True, False)
    wrapped("operator", "seal")
    for share in shares[:2]:
        wrapped("operator", "unseal", share)
    assert wrapped("kv", "get", "-field=key", "w/a").out == "1"


def test_shares_are_asked_for_on_a_terminal(wrapped, runtime):
    """One after the other, and none of them is shown."""
    shares = to_shamir(wrapped)
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "vaultctl", "operator", "seal-migrate", "-to=static"]
    with subprocess.Popen(argv, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        os.close(theirs)
        said = b""
        for number, share in enumerate(shares[1:], 1):
            while not said.endswith(f"Unseal Key {number} of 2 (will be hidden): ".encode()):
                more = process.stderr.read(1)
                assert more, said
                said += more
            os.write(ours, f"{share}\n".encode())
        out, err = process.communicate()
    os.close(ours)
    assert (process.returncode, b"Success! The state is sealed by static now" in out) == (0, True), err
    assert not [share for share in shares if share.encode() in said + out + err]


@pytest.mark.parametrize("from_shamir", [True, False])
def test_shares_of_another_state_migrate_nothing(wrapped, runtime, from_shamir: bool):
    """Wrong, too few, repeated or no shares leave the state as it was, and say so in words of no API."""
    shares = to_shamir(wrapped)
    to = "static"
    if not from_shamir:
        wrapped("operator", "seal-migrate", "-to=static", "-", stdin="\n".join(shares[:2]).encode())
        to = "shamir"
    before = status(wrapped)
    first, second = shares[:2]
    as_hex = base64.b64decode(first).hex()
    following = int(as_hex[-2:], 16) % 255 + 1  # the last byte is which share of them it is
    others = [os.urandom(32).hex() + f"{number:02x}" for number in (following % 255 + 1, following)]
    twice = "1 share was given, and 2 of 3 are needed; a share that is given twice counts once"
    for given, message in (
        (others, "the shares that were given are not those of this state"),
        ([first, others[1]], "the shares that were given are not those of this state"),
        ([first], "1 share was given, and 2 of 3 are needed\n"),
        ([], "0 shares were given, and 2 of 3 are needed\n"),
        ([first, first], twice),
        ([first, as_hex], twice),
        ([first, os.urandom(32).hex() + as_hex[-2:]], "do not go together: duplicate part detected"),
        ([first, others[0][2:]], "do not go together: all parts must be the same length"),
        ([first, "no-share"], "what was given is no share: a share is hex or base64, one a line"),
    ):
        ran = wrapped("operator", "seal-migrate", f"-to={to}", "-", stdin="\n".join(given).encode())
        assert (ran.code, ran.out, message in ran.err, "URL:" in ran.err) == (2, "", True, False), ran.err
    ran = wrapped("operator", "seal-migrate", f"-to={to}")
    assert (ran.code, "the shares of 2 holders are needed" in ran.err) == (1, True)
    ran = wrapped("operator", "seal-migrate", f"-to={to}", *shares[:1])
    assert (ran.code, "never taken from the command line" in ran.err) == (1, True)
    assert status(wrapped) == before
    entered = "\n".join([first, first, as_hex, second, others[0]]).encode()
    assert wrapped("operator", "seal-migrate", f"-to={to}", "-", stdin=entered).code == 0


def test_the_shares_may_be_in_a_file(wrapped, monkeypatch):
    """Without a runtime folder VAULTCTL_UNSEAL_KEY names them, for the migration and for what comes between."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    ran = wrapped("operator", "seal-migrate", "-to=shamir", "-key-shares=1", "-key-threshold=1", "-format=json")
    assert (ran.code, ran.err.endswith("unseal the state, and then run: vaultctl sealwrap rewrap\n")) == (0, True)
    assert wrapped("kv", "get", "w/a").code == 2
    file = wrapped.home / "shares"
    file.touch(mode=0o600)
    file.write_text(json.loads(ran.out)["unseal_keys_b64"][0])
    monkeypatch.setenv("VAULTCTL_UNSEAL_KEY", f"file:{file}")
    assert status(wrapped)["migration"] is True
    refused = wrapped("operator", "seal-migrate", "-to=static")
    assert (refused.code, "a rewrap is running" in refused.err) == (2, True)
    assert wrapped("sealwrap", "rewrap").code == 0
    assert wrapped("operator", "seal-migrate", "-to=static").code == 0
    monkeypatch.delenv("VAULTCTL_UNSEAL_KEY")
    assert wrapped("kv", "get", "-field=key", "w/a").out == "1"


def test_what_was_shown_and_did_not_come_to_count_is_shown_again(wrapped, runtime):
    """A command whose stdout takes no more changes no seal; what was to be shown is what the next one shows."""
    argv = [sys.executable, "-m", "vaultctl", "operator", "seal-migrate", "-to=shamir", *NUMBERS]
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (ran.returncode, b"cannot write to stdout" in ran.stderr) == (2, True)
    assert status(wrapped)["type"] == "static"
    maintenance = Maintenance(os.environ, tell=print)
    prepared = maintenance.seal_migration("shamir").prepare(3, 2, [])
    maintenance.close()
    other = wrapped("operator", "seal-migrate", "-to=shamir", "-key-shares=300")
    assert (other.code, other.out) == (2, "")
    assert to_shamir(wrapped) == [base64.b64encode(share).decode() for share in prepared.shares]


def test_shares_are_encrypted_for_their_holders(wrapped, runtime, tmp_path):
    """With -pgp-keys each share is for one holder, and unseals once it was decrypted."""
    (tmp_path / "ring").mkdir()
    with gpg(tmp_path / "ring") as ring:
        for name in ("anna", "otto"):
            (tmp_path / name).write_text(ring.key(name))
        names = ",".join(str(tmp_path / name) for name in ("anna", "otto"))
        few = wrapped("operator", "seal-migrate", "-to=shamir", *NUMBERS, f"-pgp-keys={names}")
        assert (few.code, "count mismatch" in few.err) == (2, True)
        flags = ("-key-shares=2", "-key-threshold=2", f"-pgp-keys={names}", "-format=json")
        shown = json.loads(wrapped("operator", "seal-migrate", "-to=shamir", *flags).out)["unseal_keys_b64"]
        shares = [ring.decrypt(base64.b64decode(share)).decode() for share in shown]
    wrapped("operator", "seal")
    for share in shares:
        wrapped("operator", "unseal", share)
    assert wrapped("kv", "get", "-field=key", "w/a").out == "1"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "say with -to which seal it shall be"),
        (["-to=wax"], "there is no seal wax"),
        (["-to=static"], "the state is sealed by static already"),
        (["-to=pkcs11", "-key-shares=3"], "-key-shares: no new shares are made here"),
        (["-to=pkcs11"], "the pkcs11 seal needs a "),
        (["-to=transit"], "the transit seal needs an address"),
        (["-to=transit", "-key-label=a"], "-key-label and -generate are for a pkcs11 seal"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_changes(wrapped, flags, message):
    """Exit code 1, and the state as it was."""
    before = (wrapped.data / "state.json").read_bytes()
    ran = wrapped("operator", "seal-migrate", *flags)
    assert (ran.code, message in ran.err) == (1, True)
    assert (wrapped.data / "state.json").read_bytes() == before


def test_numbers_that_cannot_be_make_no_shares(wrapped):
    """Nothing is shown where the numbers make no sense."""
    ran = wrapped("operator", "seal-migrate", "-to=shamir", "-key-shares=2", "-key-threshold=3")
    assert (ran.code, ran.out, "threshold cannot be larger than shares" in ran.err) == (2, "", True)
    assert "URL:" not in ran.err


def test_the_owner_needs_no_token(wrapped, runtime, monkeypatch):
    """Who has the state's files changes its seal, and follows the rewrap, whatever token there is."""
    monkeypatch.setenv("VAULT_TOKEN", "nobodys")
    monkeypatch.setenv("VAULTCTL_LOCAL", "1")
    for words in (["seal-rotate-key"], ["seal-migrate", "-to=shamir"]):
        ran = wrapped("operator", *words)
        assert (ran.code, "Success! Rewrapped " in ran.out) == (0, True), ran.err


def test_a_sealed_state_is_not_migrated(wrapped):
    """Where somebody sealed it, it is unsealed first."""
    wrapped("operator", "seal")
    ran = wrapped("operator", "seal-migrate", "-to=shamir")
    assert (ran.code, "Vault is sealed" in ran.err) == (2, True)


def test_a_snapshot_of_shares_speaks_of_shares(wrapped, runtime):
    """What a copy is good for nothing without is said by its seal."""
    assert "the seal key is not in it" in wrapped("operator", "snapshot", "save", "static.json").err
    to_shamir(wrapped)
    assert "it opens with the key shares" in wrapped("operator", "snapshot", "save", "shamir.json").err
