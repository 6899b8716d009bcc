"""One request's hold on the state: its storage, and the decoded tables that go with that generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core import mounts, namespaces, tokens
from vaultctl.core.views import Transaction, View
from vaultctl.crypto.barrier import ROTATE_AFTER

if TYPE_CHECKING:
    from vaultctl.core.exchange import Host
    from vaultctl.core.identity import Who
    from vaultctl.core.mounts import Mount, MountTable
    from vaultctl.core.namespaces import Namespace, NamespaceTable
    from vaultctl.core.policies.acl import Acl
    from vaultctl.core.policies.acls import Acls
    from vaultctl.core.state import Opened, State
    from vaultctl.core.views import Savepoint
    from vaultctl.storage.header import Header


class Tables:
    """Decoded tables, each kept until the header says that it changed."""

    def __init__(self) -> None:
        self._kept: tuple[Header, MountTable, NamespaceTable] | None = None
        self._acls: Acls | None = None

    def of(self, view: View) -> tuple[MountTable, NamespaceTable]:
        """Give the tables of mounts and namespaces of a generation."""
        kept, header = self._kept, view.header
        if kept is None:
            kept = self._kept = header, mounts.load_table(view), namespaces.load_table(view)
        elif kept[0] is not header:
            former, mount_table, namespace_table = kept
            if _version(former, "mounts") != _version(header, "mounts"):
                mount_table = mounts.load_table(view)
            if _version(former, "namespaces") != _version(header, "namespaces"):
                namespace_table = namespaces.load_table(view)
            kept = self._kept = header, mount_table, namespace_table
        return kept[1:]

    def acls(self) -> Acls:
        """Give the access lists that were compiled; only tokens that are not root's come here."""
        if self._acls is None:
            from vaultctl.core.policies.acls import Acls

            self._acls = Acls()
        return self._acls

    def keep(self, header: Header, session: Session) -> None:
        """Take over the tables that were just committed."""
        self._kept = header, session.mounts, session.namespaces


class Mark(NamedTuple):
    """A savepoint of the transaction, and the tables as they were."""

    changes: Savepoint
    mounts: MountTable
    namespaces: NamespaceTable


class Session:
    """A view or a transaction, with the tables as this request sees them."""

    def __init__(self, view: View, tables: Tables, host: Host) -> None:
        self.view = view
        self.host = host
        self._tables = tables
        self._writes = view if isinstance(view, Transaction) else None
        self.header = view.header
        """That of the generation that was opened, and behind a commit that of the one that it made."""
        self.mounts, self.namespaces = tables.of(view)

    @property
    def transaction(self) -> Transaction:
        """What a job's step writes with. A view is a programming error, as a write on it is."""
        if self._writes is None:
            raise RuntimeError("a write on a snapshot")
        return self._writes

    def put_mount(self, mount: Mount) -> None:
        """Add or change a mount."""
        mounts.store(self.view, mount)
        self.mounts = self.mounts.replaced(mount.uuid, mount)

    def remove_mount(self, mount: Mount) -> None:
        """Take a mount out of the table."""
        self.view.delete(mounts.PREFIX + mount.uuid)
        self.mounts = self.mounts.replaced(mount.uuid, None)

    def acl(self, namespace: Namespace, policies: tuple[str, ...], now_s: float, who: Who | None = None) -> Acl:
        """Give what policies of a namespace, by their names, allow somebody together. Raises: VaultError."""
        return self._tables.acls().get(self.view, namespace, policies, now_s, who)

    def put_namespace(self, namespace: Namespace) -> None:
        """Add or change a namespace."""
        namespaces.store(self.view, namespace)
        self.namespaces = self.namespaces.replaced(namespace.path, namespace)

    def remove_namespace(self, namespace: Namespace) -> None:
        """Take a namespace out of the table."""
        self.view.delete(namespaces.PREFIX + namespace.id)
        self.namespaces = self.namespaces.replaced(namespace.path, None)

    def mark(self) -> Mark | None:
        """Give a savepoint; on a view there is nothing to go back to."""
        return Mark(self._writes.mark(), self.mounts, self.namespaces) if self._writes else None

    def rollback(self, mark: Mark | None) -> None:
        """Undo every change since the savepoint."""
        if self._writes and mark:
            self._writes.rollback(mark.changes)
            self.mounts, self.namespaces = mark.mounts, mark.namespaces

    @property
    def changed(self) -> bool:
        """Tell whether there is anything to commit."""
        return self._writes is not None and self._writes.changed

    def changed_below(self, prefix: str) -> bool:
        """Tell whether this session stored or removed anything whose name begins so."""
        return self.view.changed_below(prefix)

    def commit(self) -> None:
        """Make the changes durable, if there are any. Raises: StateError."""
        transaction = self._writes
        if transaction is None or not transaction.changed:
            return
        if transaction.new_root_key is not None:
            self._keep_root_key(transaction, transaction.new_root_key)
        self.header = transaction.commit(rotate_after=self._rotate_after(transaction))
        self._tables.keep(self.header, self)
        tokens.keep_read(transaction, self.header)

    def _keep_root_key(self, transaction: Transaction, root_key: bytes) -> None:
        """Keep a new root key that no seal opens by itself before it is committed, or nobody would have it.

        Killed behind the commit, it is there; killed in front of it, what was kept is of an unseal key that never was.
        """
        keeper = self.host.sealing.keeper
        if keeper.root_key(transaction.header) is not None:  # else the shares themselves were given for this command
            keeper.keep(transaction.stands, root_key)

    def _rotate_after(self, transaction: Transaction) -> float:
        """Tell after how many encryptions a keyring term is replaced; where people chose that, it is looked up."""
        if "rotation" not in transaction.header.tables:
            return ROTATE_AFTER
        from vaultctl.core import rotation

        return rotation.limit(transaction, self.host.now_ns())


class Sessions:
    """Opens sessions over one state, which share their decoded tables."""

    def __init__(self, state: State, host: Host) -> None:
        """`host` has the engines, clocks and randomness for what is done outside any request."""
        self.state = state
        self.host = host
        self._tables = Tables()

    def reading(self) -> Opened[Session]:
        """Open the newest generation, without a lock. Raises: StateError, Sealed."""
        return self.state.reader().then(self.of)

    def writing(self, *, synced: bool = True) -> Opened[Session]:
        """Open the newest generation for a transaction: a request's, or a job's step. Raises: StateError, Sealed."""
        return self.state.writer(synced=synced).then(self.of)

    def of(self, view: View) -> Session:
        """Give the session over a view or transaction."""
        return Session(view, self._tables, self.host)


def _version(header: Header, table: str) -> tuple[str, int]:
    return header.cluster_id, header.tables.get(table, 0)
