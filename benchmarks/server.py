"""Compares the servers: `vaultctl server` over a state in memory, in JSON and in SQLite, and `bao server -dev`.

All run at the same time, and wrk, which is written in C, drives them in turn, load by load; each figure is the median
over the rounds. A closed loop shows the throughput. For the slowest requests (p99) every server is then given the same
load, half of what bao can take, by a pause of each connection between its requests. Answers that are no 2xx end the
benchmark. At last whole commands of both clients, on one and the same bao server.

wrk comes from the system (`apt-get install wrk`, `brew install wrk`).

    python benchmarks/server.py [--rounds 5] [--seconds 2] [--only 'kv get'] [--servers bao memory] [--pairs 25]
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import measure
from commands import COMMANDS, compare, comparison

BAO = "bao"
STATES = ("memory", "json", "sqlite")
CONNECTIONS = (1, 16)
MOUNTS = 10
MANY_MOUNTS = 1000
FEWEST_PER_S = 50
"""Below this rate a run has too few requests to tell of one in a hundred."""

SECRET = json.dumps({"data": {"user": "app", "password": "correct horse battery staple"}})

_NUMBERS = count(0, 1_000_000)
"""Where wrk begins to count: a request that was under way when it ended may have left a name behind."""

SCRIPT = """
local path, pause, number
function init(args)
    wrk.method, wrk.body, wrk.headers["X-Vault-Token"] = args[1], args[3] ~= "" and args[3] or nil, args[6]
    wrk.path, path, pause, number = args[2], args[2], tonumber(args[4]), tonumber(args[5])
    if not path:find("#") then request = nil end
    if pause == 0 then delay = nil end
end
function request()
    number = number + 1
    return wrk.format(nil, (path:gsub("#", number)))
end
function delay() return pause end
function done(summary, latency)
    local wrong = summary.errors
    io.write(string.format('\\n{"count": %d, "took_us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}\\n',
        summary.requests, summary.duration, wrong.status + wrong.connect + wrong.read + wrong.write + wrong.timeout,
        latency:percentile(50), latency:percentile(99)))
end
"""
"""What wrk sends. A # in a path is another number in each request."""


class Load(NamedTuple):
    """One kind of request. `undo` is the method that takes back what the requests of a round made."""

    name: str
    method: str
    path: str
    body: str = ""
    mounts: int = MOUNTS
    undo: str = ""


LOADS = (
    Load("GET sys/mounts, 10 mounts", "GET", "sys/mounts"),
    Load("kv get", "GET", "secret/data/bench"),
    Load("kv put", "POST", "secret/data/bench", SECRET),
    Load("secrets tune", "POST", "sys/mounts/bench-1/tune", '{"default_lease_ttl":"24h","description":"a benchmark"}'),
    Load("secrets enable", "POST", "sys/mounts/new-#", '{"type":"kv"}', undo="DELETE"),
    Load("GET sys/mounts, 1,000 mounts", "GET", "sys/mounts", mounts=MANY_MOUNTS),
)


class Server(NamedTuple):
    """A server that runs: where, and the token to use on it."""

    address: str
    token: str
    pid: int = 0

    def ask(self, method: str, path: str, body: str = "") -> bytes:
        """Ask it once."""
        request = urllib.request.Request(  # the server of this benchmark
            f"{self.address}/v1/{path}", body.encode() or None, {"X-Vault-Token": self.token}, method=method
        )
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())


class Found(NamedTuple):
    """What one run of wrk found."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """The server's CPU time for one request, of all its threads."""


Place = tuple[str, str, int]
"""A load's name, a server's, and a number of connections."""


def main() -> None:
    """Print the comparison as Markdown."""
    parser = argparse.ArgumentParser(description="Compare vaultctl server and bao server -dev.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--servers", nargs="+", choices=(BAO, *STATES), default=[BAO, *STATES])
    parser.add_argument("--pairs", type=int, default=25)
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    args = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("benchmarks/server.py needs wrk: apt-get install wrk, or brew install wrk")
    before = measure.load()
    loads = [load for load in LOADS if args.only in load.name]
    full, calm = measured(loads, args.servers, args.rounds, args.seconds, args.vaultctl)
    print("## The server, beside `bao server -dev`\n")
    print(f"{args.rounds} rounds of {args.seconds} s a figure; {measure.python_of(args.vaultctl)}.")
    print(f"{before} at the start, {measure.load()} at the end.\n")
    print("Requests a second, as many as each can answer, and as a multiple of bao's:\n")
    print(throughputs(loads, args.servers, full))
    print(f"CPU time of the server for a request, µs, {CONNECTIONS[-1]} connections:\n")
    print(cpu_times(loads, args.servers, full))
    if calm:
        print(f"The slowest of a hundred requests (p99, ms), {CONNECTIONS[-1]} connections, all at the same rate:\n")
        print(slowest(loads, args.servers, calm))
    if args.pairs:
        print("## Whole commands on one and the same bao server\n")
        print(f"{args.pairs} pairs a line.\n")
        print(clients(args.pairs, args.vaultctl))


def measured(
    loads: Sequence[Load], names: Sequence[str], rounds: int, seconds: int, vaultctl: Path
) -> tuple[dict[Place, list[Found]], dict[Place, list[Found]]]:
    """Drive all servers in turn; give what was found at full load, and at the same load."""
    full: dict[Place, list[Found]] = {}
    calm: dict[Place, list[Found]] = {}
    for mounts in dict.fromkeys(load.mounts for load in loads):
        with running(names, mounts, vaultctl) as servers:
            for _ in range(rounds):
                for load in [load for load in loads if load.mounts == mounts]:
                    for connections in CONNECTIONS:
                        for name, server in servers.items():
                            found = drive(server, load, connections, seconds)
                            full.setdefault((load.name, name, connections), []).append(found)
                    if BAO not in servers:
                        continue
                    connections = CONNECTIONS[-1]
                    half_per_s = full[load.name, BAO, connections][0].per_s / 2
                    if half_per_s < FEWEST_PER_S:
                        continue
                    for name, server in servers.items():
                        found = drive(server, load, connections, seconds, pause_ms=1000 * connections / half_per_s)
                        calm.setdefault((load.name, name, connections), []).append(found)
    return full, calm


@contextmanager
def running(names: Sequence[str], mounts: int, vaultctl: Path) -> Iterator[dict[str, Server]]:
    """Run the servers, each with so many secrets engines and a secret."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {}
        for name in names:
            home = Path(folder) / name
            home.mkdir()
            if name == BAO:
                bao = stack.enter_context(measure.bao_server(home))
                servers[name] = Server(bao.env["BAO_ADDR"], bao.env["BAO_TOKEN"], bao.pid)
            else:
                servers[name] = stack.enter_context(our_server(home, name, vaultctl))
            fill(servers[name], mounts)
        yield servers


@contextmanager
def our_server(home: Path, state: str, vaultctl: Path) -> Iterator[Server]:
    """Run `vaultctl server` over a state in memory, or over one in a file."""
    port = measure.free_port()
    env, token, where = measure.clean_env(home), "root", f"127.0.0.1:{port}"
    flags = ["-dev", f"-dev-root-token-id={token}", f"-dev-listen-address={where}"]
    if state != "memory":
        env |= {"VAULTCTL_DATA_DIR": str(home / "data"), "VAULTCTL_STORAGE": state}
        measure.run([vaultctl, "secrets", "list"], env)
        token = subprocess.check_output([vaultctl, "print", "token"], env=env, text=True).strip()
        flags = [f"-listen-address={where}"]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen([vaultctl, "server", *flags], env=env, stdout=log, stderr=log)
    try:
        measure.wait_for("vaultctl server", lambda: measure.serves_kv(process, port, token))
        yield Server(f"http://{where}", token, process.pid)
    finally:
        process.terminate()
        process.wait(measure.PATIENCE_S)


def fill(server: Server, mounts: int) -> None:
    """Enable kv until there are so many engines, and write the secret."""
    there = json.loads(server.ask("GET", "sys/mounts"))["data"]
    for number in range(1, mounts - len(there) + 1):
        server.ask("POST", f"sys/mounts/bench-{number}", '{"type":"kv"}')
    server.ask("POST", "secret/data/bench", SECRET)


def drive(server: Server, load: Load, connections: int, seconds: int, *, pause_ms: float = 0) -> Found:
    """Run wrk against a server. Raises: RuntimeError where a request failed."""
    mounts_before = set(json.loads(server.ask("GET", "sys/mounts"))["data"]) if load.undo else set()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        argv = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout=60s",
            "-s",
            script.name,
            server.address,
            "--",
        ]
        argv += [load.method, f"/v1/{load.path}", load.body, f"{pause_ms:.0f}", str(next(_NUMBERS)), server.token]
        cpu_s = measure.cpu_s(server.pid)
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    found = json.loads(said.splitlines()[-1])
    cpu_us = (measure.cpu_s(server.pid) - cpu_s) / max(found["count"], 1) * 1e6
    if found["failed"] or not found["count"]:
        raise RuntimeError(f"{load.name} on {server.address}: {said}")
    if load.undo:
        for path in sorted(set(json.loads(server.ask("GET", "sys/mounts"))["data"]) - mounts_before):
            server.ask(load.undo, f"sys/mounts/{path.rstrip('/')}")
    return Found(found["count"] / found["took_us"] * 1e6, found["p50_us"] / 1e3, found["p99_us"] / 1e3, cpu_us)


def throughputs(loads: Sequence[Load], names: Sequence[str], found: Mapping[Place, Sequence[Found]]) -> str:
    """Write the table of requests a second."""
    head = ["request", "connections"]
    for name in names:
        head += [name] if name == BAO else [name, "ratio"]
    rows = []
    for load in loads:
        for connections in CONNECTIONS:
            cells = [load.name, str(connections)]
            for name in names:
                per_s = [each.per_s for each in found[load.name, name, connections]]
                cells.append(f"{statistics.median(per_s):,.0f}")
                if name != BAO:
                    base = found.get((load.name, BAO, connections), ())
                    ratio = statistics.median(a / b.per_s for a, b in zip(per_s, base, strict=True)) if base else 0
                    cells.append(f"**{ratio:.1f}**")
            rows.append(cells)
    return measure.table(head, rows)


def cpu_times(loads: Sequence[Load], names: Sequence[str], found: Mapping[Place, Sequence[Found]]) -> str:
    """Write the table of CPU times, which hang less than all else on what the machine does besides."""
    rows = []
    for load in loads:
        times_us = [[run.cpu_us for run in found[load.name, name, CONNECTIONS[-1]]] for name in names]
        rows.append([load.name, *(f"{statistics.median(each):,.0f}" for each in times_us)])
    return measure.table(["request", *names], rows)


def slowest(loads: Sequence[Load], names: Sequence[str], found: Mapping[Place, Sequence[Found]]) -> str:
    """Write the table of the 99th percentiles, and of the rates that were reached."""
    rows = []
    for load in [load for load in loads if (load.name, BAO, CONNECTIONS[-1]) in found]:
        cells = [load.name]
        for name in names:
            runs = found[load.name, name, CONNECTIONS[-1]]
            p99_ms = statistics.median(run.p99_ms for run in runs)
            cells.append(f"{p99_ms:.2f} ({statistics.median(run.per_s for run in runs):,.0f}/s)")
        rows.append(cells)
    return measure.table(["request", *names], rows)


def clients(pairs: int, vaultctl: Path) -> str:
    """Compare `secrets list` and `kv get` of both command lines, on a bao server."""
    with tempfile.TemporaryDirectory() as folder, measure.bao_server(Path(folder)) as bao:
        fill(Server(bao.env["BAO_ADDR"], bao.env["BAO_TOKEN"]), MOUNTS)
        ours, theirs = (vaultctl, bao.env), (bao.binary, bao.env)
        return comparison({name: compare(COMMANDS[name], pairs, ours, theirs) for name in ("secrets list", "kv get")})


if __name__ == "__main__":
    main()
