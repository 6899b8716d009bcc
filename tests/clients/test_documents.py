"""The `curl` samples of the API's documents, typed as they stand, with the real curl.

They stand below as they do in the documents. The root token is the three dots that they show, curl itself is told by
its configuration where 127.0.0.1:8200 is to be found, and `payload.json` holds the payload that stands beside a sample.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import normal
from support.program import Program
from support.sockets import free_port

LIST = r"""
curl \
    --header "X-Vault-Token: ..." \
    http://127.0.0.1:8200/v1/sys/mounts
"""
ENABLE = r"""
curl \
    --header "X-Vault-Token: ..." \
    --request POST \
    --data @payload.json \
    http://127.0.0.1:8200/v1/sys/mounts/my-mount
"""
ENABLED = {"type": "kv", "config": {"force_no_cache": True}}
DISABLE = r"""
curl \
    --header "X-Vault-Token: ..." \
    --request DELETE \
    http://127.0.0.1:8200/v1/sys/mounts/my-mount
"""
READ = r"""
curl \
    --header "X-Vault-Token: ..." \
    http://127.0.0.1:8200/v1/sys/mounts/cubbyhole
"""
READ_TUNED = r"""
curl \
    --header "X-Vault-Token: ..." \
    http://127.0.0.1:8200/v1/sys/mounts/my-mount/tune
"""
TUNE = r"""
curl \
    --header "X-Vault-Token: ..." \
    --request POST \
    --data @payload.json \
    http://127.0.0.1:8200/v1/sys/mounts/my-mount/tune
"""
TUNED = {"default_lease_ttl": 1800, "max_lease_ttl": 3600}
MOVE = r"""
curl \
    --header "X-Vault-Token: ..." \
    --request POST \
    --data @payload.json \
    http://127.0.0.1:8200/v1/sys/remount
"""
MOVED = {"from": "secret", "to": "new-secret"}
STATUS = r"""
curl \
    --header "X-Vault-Token: ..." \
    http://127.0.0.1:8200/v1/sys/remount/status/ef3ba21c-8be8-4e5f-8d00-cb46a532c665
"""
REWRAP = r"""
curl \
    --header "X-Vault-Token: ..." \
    --request POST \
    --data @payload.json \
    http://127.0.0.1:8200/v1/sys/wrapping/rewrap
"""
REWRAPPED = {
    "request_id": "",
    "lease_id": "",
    "lease_duration": 0,
    "renewable": False,
    "data": None,
    "warnings": None,
    "wrap_info": {"ttl": 300, "creation_path": "sys/wrapping/wrap"},
}
WRAP = r"""
curl \
    --header "X-Vault-Token: ..." \
    --header "X-Vault-Wrap-TTL: 300" \
    --request POST \
    --data @payload.json \
    http://127.0.0.1:8200/v1/sys/wrapping/wrap
"""
UNWRAP = REWRAP.replace("rewrap", "unwrap")
STATUS_ID = "ef3ba21c-8be8-4e5f-8d00-cb46a532c665"

ENVELOPE = {
    "request_id": "48d2c601-97a0-3904-f549-4fcbc740d718",
    "lease_id": "",
    "lease_duration": 0,
    "renewable": False,
    "warnings": None,
}
CONFIG = {"default_lease_ttl": 0, "force_no_cache": False, "max_lease_ttl": 0}
BUILT_IN = {"config": CONFIG, "external_entropy_access": False, "options": None, "seal_wrap": False}
CUBBYHOLE = {
    **BUILT_IN,
    "accessor": "cubbyhole_eb4503de",
    "description": "per-token private secret storage",
    "local": True,
    "plugin_version": "",
    "running_plugin_version": "v1.12.0+builtin.openbao",
    "running_sha256": "",
    "type": "cubbyhole",
    "uuid": "79ddaa52-fa07-6f19-653a-f0777f6439fd",
}
MOUNTS = {
    "cubbyhole/": CUBBYHOLE,
    "identity/": {**BUILT_IN, "accessor": "identity_68a03448", "description": "identity store", "type": "identity"},
    "secret/": {
        **BUILT_IN,
        "accessor": "kv_aedd93c1",
        "deprecation_status": "supported",
        "description": "key/value secret storage",
        "local": False,
        "options": {"version": "2"},
        "plugin_version": "",
        "running_plugin_version": "v0.13.0+builtin",
        "running_sha256": "",
        "type": "kv",
        "uuid": "8074a73f-6921-c0cd-589a-016405dc46ec",
    },
    "sys/": {
        **BUILT_IN,
        "accessor": "system_f8df2902",
        "config": {**CONFIG, "passthrough_request_headers": ["Accept"]},
        "description": "system endpoints used for control, policy and debugging",
        "seal_wrap": True,  # the sample is older than OpenBao 2.7, which has true there
        "type": "system",
    },
}


class Typist:
    """Types commands into a shell, on a server of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self._home = home
        home.joinpath(".curlrc").write_text(
            f'silent\nshow-error\nconnect-to = "127.0.0.1:8200:127.0.0.1:{port}"\nwrite-out = "\\n%{{http_code}}"\n'
        )

    def __call__(self, command: str, payload: object = None) -> tuple[int, Any]:
        """Give the status and the decoded body, or None where there is none."""
        self._home.joinpath("payload.json").write_text(json.dumps(payload))
        env = {"PATH": os.environ["PATH"], "HOME": str(self._home)}
        done = subprocess.run(
            ["sh", "-c", command], check=True, capture_output=True, text=True, env=env, cwd=self._home
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body) if body.strip() else None


@pytest.fixture
def typed(tmp_path) -> Iterator[Typist]:
    """A shell whose curl finds a new dev server where the documents have one."""
    if not shutil.which("curl"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("curl is not installed")
    port = free_port()
    process = Program(tmp_path).start("server", "-dev", "-dev-root-token-id=...", f"-listen-address=127.0.0.1:{port}")
    try:
        assert any("server started!" in line for line in process.stdout), process.stderr.read()
        yield Typist(tmp_path, port)
    finally:
        with suppress(OSError):
            process.kill()
        process.communicate()


def missing(documented: Any, came: Any, where: str = "") -> list[str]:
    """Name what the document shows and the answer has not, or has otherwise; an answer may have more."""
    if not isinstance(documented, dict) or not isinstance(came, dict):
        return [] if documented == came else [f"{where}: {came!r} for {documented!r}"]
    here = [f"{where}/{key} is not there" for key in documented.keys() - came.keys()]
    deeper = [missing(documented[key], came[key], f"{where}/{key}") for key in documented.keys() & came.keys()]
    return [*here, *(problem for problems in deeper for problem in problems)]


def check(documented: Any, came: Any) -> None:
    """Fail where an answer is not as documented; ids, accessors and versions are those of the day."""
    assert missing(normal.deep(documented), normal.deep(came)) == []


def test_list(typed):
    """The mounts are listed as documented, in an envelope."""
    status, body = typed(LIST)
    assert status == 200
    check({**ENVELOPE, "data": MOUNTS}, body)


def test_read(typed):
    """One mount is read as documented: in the envelope, and at its top."""
    status, body = typed(READ)
    assert status == 200
    check({**CUBBYHOLE, **ENVELOPE, "data": CUBBYHOLE, "wrap_info": None, "auth": None}, body)


def test_enable_and_disable(typed):
    """Both answer 204 without a body, and the mount comes and goes with the configuration of the payload."""
    assert typed(ENABLE, ENABLED) == (204, None)
    check({"type": "kv", "config": {**CONFIG, "force_no_cache": True}}, typed(LIST)[1]["data"]["my-mount/"])
    assert typed(DISABLE) == (204, None)
    assert "my-mount/" not in typed(LIST)[1]["data"]


def test_tune(typed):
    """TTLs are read as they apply, and change to those of the payload."""
    typed(ENABLE, {"type": "kv", "config": {"default_lease_ttl": "1h", "max_lease_ttl": "2h"}})
    status, body = typed(READ_TUNED)
    assert status == 200
    check({"default_lease_ttl": 3600, "max_lease_ttl": 7200, "force_no_cache": False}, body)
    assert typed(TUNE, TUNED) == (204, None)
    check({**TUNED, "force_no_cache": False}, typed(READ_TUNED)[1])


def test_move_and_its_status(typed):
    """A move answers with its id, by which its status is read; what it did is to be seen."""
    status, body = typed(MOVE, MOVED)
    assert (status, normal.text(body["migration_id"])) == (200, "<uuid>")
    status, told = typed(STATUS.replace(STATUS_ID, body["migration_id"]))
    assert status == 200
    # The sample, which is older than OpenBao 2.7, has no slash at the end of a mount.
    info = {"source_mount": "secret/", "target_mount": "new-secret/", "status": "success"}
    check({"migration_id": body["migration_id"], "migration_info": info}, told["data"])
    assert {"secret/", "new-secret/"} & typed(LIST)[1]["data"].keys() == {"new-secret/"}


def test_status_of_no_move(typed):
    """The sample's own id is that of no move here, which is 404 without a word."""
    assert typed(STATUS) == (404, {"errors": []})


@pytest.mark.parametrize("payload", [{"from": "ns1/ns2/secret", "to": "ns1/ns3/new-secret"}, {}, {"from": "secret"}])
def test_payloads_that_move_nothing(typed, payload):
    """Namespaces that are not there are parts of a path where nothing is mounted; both fields are needed."""
    status, body = typed(MOVE, payload)
    assert (status, list(body)) == (400, ["errors"])


def test_rewrap(typed):
    """A wrapping token is rotated as documented, its TTL beginning anew; the new one opens what the old one did."""
    token = typed(WRAP, {"foo": "bar"})[1]["wrap_info"]["token"]
    status, body = typed(REWRAP, {"token": token})
    assert status == 200
    check(REWRAPPED, body)
    assert {"token", "ttl", "creation_time", "creation_path"} <= body["wrap_info"].keys()
    assert typed(REWRAP, {"token": token}) == (400, {"errors": ["wrapping token is not valid or does not exist"]})
    assert typed(UNWRAP, {"token": body["wrap_info"]["token"]})[1]["data"] == {"foo": "bar"}


def test_rewrap_of_the_sample_token(typed):
    """The token of the sample is none, and is refused in OpenBao's words."""
    refused = (400, {"errors": ["wrapping token is not valid or does not exist"]})
    assert typed(REWRAP, {"token": "abcd1234..."}) == refused
