"""Asking a core to wrap, and what opens what it wrapped."""

from typing import Any

from support.states import ROOT_TOKEN
from vaultctl.core.core import Core
from vaultctl.core.wrapping import past
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response

UNKNOWN = "wrapping token is not valid or does not exist"


def write(
    core: Core, path: str, by: str = ROOT_TOKEN, *, ttl_s: float = 0, namespace: str = "", **data: Any
) -> Response:
    """Write to a path, and have the answer wrapped if that is wanted."""
    return core.handle(Request(Operation.UPDATE, path, namespace=namespace, data=data, token=by, wrap_ttl_s=ttl_s))


def read(core: Core, path: str, *, ttl_s: float = 0, by: str = ROOT_TOKEN) -> Response:
    """Read a path."""
    return core.handle(Request(Operation.READ, path, token=by, wrap_ttl_s=ttl_s))


def token_of(response: Response) -> str:
    """Give the token that an answer is wrapped by."""
    assert response.wrap_info is not None
    return str(response.wrap_info["token"])


def wrap(core: Core, *, ttl_s: float = 300, namespace: str = "", **data: Any) -> str:
    """Wrap some data."""
    return token_of(write(core, "sys/wrapping/wrap", ttl_s=ttl_s, namespace=namespace, **(data or {"a": 1})))


def unwrap(core: Core, token: str, by: str = ROOT_TOKEN, **more: Any) -> Any:
    """Unwrap, and give the data."""
    return write(core, "sys/wrapping/unwrap", by, token=token, **more).data


def look_up(core: Core, token: str) -> Any:
    """Look a wrapping token up."""
    return write(core, "sys/wrapping/lookup", "", token=token).data


def verify(core: Core, token: str, **more: Any) -> Any:
    """Ask what became of a wrapping token."""
    return write(core, "sys/wrapping/verify", "", token=token, **more).data


def is_live(core: Core, token: str) -> bool:
    """Tell whether a wrapping token opens anything."""
    try:
        look_up(core, token)
    except InvalidRequest:
        return False
    return True


def names(core: Core, prefix: str = "") -> list[str]:
    """Give the names of all that is stored."""
    with core.state.reader() as view:
        return list(view.below(prefix))


def lines_of(core: Core) -> list[str]:
    """Give the names of all but what is remembered of wrapping tokens that are gone."""
    return [name for name in names(core) if not name.startswith(past.PREFIX)]


def bare_token(core: Core, namespace: str = "") -> str:
    """Make a token that may do what everybody may."""
    made = write(core, "auth/token/create", namespace=namespace, policies=["default"])
    assert made.auth is not None
    return str(made.auth["client_token"])
