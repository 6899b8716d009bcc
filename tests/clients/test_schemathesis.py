"""schemathesis, which makes requests out of a server's own description, on `vaultctl server -dev`."""

import re
import subprocess
import sys
from pathlib import Path

from support.bao import ROOT_TOKEN
from support.soak import times
from support.sockets import ask

from vaultctl.logical.request import Operation

_EXAMPLES = times(8, 60)
_METHODS = {"get", "post", "patch", "delete"}
_LEFT_OUT = "^/(sys/(un)?seal$|identity/(oidc|mfa|group|group-alias|lookup/group|entity/merge)(/|$))"
"""What comes behind a seal is 503, and what vaultctl has not is 501: as it must be."""


def test_no_request_made_from_the_description_is_the_servers_fault(ours, tmp_path):
    """Whatever is asked of the described paths, rightly or wrongly, no answer is 500 or above."""
    ours.ask(Operation.UPDATE, "sys/mounts/one", {"type": "kv", "options": {"version": "1"}})
    paths = ours.ask(Operation.READ, "sys/internal/specs/openapi").raw["paths"]
    described = sum(len(_METHODS & item.keys()) for path, item in paths.items() if not re.search(_LEFT_OUT, path))
    api = f"{ours.env['BAO_ADDR']}/v1"
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run", f"{api}/sys/internal/specs/openapi"),
            *("--url", api, "--header", f"X-Vault-Token: {ROOT_TOKEN}", "--checks", "not_a_server_error"),
            *("--phases", "coverage,fuzzing", "--mode", "all", "--max-examples", str(_EXAMPLES)),
            *("--exclude-path-regex", _LEFT_OUT),
            *("--continue-on-failure", "--warnings", "off", "--no-color"),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        cwd=tmp_path,
    )
    said = done.stdout[-4000:] + done.stderr
    assert done.returncode == 0, said
    tested = re.search(r"Tested: (\d+)", said)
    assert tested, said
    assert int(tested[1]) >= described - 1, "all but the description itself"


def test_the_description_tells_strangers_of_no_path(bao, ours):
    """Without a token there is a description, as in OpenBao, and nothing in it."""
    for server in (bao, ours):
        got = ask(server.port, "GET", "/v1/sys/internal/specs/openapi")
        assert (got.status, got.json["openapi"], got.json["paths"]) == (200, "3.0.2", {})
