"""A server and many commands change one state at a time; the server is killed in between, and nothing is lost."""

import http.client
import json
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from support.places import ON_DISK
from support.soak import times
from support.sockets import ask, free_port

COMMANDS = 4
CLIENTS = 4


class Kept:
    """What one writer may find of its own: for each name what was answered last, and what was not answered since."""

    def __init__(self):
        self._values = {}
        self.answered = 0

    def store(self, name, value, ask):
        """Store a value, or with None delete the name; `ask` tells whether that was answered."""
        self._values.setdefault(name, [None]).append(value)
        if ask():
            self._values[name] = [value]
            self.answered += 1

    def check(self, read):
        """Compare with what is there."""
        for name, possible in self._values.items():
            found = read(name)
            assert found in possible, (name, found, possible)


def whole(number):
    """Give a value that is seen to be whole."""
    return {"n": str(number), "text": f"{number:06d}" * 50}


class Home:
    """A state that a server and commands share, and the server, which can be killed."""

    def __init__(self, vaultctl):
        vaultctl("secrets", "list")
        self.vaultctl = vaultctl
        self.token = vaultctl("print", "token").out.strip()
        self.port = free_port()
        self.process = None

    def start(self):
        """Run the server, until it is up."""
        self.process = self.vaultctl.start("server", f"-listen-address=127.0.0.1:{self.port}")
        for line in self.process.stdout:
            if "server started!" in line:
                return self
        raise AssertionError(self.process.stderr.read())

    def kill(self):
        """End the server as nothing that it could catch."""
        self.process.kill()
        self.process.communicate()

    def ask(self, method, path, body=None):
        """Ask the server; None where nobody answered."""
        try:
            return ask(self.port, method, "/v1/" + path, body, {"X-Vault-Token": self.token})
        except (OSError, http.client.HTTPException):
            return None

    def read(self, name):
        """Give what is stored under a name: the data of a secret, or the type of a mount."""
        if name.startswith("mount-"):
            mounts = self.ask("GET", "sys/mounts").json["data"]
            return mounts.get(name + "/", {}).get("type")
        got = self.ask("GET", f"secret/data/{name}")
        assert got.status in (200, 404)
        return got.json["data"]["data"] if got.status == 200 else None


@pytest.fixture
def home(vaultctl):
    """A state with a server over it."""

    @contextmanager
    def serving(storage):
        vaultctl.env["VAULTCTL_STORAGE"] = storage
        home = Home(vaultctl).start()
        try:
            yield home
        finally:
            home.kill()

    return serving


def commands(home, name, rounds):
    """Change the state by one command after the other, of which each must succeed."""
    kept, dice = Kept(), random.Random(name)

    def run(*args):
        done = home.vaultctl(*args)
        assert done.code == 0, done.err
        return True

    for number in range(rounds):
        secret, value = f"{name}-{number % 3}", whole(number)
        match dice.randrange(5):
            case 0:
                kept.store(
                    f"mount-{name}-{number}",
                    "kv",
                    lambda n=number: run("secrets", "enable", f"-path=mount-{name}-{n}", "kv"),
                )
            case 1:
                kept.store(secret, None, lambda s=secret: run("kv", "metadata", "delete", f"secret/{s}"))
            case _:
                words = [f"{key}={text}" for key, text in value.items()]
                kept.store(secret, value, lambda s=secret, w=words: run("kv", "put", f"secret/{s}", *w))
    return kept


def clients(home, name, stop):
    """Change the state over HTTP, until told to stop; what nobody answers may have been done, or not."""
    kept, dice, number = Kept(), random.Random(name), 0

    def send(method, path, body=None):
        got = home.ask(method, path, json.dumps(body).encode() if body else None)
        assert got is None or got.status in (200, 204), got
        return got is not None

    while not stop.is_set():
        number += 1
        secret, value = f"{name}-{number % 5}", whole(number)
        match dice.randrange(12):
            case 0:
                mount = f"mount-{name}-{number}"
                kept.store(mount, "kv", lambda m=mount: send("POST", f"sys/mounts/{m}", {"type": "kv"}))
            case 1:
                kept.store(secret, None, lambda s=secret: send("DELETE", f"secret/metadata/{s}"))
            case _:
                kept.store(secret, value, lambda s=secret, v=value: send("POST", f"secret/data/{s}", {"data": v}))
    return kept


@pytest.mark.parametrize("storage", ON_DISK)
def test_nothing_is_lost_when_the_server_is_killed_among_many_writers(home, storage):
    """Four commands and four clients write at a time, the server is killed again and again: every answer holds."""
    stop = threading.Event()
    with home(storage) as here, ThreadPoolExecutor(COMMANDS + CLIENTS) as pool:
        try:
            typed = [pool.submit(commands, here, f"c{n}", times(5, 60)) for n in range(COMMANDS)]
            served = [pool.submit(clients, here, f"s{n}", stop) for n in range(CLIENTS)]
            for number in range(times(2, 20)):
                _await_writes(here, f"kill-{number}")
                here.kill()
                here.start()
            results = [each.result() for each in typed]
        finally:
            stop.set()
        results += [each.result() for each in served]
        here.kill()
        here.start()
        for kept in results:
            assert kept.answered > 0
            kept.check(here.read)
        here.process.send_signal(signal.SIGTERM)
        assert here.process.wait(30) == 0
        assert here.vaultctl("operator", "check").code == 0


def _await_writes(here, name):
    """Wait until a few writes more were answered, so that a kill comes in the middle of others."""
    for number in range(3):
        assert here.ask("POST", f"secret/data/{name}", json.dumps({"data": {"n": number}}).encode()).status == 200


def fill(home, mount, many):
    """Store so many secrets in a kv mount of version 1, in one commit."""
    from vaultctl.connect import connect_local

    assert home.ask("POST", f"{mount}/first", b'{"k":"v"}').status == 204
    folder = f"logical/{home.ask('GET', 'sys/mounts').json['data'][mount + '/']['uuid']}/"
    connection = connect_local(home.vaultctl.env)
    with connection._core.state.writer() as transaction:
        (first,) = transaction.below(folder)
        stored = transaction.get(first)
        for number in range(many):
            transaction.put(first.replace("first", str(number)), stored)
        transaction.commit()
    connection.close()


@pytest.mark.parametrize("storage", ON_DISK)
def test_a_long_job_is_left_at_the_end_and_goes_on_with_the_next_server(home, storage, await_that):
    """A signal in the middle of an upgrade ends the server in order, and the next one goes on where it was."""
    with home(storage) as here:
        assert here.vaultctl("secrets", "enable", "-path=a", "kv").code == 0
        many = 8_000
        fill(here, "a", many)
        assert here.ask("POST", "sys/mounts/a/tune", b'{"options":{"version":"2"}}').status == 200
        assert b"pgrad" in here.ask("GET", "a/data/0").body
        here.process.send_signal(signal.SIGTERM)
        assert here.process.wait(30) == 0
        out, err = here.process.communicate()
        assert ("shutdown triggered" in out, "Traceback" in err) == (True, False)
        here.start()
        assert b"pgrad" in here.ask("GET", "a/data/0").body
        await_that(lambda: here.ask("GET", "a/data/0").status == 200, patience_s=120)
        for number in (0, many // 2, many - 1):
            assert here.ask("GET", f"a/data/{number}").json["data"]["data"] == {"k": "v"}
