"""Settings of the way to a remote that bao has too: limits, lookups, and headers that stand for flags."""

import pytest
from support.answering import answering, says

from vaultctl.http import limit

MOUNTS = '{"request_id": "r", "data": {"path": "s/", "options": null, "k": "v"}}'


@pytest.fixture
def client(fresh):
    """The program, with a token, on an address."""

    def run(address, *args, **env):
        return fresh(*args, env={"VAULT_ADDR": address, "VAULT_TOKEN": "a-token", **env})

    return run


@pytest.mark.parametrize(
    ("rate", "at_s", "waits_s"),
    [
        ("2:1", [0, 0, 0], [0, 0.5, 1]),
        ("2:3", [0, 0, 0, 0], [0, 0, 0, 0.5]),
        ("2", [0, 0, 0], [0, 0, 0.5]),
        ("1:1", [0, 1, 1.5], [0, 0, 0.5]),
        ("1:2", [0, 100, 100, 100], [0, 0, 0, 1]),
        ("0.5:1", [0, 0], [0, 2]),
        ("1e3:1", [0, 0], [0, 0.001]),
        ("1:1:9", [0, 0], [0, 1]),
        ("0", [0, 0], [0, 0]),
        ("-1", [0, 0], [0, 0]),
        ("5:0", [0, 0], [0, 0]),
    ],
)
def test_how_long_a_request_waits(rate, at_s, waits_s):
    """A bucket begins full, and fills at its rate; without a rate or a burst there is no limit."""
    bucket = limit.Limit(limit.parse(rate), 0)
    assert [bucket.wait_s(now_s) for now_s in at_s] == waits_s


def test_the_limit_is_kept(client, monkeypatch):
    """The requests of a command wait their turn, the first one none."""
    slept = []
    monkeypatch.setattr("vaultctl.http.remote.time.sleep", slept.append)
    with answering(says(200, MOUNTS)) as server:
        assert client(server.address, "kv", "get", "s/a", VAULT_RATE_LIMIT="0.5:1").code == 0
    first, second = slept
    assert (first, 1.5 < second <= 2) == (0, True)


@pytest.mark.parametrize("name", ["RATE_LIMIT", "SRV_LOOKUP", "MAX_RETRIES", "CLIENT_TIMEOUT"])
@pytest.mark.parametrize("value", ["x", "1:x", " 5", ":1", "1.5", "0", "", "maybe"])
def test_a_setting_is_as_good_or_bad_as_for_bao(bao, client, name, value):
    """Exit code and words are those of bao, which is asked itself."""
    theirs = bao.run("secrets", "list", env={f"BAO_{name}": value})
    ours = client(bao.env["BAO_ADDR"], "secrets", "list", VAULT_TOKEN="root", **{f"BAO_{name}": value})
    assert (ours.code, ours.err) == (theirs.code, theirs.err)


def test_srv_records_are_not_looked_up(client):
    """Where bao would look for them, we say that we do not; an address with a port needs none."""
    with answering(says(200, MOUNTS)) as server:
        assert client(server.address, "kv", "get", "s/a", VAULT_SRV_LOOKUP="1").code == 0
    ran = client("http://vault.invalid", "kv", "get", "s/a", VAULT_SRV_LOOKUP="1")
    assert (ran.code, "SRV records of vault.invalid are not looked up" in ran.err) == (2, True)


def test_flags_that_stand_for_headers(client):
    """A second factor and an override are sent, and shown in a curl command; an unlock key is taken and not needed."""
    flags = ["-mfa=a:b", "-mfa=c,d", "-policy-override", "-unlock-key=x"]
    with answering(says(200, MOUNTS)) as server:
        assert client(server.address, "kv", "get", *flags, "s/a", VAULT_MFA="e,f").code == 0
        shown = client(server.address, "delete", "-output-curl-string", *flags, "s/a")
    sent = server.asked[0].lower().split("\r\n")
    named = [line.partition(": ")[2] for line in sent if line.startswith("x-vault-mfa")]
    assert (named, "x-vault-policy-override: true" in sent) == (["e", "f", "a:b", "c,d"], True)
    assert '-H "X-Vault-Mfa: a:b" -H "X-Vault-Mfa: c,d" -H "X-Vault-Policy-Override: true"' in shown.out
