"""Moves on a remote: asked of its leader, followed when another node takes the lead, and written down in the journal.

A cluster keeps the status of a move in its leader's memory. A standby does not know of it, and so does not the next
leader: what became of the move is then read off where the engine is.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure
from vaultctl.client import moves, sys
from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer, PermissionDenied, StateError, VaultError

if TYPE_CHECKING:
    from vaultctl.connect.remote import RemoteConnection

_PATIENCE_S = 60.0
"""So long a cluster may be without a leader. An election takes seconds."""

_POLL_TIMEOUT_S = 10.0
"""A node that takes longer to tell how a move stands is taken for one that hangs."""

_LATE_S = 0.5
"""A standby that is only late has caught up by then."""

_REFRESHED = 20
_TOO_MANY = 429

Info = Mapping[str, Any] | None


def begin(run: Run, connection: "RemoteConnection", source: str, target: str, *, rewrites: bool = False) -> str:
    """Begin a move at the cluster's leader, and write it down; give its id. Raises: VaultError.

    One that is to rewrite policies is looked at first, and their texts are kept.
    """
    accessor = ""
    if connection.cluster.go_to_leader():
        accessor = moves.accessor_at(run.client, source)
        _learn_nodes(run, connection)
    key = _prepare_rewriting(run, connection, source, target) if rewrites else ""
    migration_id = _start(run, source, target, rewrites=rewrites)
    facts = {"source_mount": source, "target_mount": target, "status": "in-progress", "accessor": accessor}
    facts |= {"rewrites": key} if key else {}
    place = {"address": connection.given, "leader": connection.address, "namespace": run.env.namespace}
    _note(run, connection, migration_id, **place, cluster_id=_cluster_id(connection), **facts)
    return migration_id


def _start(run: Run, source: str, target: str, *, rewrites: bool) -> str:
    """Begin a move, and have an engine of ours rewrite policies; others do not look at that."""
    try:
        return sys.start_move(run.client, source, target, rewrite_policies=rewrites)
    except VaultError as error:
        if not rewrites or error.status != PermissionDenied.status:
            raise
        return sys.start_move(run.client, source, target)  # a policy may allow no more than the two paths


def _prepare_rewriting(run: Run, connection: "RemoteConnection", source: str, target: str) -> str:
    from vaultctl.cli import remote_rewrites

    return remote_rewrites.prepare(run, connection, source, target)


def has_rewrites(run: Run, connection: "RemoteConnection", migration_id: str) -> bool:
    """Tell whether a move that was begun from here has policies to rewrite."""
    return "rewrites" in _noted(run, connection).get(migration_id, {})


def known(run: Run, connection: "RemoteConnection", migration_id: str) -> Info:
    """Tell how a move stands: by the leader, else by the journal and where the engine is.

    Raises: VaultError; Failure where it was made on another server.
    """
    connection.cluster.go_to_leader()
    info = sys.move_status(run.client, migration_id)
    noted = _noted(run, connection).get(migration_id)
    if info is not None:
        if noted is not None:
            _note_status(run, connection, migration_id, info)
        return info
    if noted is None or "ended" in noted:
        return noted and _shown(noted)
    if noted.get("address") != connection.given and noted.get("cluster_id") != (_cluster_id(connection) or None):
        where = f"{noted.get('address')}, and the address is {connection.given}"
        raise Failure(f"the move {migration_id} was made on {where}")
    return found_out(run, connection, migration_id, noted)


def found_out(run: Run, connection: "RemoteConnection", migration_id: str, noted: Mapping[str, Any]) -> Info:
    """Tell of a move that the remote has forgotten by where its engine is, and write that down. Raises: VaultError."""
    namespace = noted.get("namespace", run.env.namespace)
    client = Client(connection, token=connection.token, namespace=namespace)
    became = moves.find_out(client, noted["source_mount"], noted["target_mount"], noted.get("accessor", ""))
    flags = f"-namespace={namespace} " if namespace else ""
    if connection.cluster.is_first_silent():  # who types it has the address of a node that is gone
        flags = f"-address={connection.address} {flags}"
    go_on = became.go_on.replace("vaultctl secrets move ", f"vaultctl secrets move {flags}", 1)
    facts = {"status": became.status, "error": "" if became.status == "success" else became.seen, "seen": became.seen}
    _note(run, connection, migration_id, **facts, go_on=go_on, ended=_now())
    return _shown({**noted, **facts, "go_on": go_on})


def listed(run: Run, connection: "RemoteConnection") -> dict[str, Mapping[str, Any]]:
    """Give the moves that the remote lists, and those that were made on it from here, the oldest first."""
    noted = _noted(run, connection)
    ours = {key: move for key, move in noted.items() if move.get("address") == connection.given}
    client = run.client
    told: dict[str, Mapping[str, Any]] = {}
    with suppress(VaultError):
        told = sys.moves(client)
    cluster_id = _cluster_id(connection)
    if cluster_id is None:
        run.env.err(f"vaultctl: {connection.address} does not answer: these are the moves that were written down here")
    elif cluster_id:
        ours = {key: move for key, move in noted.items() if key in ours or move.get("cluster_id") == cluster_id}
        open_ones = [key for key, move in ours.items() if "ended" not in move and key not in told]
        connection.cluster.go_to_leader()
        for key in open_ones[-_REFRESHED:]:
            with suppress(VaultError):
                info = sys.move_status(client, key)
                told[key] = info if info else found_out(run, connection, key, ours[key]) or {}
                _note_status(run, connection, key, told[key])
    return {key: {**_shown(ours.get(key, {})), **told.get(key, {})} for key in {**ours, **told}}


class Follower:
    """Reads how a move stands until it is over, whatever node leads meanwhile."""

    def __init__(self, run: Run, connection: "RemoteConnection", migration_id: str, until_s: float | None) -> None:
        """`until_s` is the moment of the monotonic clock at which nobody waits any more."""
        self._run = run
        self._connection = connection
        self._id = migration_id
        self._until_s = until_s
        self._reads = 0
        self._silent_since_s: float | None = None
        connection.door.timeout_s = min(connection.door.timeout_s, _POLL_TIMEOUT_S)
        if connection.cluster.knows_one():
            _learn_nodes(run, connection)

    def read(self) -> Info:
        """Read the status; None is that nobody knows of the move any more. Raises: Failure, VaultError."""
        self._reads += 1
        try:
            info = sys.move_status(self._run.client, self._id)
        except VaultError as error:
            if not _is_trouble(error):
                raise
            return self._silence()
        succeeded = info is not None and info["status"] == "success"
        if self._reads > 1 and not succeeded and self._connection.cluster.lost_leader():
            return self._silence()  # what a former leader remembers goes on nowhere
        if self._silent_since_s is not None:
            self._silent_since_s = None
            self._run.env.err(f"vaultctl: {self._connection.address} leads now")
        return info

    def _silence(self) -> Info:
        """Look for the leader, and say so the first time. Raises: Failure."""
        now_s = time.monotonic()
        if self._silent_since_s is None:
            self._silent_since_s = now_s
            self._run.env.err(f"vaultctl: {self._connection.address} leads no more: looking for the leader")
        until_s = self._silent_since_s + _PATIENCE_S
        until_s = min(until_s, self._until_s) if self._until_s else until_s
        if now_s >= until_s or not self._connection.cluster.seek(until_s):
            raise Failure(
                f"Failure! No leader answers any more, and what became of the move {self._id} is not known\n\n"
                f"ask again with: vaultctl remount watch {self._id}"
            )
        return {"status": "in-progress"}

    def ended(self, info: Info, source: str, target: str) -> Info:
        """Write down how a move ended; where nobody knows that, find out. Raises: VaultError."""
        noted = _noted(self._run, self._connection).get(self._id)
        if noted is None:  # it was begun elsewhere
            place = {"address": self._connection.given, "namespace": self._run.env.namespace}
            noted = {"source_mount": source, "target_mount": target, **place}
            _note(self._run, self._connection, self._id, **noted)
        if info is not None:
            _note_status(self._run, self._connection, self._id, info)
            if info["status"] == "success":
                _tell_of_standby(self._run, self._connection, target)
            return info
        return found_out(self._run, self._connection, self._id, noted)


def _learn_nodes(run: Run, connection: "RemoteConnection") -> None:
    """Note the other nodes while there is one to ask; not every token may."""
    with suppress(VaultError):
        connection.cluster.learn(sys.node_addresses(Client(connection, token=connection.token)))  # the root's alone


def _tell_of_standby(run: Run, connection: "RemoteConnection", target: str) -> None:
    """Say so where the node that was addressed does not know the new path: OpenBao 2.7's standbys do not hear of it."""
    leader, until_s = connection.address, time.monotonic() + _LATE_S
    with connection.cluster.back_at_first() as stands_by:
        while stands_by and not moves.accessor_at(run.client, target):
            if time.monotonic() >= until_s:
                where = f"the leader, {leader}, does"
                run.env.err(f"vaultctl: {connection.given} stands by, and does not list {target}: {where}")
                return
            time.sleep(_LATE_S / 10)


def _is_trouble(error: VaultError) -> bool:
    """Tell what comes of a node that is gone, sealed or no leader from what it refuses."""
    return isinstance(error, NoAnswer) or error.status >= 500 or error.status == _TOO_MANY


def _cluster_id(connection: "RemoteConnection") -> str | None:
    """Give the cluster's ID, "" where it has none or is sealed, None where nothing answers."""
    said = connection.door.ask_openly(connection.door.address, "sys/seal-status")
    return None if said is None else str(said.get("cluster_id") or "")


def _shown(noted: Mapping[str, Any]) -> dict[str, Any]:
    """Give a move of the journal as the answer of a server that keeps them; what is not known is empty."""
    shown = {"source_mount": "", "target_mount": "", "status": "unknown", "error": "", "started": "", "updated": ""}
    return {**shown, "phase": "", "done": 0, "total": 0, **noted}


def _note_status(run: Run, connection: "RemoteConnection", migration_id: str, info: Mapping[str, Any]) -> None:
    names = ("status", "phase", "error")
    facts = {name: info[name] for name in names if info.get(name)}
    _note(run, connection, migration_id, **facts, **({} if info["status"] == "in-progress" else {"ended": _now()}))


def _note(run: Run, connection: "RemoteConnection", migration_id: str, **facts: Any) -> None:
    try:
        connection.journal.note(migration_id, **facts)
    except StateError as error:
        run.env.err_once("journal", f"vaultctl: {error.errors[0]}: the move is not written down, and goes on")


def _noted(run: Run, connection: "RemoteConnection") -> dict[str, dict[str, Any]]:
    try:
        return connection.journal.moves()
    except StateError as error:
        run.env.err_once("journal", f"vaultctl: {error.errors[0]}: the journal of moves is not read")
        return {}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
