"""A vault for tests, as clients find it that nobody here wrote, and our own command line."""

import json
import subprocess
import sys

import hvac
import pytest
from support import bao as bao_support


@pytest.fixture
def client(vault):
    """hvac on the vault."""
    client = hvac.Client(url=vault.address, token=vault.token, namespace=vault.namespace)
    yield client
    client.adapter.close()


def test_hvac_works_on_secrets(vault, client):
    """hvac writes, reads, lists and destroys versions of a secret."""
    secrets = client.secrets.kv.v2
    for number in (1, 2):
        secrets.create_or_update_secret(path="web/db", secret={"number": number})
    assert vault.kv_get("secret/web/db") == {"number": 2}
    read = secrets.read_secret_version(path="web/db", version=1, raise_on_deleted_version=True)
    assert read["data"]["data"] == {"number": 1}
    assert secrets.list_secrets(path="web")["data"]["keys"] == ["db"]
    secrets.destroy_secret_versions(path="web/db", versions=[2])
    assert vault.kv_get("secret/web/db") is None


def test_hvac_works_on_mounts(vault, client):
    """hvac enables, tunes, moves and disables an engine."""
    client.sys.enable_secrets_engine("kv", path="team", options={"version": "1"})
    client.sys.tune_mount_configuration("team", max_lease_ttl="24h")
    client.secrets.kv.v1.create_or_update_secret(path="a", secret={"k": "v"}, mount_point="team")
    client.sys.move_backend("team", "crew")
    assert vault.read("sys/mounts/crew")["config"]["max_lease_ttl"] == 86400
    assert client.secrets.kv.v1.read_secret(path="a", mount_point="crew")["data"] == {"k": "v"}
    client.sys.disable_secrets_engine("crew")
    assert "crew/" not in client.sys.list_mounted_secrets_engines()["data"]


def test_hvac_is_told_that_its_token_is_wrong(vault):
    """A wrong token is no token here."""
    assert not hvac.Client(url=vault.address, token="wrong").is_authenticated()
    with pytest.raises(hvac.exceptions.Forbidden, match="permission denied"):
        hvac.Client(url=vault.address, token="wrong").sys.list_mounted_secrets_engines()


def test_what_clients_asked_is_noted(vault, client):
    """What came over HTTP is noted as what was asked in the process, and can be told from it."""
    client.secrets.kv.v2.create_or_update_secret(path="a", secret={"k": "v"})
    vault.client.call("GET", "secret/data/a")
    assert [(asked.operation, asked.path, asked.over_http) for asked in vault.requests] == [
        ("update", "secret/data/a", True),
        ("read", "secret/data/a", False),
    ]
    assert vault.requests[0].data["data"] == {"k": "v"}


def ran(argv, env, **options):
    """Run a program to its end; give its exit code and what it said."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr


def test_the_real_bao_works_on_it(vault, tmp_path):
    """The command line of OpenBao works on the vault by the environment alone."""
    program = bao_support.binary()
    env = {**vault.env(), "HOME": str(tmp_path)}
    assert ran([program, "kv", "put", "secret/a", "k=v"], env)[0] == 0
    assert vault.kv_get("secret/a") == {"k": "v"}
    assert ran([program, "kv", "get", "-field=k", "secret/a"], env) == (0, "v", "")
    assert ran([program, "secrets", "move", "secret", "moved"], env)[0] == 0
    assert "moved/" in json.loads(ran([program, "secrets", "list", "-format=json"], env)[1])
    with vault.seal():
        assert ran([program, "status"], env)[0] == 2
    assert ran([program, "status"], env)[0] == 0


def test_vaultctl_works_on_it(vault, tmp_path):
    """Our command line works on it, whatever the environment said of a local state; it makes none."""
    env = {**vault.env(), "HOME": str(tmp_path), "VAULTCTL_DATA_DIR": str(tmp_path / "state")}
    vaultctl = [sys.executable, "-m", "vaultctl"]
    assert ran([*vaultctl, "kv", "put", "secret/a", "k=v"], env)[0] == 0
    assert vault.kv_get("secret/a") == {"k": "v"}
    with vault.fail(403, "not today", path="sys/mounts"):
        code, _, err = ran([*vaultctl, "secrets", "list"], env)
        assert (code, "* not today" in err) == (2, True)
    with vault.lose():
        code, _, err = ran([*vaultctl, "secrets", "list"], env)
        assert (code, "unexpected EOF" in err) == (2, True)
    assert ran([*vaultctl, "secrets", "move", "secret", "moved"], env)[0] == 0
    assert not (tmp_path / "state" / "state.json").exists()
