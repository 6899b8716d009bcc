"""Leases on the command line, of an engine that a third party installed and that can fail."""

import json

import pytest
from support.lender import Lender


@pytest.fixture
def lender(tmp_path, monkeypatch) -> Lender:
    """A third party's engine, installed."""
    made = Lender(tmp_path / "lender")
    made.install(monkeypatch)
    return made


@pytest.fixture
def lent(here, lender) -> str:
    """The id of a lease of that engine, mounted at lender/."""
    assert here("secrets", "enable", "lender").code == 0
    return str(json.loads(here("read", "-format=json", "lender/creds/a").out)["lease_id"])


def test_an_engine_that_cannot_take_back_what_it_leased_is_not_disabled(here, lender, lent):
    """The error names the lease; with -force the engine goes, and stderr says what is left behind."""
    lender.breaks()
    refused = here("secrets", "disable", "lender")
    assert refused.code == 2
    assert f"* 1 lease could not be revoked: {lent}: ConnectionError at lender.py:" in refused.err
    assert "lender/" in here("secrets", "list").out
    forced = here("secrets", "disable", "-force", "lender")
    assert forced.code == 0
    assert forced.out == "Success! Disabled the secrets engine (if it existed) at: lender/\n"
    assert "leases of lender/ are dropped" in forced.err
    assert "lender/" not in here("secrets", "list").out
    assert len(lender.lent) == 1


def test_a_move_whose_leases_cannot_be_revoked_says_which(here, lender, lent):
    """It exits with 2, names the leases, and the engine stays where it is."""
    lender.breaks()
    failed = here("secrets", "move", "lender", "new")
    assert failed.code == 2
    assert f"1 lease could not be revoked: {lent}: " in failed.err
    assert here("read", "lender/creds/b").code == 0
    [move] = json.loads(here("remount", "list", "-format=json").out)
    assert (move["status"], move["failures"], move["failed_leases"]) == ("failure", 1, [lent])


def test_a_failed_revocation_is_shown_and_dropped_by_force(here, lender, lent):
    """A lookup says why it failed; -sync makes it an error; -force drops the lease."""
    lender.breaks()
    assert "failed to revoke" in here("lease", "revoke", "-sync", lent).err
    assert here("lease", "revoke", lent).code == 0
    assert json.loads(here("lease", "lookup", "-format=json", lent).out)["data"]["revoke_error"]
    assert here("lease", "revoke", "-force", "-prefix", "lender").code == 0
    assert "invalid lease" in here("lease", "lookup", lent).err


def test_a_lease_is_renewed(here, lent):
    """The answer has the id and the new length."""
    renewed = here("lease", "renew", "-increment=2m", lent)
    assert renewed.out.split("\n")[2:5] == [
        f"lease_id           {lent}",
        "lease_duration     2m",
        "lease_renewable    true",
    ]


def test_a_tokens_lease_is_the_tokens(here):
    """It is looked up by the token's own name, cannot be renewed there, and to revoke it is to revoke the token."""
    before = set(json.loads(here("list", "-format=json", "sys/leases/lookup/auth/token/create").out))
    token = here("token", "create", "-policy=default", "-ttl=1h", "-field=token").out
    [name] = set(json.loads(here("list", "-format=json", "sys/leases/lookup/auth/token/create").out)) - before
    lease_id = f"auth/token/create/{name}"
    assert json.loads(here("lease", "lookup", "-format=json", lease_id).out)["data"]["path"] == "auth/token/create"
    assert "* tokens cannot be renewed through this endpoint" in here("lease", "renew", lease_id).err
    assert here("lease", "revoke", lease_id).out == "All revocation operations queued successfully!\n"
    assert "* invalid lease" in here("lease", "lookup", lease_id).err
    assert here("token", "lookup", token).code == 2
