"""A secrets engine by a third party, installed as such a one is: a module and a `.dist-info` with an entry point.

What it lends is a file in a folder, outside any state: reading `creds/<name>` makes one, and a revocation removes it.
The folder tells it how to behave: while there is `broken`, every revocation fails, or those alone of the names that it
holds; while there is `stuck`, the revocation of the name that it holds waits, as for a database that hangs, until
somebody writes to the FIFO `go`. `log` has a line for every effect.
"""

import sys
from pathlib import Path

_MODULE = """
from pathlib import Path

from vaultctl.framework.endpoint import Endpoint, Engine, Leases
from vaultctl.framework.fields import Field
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Lease, Response

FOLDER = Path({folder!r})


def lend(ctx, fields):
    name = fields["name"] + "-" + ctx.random(8).hex()
    (FOLDER / "lent" / name).touch()
    lease = Lease(fields.get("ttl", 0), renewable=True, internal={{"name": name}}, max_ttl_s=fields.get("max_ttl", 0))
    return Response(data={{"name": name}}, lease=lease)


def take_back(ctx, internal):
    name = internal["name"]
    broken, stuck = FOLDER / "broken", FOLDER / "stuck"
    if stuck.exists() and name.startswith(stuck.read_text()):
        (FOLDER / "waiting").touch()
        (FOLDER / "go").read_bytes()
    if broken.exists() and name.startswith(tuple(broken.read_text().split()) or ""):
        raise ConnectionError("postgres://admin:canary-password@db is away")
    (FOLDER / "lent" / name).unlink(missing_ok=True)
    with open(FOLDER / "log", "a") as log:
        print(name, file=log)


def renew(ctx, internal, increment_s):
    return Lease(increment_s or 60, renewable=True, max_ttl_s=600)


FIELDS = {{"ttl": Field("int", "Seconds."), "max_ttl": Field("int", "Seconds.")}}
ENGINE = Engine(
    "lender",
    (Endpoint("creds/{{name}}", {{Operation.READ: lend}}, "Lend a file.", "", FIELDS, reads_write=True),),
    "Lends files.",
    leases=Leases(take_back, renew),
)
"""


class Lender:
    """The engine, as somebody installed it."""

    def __init__(self, folder: Path) -> None:
        """Write the distribution below a folder, and make what it lends from."""
        self.folder = folder
        self.site = folder / "site"
        info = self.site / "lender-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / "lent").mkdir()
        (self.site / "lender.py").write_text(_MODULE.format(folder=str(folder)))
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lender\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[vaultctl.engines]\nlender = lender:ENGINE\n")

    def install(self, monkeypatch) -> None:
        """Have this process find it."""
        monkeypatch.delitem(sys.modules, "lender", raising=False)
        monkeypatch.syspath_prepend(str(self.site))

    @property
    def lent(self) -> list[str]:
        """Name what is lent at this moment."""
        return sorted(path.name for path in (self.folder / "lent").iterdir())

    @property
    def log(self) -> list[str]:
        """Name what was taken back, in its order."""
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    def breaks(self, *names: str) -> None:
        """Have revocations fail, of names that begin so, or all of them."""
        (self.folder / "broken").write_text(" ".join(names))

    def heals(self) -> None:
        """Have revocations succeed again."""
        (self.folder / "broken").unlink()
