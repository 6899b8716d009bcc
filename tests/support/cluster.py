"""A real cluster: three processes of OpenBao on this machine that keep their storage by raft, and choose a leader."""

import json
import random
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from support.bao import await_that, binary

_QUIET = (12_000, 32_000)
"""Below what Linux and macOS give to connections."""

_CONFIG = """\
disable_mlock = true
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "https://127.0.0.1:{cluster_port}"
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster_port}"
  tls_disable = true
}}
storage "raft" {{
  path = "{folder}"
  node_id = "node-{port}"
  performance_multiplier = 1
  autopilot_reconcile_interval = "100ms"
  autopilot_update_interval = "100ms"
}}
"""


class Node:
    """One server of the cluster."""

    def __init__(self, program: str, home: Path, port: int) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self._home = home / f"node-{port}"
        self._program = program
        self._home.mkdir()
        (self._home / "data").mkdir()
        config = _CONFIG.format(port=port, cluster_port=port + 1, folder=self._home / "data")
        (self._home / "server.hcl").write_text(config)
        self.process = self._run()

    def ask(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        """Ask this node. Raises: OSError, urllib's HTTPError among them."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Vault-Token": token} if token else {}
        request = Request(f"{self.address}/v1/{path}", data, headers, method=method)
        with urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def status(self) -> dict[str, Any]:
        """Tell how it is sealed; nothing while it does not answer."""
        with suppress(OSError):
            found: dict[str, Any] = self.ask("GET", "sys/seal-status")
            return found
        return {}

    def leads(self) -> bool:
        """Tell whether it is the cluster's leader, and at work."""
        with suppress(OSError):
            self.ask("GET", "sys/health")  # 200 only of an active node
            return True
        return False

    def log(self) -> str:
        """Give the end of what the server said."""
        return (self._home / "server.log").read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """Start it with the data that it had."""
        self.process = self._run()

    def _run(self) -> subprocess.Popen[bytes]:
        argv = [self._program, "server", f"-config={self._home / 'server.hcl'}"]
        with open(self._home / "server.log", "ab") as log:
            return subprocess.Popen(argv, env={"HOME": str(self._home)}, stdout=log, stderr=log, cwd=self._home)


class Cluster:
    """The nodes, and what opens them. `token` is the root token."""

    def __init__(self, home: Path, size: int = 3) -> None:
        program = binary()
        self.nodes = [Node(program, home, port) for port in _quiet_ports(size)]
        self.token = self._key = ""

    def begin(self) -> None:
        """Initialise the first node, unseal all of them, and wait until they are one cluster."""
        first = self.nodes[0]
        self._await(lambda: first.status().get("initialized") is False)
        keys = first.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.token, self._key = keys["root_token"], keys["keys"][0]
        self._await(lambda: not self._unsealed(first))
        self._await(first.leads)
        self.ask("POST", "sys/storage/raft/autopilot/configuration", {"server_stabilization_time": "1ms"})
        for node in self.nodes[1:]:
            self._join(node, first)
        self.make_whole()

    def make_whole(self) -> None:
        """Start what was killed, and wait until every node has a vote and stands by for a leader that is at work."""
        for node in self.nodes:
            if node.process.poll() is not None:
                node.start_again()
            self._await(lambda node=node: node.status().get("initialized", False))
            self._await(lambda node=node: not self._unsealed(node))
        self._await(lambda: len(self._voters()) == len(self.nodes))
        self._await(lambda: all(self._follows(node) for node in self.nodes))

    def _join(self, node: Node, first: Node) -> None:
        self._await(lambda: node.status().get("initialized") is False)
        node.ask("POST", "sys/storage/raft/join", {"leader_api_addr": first.address})
        self._await(lambda: node.status().get("initialized", False))

    def _follows(self, node: Node) -> bool:
        """Tell whether a node knows the leader, and has all that is stored."""
        with suppress(OSError):
            said = node.ask("GET", "sys/leader")
            leader = self.leader()
            there = leader.ask("GET", "sys/leader")["raft_committed_index"]
            return said.get("leader_address") == leader.address and said["raft_applied_index"] >= there
        return False

    def _unsealed(self, node: Node) -> bool:
        """Give the key to a node; tell whether it is sealed still."""
        with suppress(OSError):
            sealed: bool = node.ask("PUT", "sys/unseal", {"key": self._key})["sealed"]
            return sealed
        return True

    def leader(self) -> Node:
        """Wait for the node that leads."""
        self._await(lambda: any(node.leads() for node in self.nodes))
        return next(node for node in self.nodes if node.leads())

    def standbys(self) -> list[Node]:
        """Give the nodes that do not lead, and could."""
        leader = self.leader()
        return [node for node in self.nodes if node is not leader and node.process.poll() is None]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the leader with the root token."""
        return self.leader().ask(method, path, body, self.token)

    def mounts(self, table: str = "sys/mounts", node: Node | None = None) -> dict[str, Any]:
        """Give what the leader, or another node, lists."""
        found: dict[str, Any] = (node or self.leader()).ask("GET", table, None, self.token)["data"]
        return found

    def await_mount(self, path: str, node: Node) -> None:
        """Wait until a node has heard of a mount: a standby is a moment late."""
        self._await(lambda: path in self.mounts(node=node))

    def await_done(self, node: Node, migration_id: str) -> None:
        """Wait until a move is over."""
        path = f"sys/remount/status/{migration_id}"
        self._await(
            lambda: node.ask("GET", path, None, self.token)["data"]["migration_info"]["status"] != "in-progress"
        )

    def approle(self, path: str, logins: int) -> None:
        """Enable an auth method, and have it give out tokens, which a move must revoke."""
        leader, token = self.leader(), self.token
        leader.ask("POST", f"sys/auth/{path}", {"type": "approle"}, token)
        bound = {"bind_secret_id": False, "token_bound_cidrs": "127.0.0.0/8", "secret_id_bound_cidrs": "127.0.0.0/8"}
        leader.ask("POST", f"auth/{path}/role/r", bound, token)
        role = leader.ask("GET", f"auth/{path}/role/r/role-id", None, token)["data"]
        with ThreadPoolExecutor(8) as logging_in:
            list(logging_in.map(lambda _: leader.ask("POST", f"auth/{path}/login", role), range(logins)))

    def _voters(self) -> list[str]:
        with suppress(OSError):
            servers = self.ask("GET", "sys/storage/raft/configuration")["data"]["config"]["servers"]
            return [server["node_id"] for server in servers if server["voter"]]
        return []

    def _await(self, holds: Any) -> None:
        def there() -> bool:
            dead = [node for node in self.nodes if node.process.poll() not in (None, -signal.SIGKILL)]
            if dead:
                pytest.fail(dead[0].log())
            return bool(holds())

        await_that(there)


def _quiet_ports(count: int) -> list[int]:
    """Find ports that are free, and so are the next ones, on which a node listens to the others later than it starts.

    They are none of those that the system gives to connections: one of these could take it meanwhile.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(*_QUIET, 2)
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            found += [port] if port not in found else []
    return found


@contextmanager
def clustered(home: Path) -> Iterator[Cluster]:
    """Run a cluster on free ports of this machine, and end it."""
    with ExitStack() as ending:
        cluster = Cluster(home)
        for node in cluster.nodes:
            ending.callback(node.kill)
        cluster.begin()
        yield cluster
