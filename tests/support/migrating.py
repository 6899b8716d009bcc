"""A state in a data folder that goes over to another seal, with what people keep of it: the shares that were shown."""

from pathlib import Path

from vaultctl.client import kv
from vaultctl.client.client import Client
from vaultctl.connect import Connection, connect_local
from vaultctl.connect.maintenance import Maintenance
from vaultctl.crypto.seals.blob import key_id_of

SHARES, THRESHOLD = 3, 2
OTHER_LABEL = "another"
SHOWN = "share "
"""Begins the lines in which a process shows shares; all of them come before the first that says `migrated`."""


class Folder:
    """A data folder, and beside it the file with the shares that were shown last."""

    def __init__(self, data: Path, storage: str, environ: dict[str, str]) -> None:
        self.data = data
        self.storage = storage
        self.environ = environ
        self.shares = data.with_name(data.name + ".shares")

    @property
    def names(self) -> dict[str, str]:
        """Give the environment of a command."""
        named = {"VAULTCTL_UNSEAL_KEY": f"file:{self.shares}"} if self.shares.exists() else {}
        return {
            "VAULTCTL_DATA_DIR": str(self.data),
            "VAULTCTL_STORAGE": self.storage,
            **self.environ,
            **named,
        }

    @property
    def seal(self) -> str:
        """Tell the type of the seal."""
        maintenance = self.maintenance()
        try:
            return maintenance.seal()[0]
        finally:
            maintenance.close()

    def maintenance(self) -> Maintenance:
        """Give what works on the state as a whole."""
        return Maintenance(self.names, tell=print)

    def open(self) -> Connection:
        """Open the state, as a new process does."""
        return connect_local(self.names, makes=False)

    def make(self, secrets: int) -> None:
        """Make the state, with so many secrets on a seal-wrapped mount."""
        connection = connect_local(self.names)
        client = Client(connection, token=connection.token)
        client.call("POST", "sys/mounts/w", {"type": "kv", "seal_wrap": True})
        client.call("POST", "w/first", {"key": "0"})
        with connection._core.sessions.writing() as session:
            mount = session.mounts.at("w/")
            assert mount
            for number in range(secrets):
                value = b'{"key":"value %d"}' % number
                session.view.put(f"{mount.storage_prefix}data/{number}", value, seal_wrap=True)
            session.view.delete(f"{mount.storage_prefix}data/first")
            session.commit()
        connection.close()

    def read(self, count: int) -> list[str]:
        """Read some of the secrets, as a new process does."""
        connection = self.open()
        try:
            client = Client(connection, token=connection.token)
            return [str(kv.get(client, kv.locate(client, f"w/{number}")).data["key"]) for number in range(count)]
        finally:
            connection.close()

    def note_shown(self, lines: list[str]) -> None:
        """Keep the shares that were shown, if any were."""
        self.note([line.removeprefix(SHOWN) for line in lines if line.startswith(SHOWN)])

    def note(self, shares: list[str]) -> None:
        """Keep shares."""
        if shares:
            self.shares.touch(mode=0o600)
            self.shares.write_text("\n".join(shares))

    def check(self, kind: str, count: int) -> None:
        """Bring the rewrap to its end: nothing failed, all is counted, and under this seal, and nothing is damaged."""
        connection = self.open()
        while connection.advance(60):
            pass
        client = Client(connection, token=connection.token)
        told = client.call("GET", "sys/sealwrap/rewrap").data or {}
        with connection._core.state.reader() as view:
            key_ids = {key_id_of(view.snapshot.get(name) or b"") for name in view.below("logical/")} - {""}
            assert ("previous" in view.header.seal, view.header.seal["type"]) == (False, kind)
            wrapped = sum(bool(key_id_of(view.snapshot.get(name) or b"")) for name in view.below("logical/"))
            if kind == "shamir":
                assert (key_ids, wrapped) == (set(), 0)
            elif told["phase"]:  # a first use has had no rewrap
                assert (key_ids, wrapped) == ({view.header.seal["key_id"]}, count)
                assert told["entries"]["processed"] >= count
        assert (told["entries"]["failed"], told["is_running"], told["error"]) == (0, False, "")
        assert told["entries"]["processed"] == told["entries"]["succeeded"] == told["total"]
        connection.close()
        maintenance = self.maintenance()
        assert maintenance.check().problems == []
        maintenance.close()


def step(folder: Folder, kind: str, tell=lambda _line: None) -> None:
    """Migrate, as the command does: show and keep new shares first, enter shares where they are needed."""
    maintenance = folder.maintenance()
    migration = maintenance.seal_migration(kind)
    quorum = migration.quorum()
    if quorum is None and kind == "shamir":
        shares = [share.hex() for share in migration.prepare(SHARES, THRESHOLD, []).shares]
        for share in shares:
            tell(SHOWN + share)
        folder.note(shares)
        entered = []
    else:
        entered = migration.named_shares() if folder.shares.exists() else []
    migration.finish(entered[:THRESHOLD])
    tell("migrated")
    maintenance.close()
    _rewrap(folder, tell)


def turn_key(folder: Folder, tell=lambda _line: None) -> None:
    """Give the seal a new key, of pkcs11 the one with the other label."""
    maintenance = folder.maintenance()
    maintenance.rotate_seal_key(key_label=OTHER_LABEL if maintenance.seal()[0] == "pkcs11" else "")
    tell("rotated")
    maintenance.close()
    _rewrap(folder, tell)


def _rewrap(folder: Folder, tell) -> None:
    connection = folder.open()
    while connection.advance(0):
        tell("stepped")
    connection.close()
