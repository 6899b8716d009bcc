"""The audit of a server: who may enable devices, what it shares with commands, and headers."""

import json

import pytest
from support.audits import lines
from support.sockets import ask

from vaultctl.connect.server_config import read_server_config

_REFUSED = "cannot enable audit device via API; use declarative, config-based audit device management instead"


@pytest.fixture
def log(tmp_path):
    """Where a device writes."""
    return tmp_path / "audit.log"


def _config(tmp_path, **settings):
    path = tmp_path / "server.json"
    path.write_text(json.dumps(settings))
    return f"-config={path}"


def _device(log, **options):
    return json.dumps({"type": "file", "options": {"file_path": str(log), **options}}).encode()


def test_clients_enable_no_devices_unless_the_config_says_so(serve, serve_dev, vaultctl, tmp_path, log):
    """A server without that setting refuses, over a state of one's own as in memory; with it, it does not."""
    vaultctl("secrets", "list")
    token = (vaultctl.data / "root-token").read_text().strip()
    for server in (serve(token=token), serve_dev()):
        got = server.ask("PUT", "sys/audit/file", _device(log))
        assert (got.status, got.json["errors"]) == (400, [_REFUSED])
        assert server.stop()[0] == 0
    allowed = _config(tmp_path, unsafe_allow_api_audit_creation=True)
    for server in (serve(allowed, token=token), serve_dev(allowed)):
        assert server.ask("PUT", "sys/audit/prefixed", _device(log, prefix="#!")).status == 400
        assert server.ask("PUT", "sys/audit/file", _device(log)).status == 204
        assert server.stop()[0] == 0


def test_a_server_writes_to_the_devices_of_its_state(serve, vaultctl, log):
    """A device that a command enabled gets what a running server is asked, and what other commands do."""
    vaultctl("secrets", "list")
    server = serve(token=(vaultctl.data / "root-token").read_text().strip())
    server.ask("GET", "sys/mounts")
    assert vaultctl("audit", "enable", "file", f"file_path={log}").code == 0
    assert server.ask("GET", "secret/data/x").status == 404
    vaultctl("kv", "put", "-mount=secret", "x", "a=canary-2f7d")
    assert server.ask("GET", "secret/data/x").status == 200
    assert server.ask("GET", "sys/health").status == 200
    found = [(entry["request"]["path"], entry["request"].get("remote_address")) for entry in lines(log)]
    assert found.count(("secret/data/x", "127.0.0.1")) == 4
    assert found.count(("secret/data/x", None)) == 2
    assert "canary-2f7d" not in log.read_text()
    assert not [path for path, _ in found if path == "sys/health"]


def test_a_client_hears_that_nothing_can_be_recorded(serve_dev, tmp_path):
    """Where no device can be written, clients get 500 and no word of files; what needs no audit is answered."""
    server = serve_dev(_config(tmp_path, unsafe_allow_api_audit_creation=True))
    assert server.ask("PUT", "sys/audit/full", _device("/dev/full", skip_test="true")).status == 500
    for method, path in (("GET", "sys/mounts"), ("DELETE", "sys/audit/full")):
        got = server.ask(method, path)
        assert (got.status, got.json["errors"]) == (500, ["internal error"])
    assert server.ask("GET", "sys/health").status == 200


def test_headers_are_recorded_where_they_are_asked_for(serve_dev, tmp_path, log):
    """A header that is configured is in the entries, hashed if it is to be, and no other one is."""
    server = serve_dev(_config(tmp_path, unsafe_allow_api_audit_creation=True))
    server.ask("PUT", "sys/audit/file", _device(log))
    server.ask("POST", "sys/config/auditing/request-headers/X-Plain", b'{"hmac": false}')
    server.ask("POST", "sys/config/auditing/request-headers/X-Hashed", b'{"hmac": true}')
    sent = {"X-Vault-Token": server.token, "X-Plain": "seen", "X-Hashed": "canary-1", "X-Other": "canary-2"}
    ask(server.port, "GET", "/v1/sys/mounts", None, sent)
    headers = lines(log)[-1]["request"]["headers"]
    assert headers["x-plain"] == ["seen"]
    assert headers["x-hashed"][0].startswith("hmac-sha256:")
    assert headers.keys() == {"x-plain", "x-hashed"}
    assert "canary" not in log.read_text()


def test_the_settings_are_read(tmp_path):
    """Both settings of a config file come to what clients may do."""
    _config(tmp_path, unsafe_allow_api_audit_creation="true", allow_audit_log_prefixing=True)
    rules = read_server_config(str(tmp_path / "server.json")).audit_rules
    assert (rules.may_enable, rules.may_prefix, rules.is_owner) == (True, True, False)
