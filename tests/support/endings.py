"""Mounts with leases and with tokens, and what ends all of them: for tests that kill whoever does it."""

import sys
from collections.abc import Callable
from itertools import count

from support.states import ROOT_TOKEN, make_core, open_core
from vaultctl.core import jobs
from vaultctl.core.core import Core
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.backend import Backend

READ, UPDATE, DELETE = Operation.READ, Operation.UPDATE, Operation.DELETE
MANY = 12
"""So many leases, or tokens, each mount has."""

MOUNTS = {"lender": "db", "ssh": "ssh", "approle": "auth/roles"}
"""Where a mount of each type is: its leases have effects outside, or are entries of its own, or it gave tokens."""

ENDINGS = ("move", "disable", "prefix")


def ask(core: Core, operation: Operation, path: str, **data: object) -> Response:
    """Ask as root."""
    return core.handle(Request(operation, path, token=ROOT_TOKEN, data=data, remote_addr="127.0.0.1"))


def fill(backend: Backend) -> list[str]:
    """Make a state with all those mounts; give the passwords and tokens that they gave."""
    core = make_core(backend)
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    ask(core, UPDATE, "sys/mounts/ssh", type="ssh")
    ask(core, UPDATE, "ssh/roles/r", key_type="otp", default_user="u", cidr_list="0.0.0.0/0")
    ask(core, UPDATE, "sys/auth/roles", type="approle")
    ask(core, UPDATE, "auth/roles/role/r", bind_secret_id=False, secret_id_bound_cidrs="127.0.0.0/8")
    role_id = (ask(core, READ, "auth/roles/role/r/role-id").data or {})["role_id"]
    given = []
    for _ in range(MANY):
        ask(core, READ, "db/creds/a")
        given.append((ask(core, UPDATE, "ssh/creds/r", ip="1.2.3.4").data or {})["key"])
        given.append((ask(core, UPDATE, "auth/roles/login", role_id=role_id).auth or {})["client_token"])
    core.close()
    return given


def slow_core(backend: Backend) -> Core:
    """Give a core that does as little in a step as it can: each look at its clock finds all time used up."""
    return open_core(backend, monotonic_s=count().__next__)


def end_all(core: Core, type_: str, ending: str) -> None:
    """Do what ends all that a mount gave, and work on it until nothing is left."""
    path = MOUNTS[type_]
    if ending == "move":
        ask(core, UPDATE, "sys/remount", **{"from": path, "to": path + "-moved"})
    elif ending == "disable":
        ask(core, DELETE, f"sys/{path}" if path.startswith("auth/") else f"sys/mounts/{path}")
    else:
        ask(core, UPDATE, f"sys/leases/revoke-prefix/{path}")
    go_on(core)


def go_on(core: Core, after: Callable[[], object] = lambda: None) -> None:
    """Work on what is stored until nothing is left."""
    while core.advance(0):
        after()
    core.advance(0)


def counted(core: Core) -> list[tuple[str, int]]:
    """Tell of every job that revokes how it ended, and how many leases or tokens it counted."""
    with core.sessions.reading() as session:
        found = jobs.history(session.view)
        return [(job.status, job.done) for job in found if job.kind in ("remount", "disable", "leases")]


def left(core: Core) -> list[str]:
    """Name what is stored of leases, of what they stood for, and of tokens that were revoked."""
    folders = ("core/leases/", "core/tokens/revoked/")
    with core.state.reader() as view:
        return [name for folder in folders for name in view.below(folder)]


def find_lender(site: str) -> None:
    """Have this process find the engine that was installed there."""
    sys.path.insert(0, site)
