"""Neither what was wrapped nor what opens it is found anywhere in clear: state, audit, errors, the server's log."""

import json
import subprocess
from typing import Any

import pytest
from support.audits import OWNED, enable, lines
from support.places import ON_DISK, Place
from support.program import Program
from support.sockets import ask, free_port
from support.states import ROOT_TOKEN, make_core

from vaultctl.core.core import Core
from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import Operation, Request

CANARY = "canary-51c0ffee"


def _asked(core: Core, path: str, by: str = ROOT_TOKEN, *, ttl_s: float = 0, jwt: bool = False, **data: Any) -> Any:
    request = Request(Operation.UPDATE, path, data=data, token=by, wrap_ttl_s=ttl_s, wrap_format="jwt" if jwt else "")
    try:
        return core.handle(request)
    except VaultError as error:
        return error


def _life(core: Core) -> tuple[list[str], list[str]]:
    """Wrap, look up, rewrap, unwrap, fail; give what must be nowhere, and all that errors said."""
    secrets, errors = [CANARY], []
    for jwt in (False, True):
        made = [_asked(core, "sys/wrapping/wrap", ttl_s=60, jwt=jwt, k=CANARY) for _ in range(4)]
        made.append(_asked(core, "sys/wrapping/rewrap", token=made[0].wrap_info["token"]))
        made.append(_asked(core, "sys/wrapping/unwrap", ttl_s=60, token=made[1].wrap_info["token"]))
        infos = [answer.wrap_info for answer in made]
        secrets += [info[name] for info in infos for name in ("token", "accessor")]
        for info in infos:
            for path in ("lookup", "unwrap", "rewrap", "verify"):
                for body in ({"token": info["token"]}, {"token": info["token"], "expect_path": "elsewhere"}, {}):
                    answer = _asked(core, f"sys/wrapping/{path}", info["token"] if not body else ROOT_TOKEN, **body)
                    errors += [str(answer), repr(answer)] if isinstance(answer, VaultError) else []
    return secrets, errors


@pytest.mark.parametrize("kind", ON_DISK)
def test_nothing_is_in_clear_in_the_state_the_audit_or_an_error(kind, tmp_path):
    """Of contents, tokens and accessors, live or gone, none is in a file or in what a refusal says."""
    place, log = Place(kind, tmp_path), tmp_path / "audit.log"
    core = make_core(place.open(), **OWNED)
    enable(core, token=ROOT_TOKEN, file_path=str(log))
    secrets, errors = _life(core)
    core.close()
    said = "\n".join(errors)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert len(lines(log)) > 50
    assert len(errors) > 20
    assert [secret for secret in secrets if secret.encode() in files or secret in said] == []


def test_nothing_is_in_clear_in_the_log_of_a_server(tmp_path):
    """A server that logs all it can says neither what was wrapped nor what opens it, wherever the token stands."""
    port = free_port()
    process = Program(tmp_path).start(
        "server",
        "-dev",
        f"-dev-root-token-id={ROOT_TOKEN}",
        f"-dev-listen-address=127.0.0.1:{port}",
        "-log-level=trace",
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if "server started!" in line:
            break
    root = {"X-Vault-Token": ROOT_TOKEN}
    body = json.dumps({"k": CANARY}).encode()
    made = ask(port, "POST", "/v1/sys/wrapping/wrap", body, {**root, "X-Vault-Wrap-TTL": "60"}).json["wrap_info"]
    token = made["token"]
    for path in (
        f"lookup?token={token}",
        f"lookup/{token}",
        f"unwrap/{token}",
        f"rewrap?token={token}",
        f"verify/{token}",
    ):
        ask(port, "GET", f"/v1/sys/wrapping/{path}", None, root)
    ask(port, "POST", "/v1/sys/wrapping/unwrap", b"{}", {"X-Vault-Token": token})
    process.terminate()
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    text = "".join(said) + out + err
    assert [secret for secret in (CANARY, token, made["accessor"]) if secret in text] == []
