"""What the log shows of a path, however it is spelt: nothing that may be a token."""

import pytest

from vaultctl.http.log_line import log_line, shown_path
from vaultctl.http.wire import Call

TOKEN = "mycustomtokenvalue123"


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/auth/token/lookup/{TOKEN}",
        f"/v1/auth/token//lookup/{TOKEN}",
        f"/v1//auth/./token/lookup//{TOKEN}",
        f"/v1/auth/x/../token/lookup/{TOKEN}",
        f"/v1/AUTH/token/lookup/{TOKEN}",
        f"/v1/auth/Token/Revoke-Orphan/{TOKEN}",
        f"/v1/auth%2Ftoken%2flookup%2F{TOKEN}",
        f"/v1/auth%2f%2ftoken/%2e/lookup/{TOKEN}",
        f"/v1/%2561uth/token/l%256fokup/{TOKEN}",
        f"/v1/a%0Ab/auth/token/lookup/%0A{TOKEN}",
        f"/v1/sys/wrapping/lookup/{TOKEN}",
        f"/v1/sys/wrapping/unwrap/{TOKEN}",
        f"/v1/team/sys/wrapping/rewrap/{TOKEN}",
        f"/v1/sys/capabilities/{TOKEN}",
        f"/v1/sys/capabilities-accessor/{TOKEN}",
        f"/v1/xs.{TOKEN}",
        f"/v1/secret/data/HVS.{TOKEN}",
        f"/v1/s%252e{TOKEN}",
        "/v1/" + "%25" * 20 + f"auth/token/lookup/{TOKEN}",
    ],
)
def test_no_spelling_shows_a_token(path):
    """Slashes, dots, escapes and capitals hide no token from being left out."""
    assert TOKEN not in shown_path(Call("GET", path, {}))
    assert TOKEN not in log_line(Call("GET", path + "?x=" + TOKEN, {}), 307, 0.001)


@pytest.mark.parametrize(
    "path",
    ["/v1/secret/data/apps/web", "/v1/sys/wrapping/lookup", "/v1/sys/capabilities", "/v1/auth/token/lookup-self"],
)
def test_other_paths_are_shown(path):
    """A path with no token in it stands in the log as it was asked."""
    assert shown_path(Call("GET", path, {})) == path


def test_a_path_that_is_escaped_over_and_over_is_not_shown():
    """What is still escaped after many rounds is left out whole."""
    assert shown_path(Call("GET", "/v1/%" + "25" * 30 + "41", {})) == "…"
