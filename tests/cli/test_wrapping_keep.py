"""`wrapping keep`: a stored token gets a new life in time, and is not lost where that can be helped."""

import fcntl
import json
import os
import resource
import signal
import stat
import time
from functools import partial

import pytest
from support.answering import answering, says
from support.between import between

ALWAYS = "-before=99.999999%"
WHERE = ["on OpenBao", "here"]


class Kept:
    """The program, and a file with a token in it."""

    def __init__(self, run, env, home):
        self.run = partial(run, env=env)
        self.env = env
        self.home = home
        self.file = home / "kept"

    def fill(self, ttl="5m"):
        """Put a new wrapping token in the file."""
        ran = self.run("wrapping", "wrap", f"-wrap-ttl={ttl}", "-field=wrapping_token", "a=b")
        self.file.write_text(ran.out)
        return ran.out

    def keep(self, *flags, **options):
        """Run the command once."""
        return self.run("wrapping", "keep", "-file=kept", *flags, **options)

    def holds_the_secret(self):
        """Unwrap what the file's token stands for."""
        return self.run("unwrap", "-field=a", "@kept").out == "b"

    def names(self):
        """Give the files beside it, and itself."""
        return sorted(path.name for path in self.home.iterdir() if path.name.startswith("kept"))


@pytest.fixture(params=WHERE)
def kept(request, fresh):
    """A file to keep, with a real OpenBao or with a state of our own behind it."""
    if request.param == WHERE[0]:
        return Kept(fresh, {**request.getfixturevalue("bao").env, "HOME": str(fresh.home)}, fresh.home)
    return Kept(fresh.used(), {}, fresh.home)


@pytest.fixture
def cluster(bao, vaultctl):
    """The same with a real OpenBao, and the program as a child."""
    return Kept(vaultctl, {**bao.env, "HOME": str(vaultctl.home)}, vaultctl.home)


def test_nothing_is_done_while_there_is_time(kept):
    """A token with enough time is left alone, and nothing is printed, as cron likes it."""
    token = kept.fill()
    assert kept.keep() == (0, "", "")
    assert json.loads(kept.keep("-format=json").out)["result"] == "unchanged"
    assert (kept.file.read_text(), kept.names()) == (token, ["kept"])


@pytest.mark.parametrize("before", [ALWAYS, "-before=1h"])
def test_a_token_that_is_due(kept, before):
    """When it is due it is wrapped anew, and the file is another one, for its owner alone."""
    token = kept.fill()
    kept.file.chmod(0o644)
    before_it = kept.file.stat().st_ino
    ran = kept.keep(before, "-format=json")
    assert (ran.code, json.loads(ran.out)["result"]) == (0, "kept")
    after = kept.file.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_ino != before_it, kept.names()) == (0o600, True, ["kept"])
    assert (kept.file.read_text() != token, token in ran.out + ran.err) == (True, False)
    assert kept.holds_the_secret()


def test_a_link_stays_one(kept):
    """Where the file is a link, what it leads to is replaced."""
    kept.fill()
    kept.file.rename(kept.home / "elsewhere")
    kept.file.symlink_to("elsewhere")
    assert kept.keep(ALWAYS).code == 0
    assert (kept.file.is_symlink(), kept.holds_the_secret()) == (True, True)


@pytest.mark.parametrize("text", ["", "\n", "one two", "\u00fc"])
def test_a_file_without_a_token(kept, text):
    """A file that holds no token, or more than that, is refused before anything is asked."""
    kept.file.write_text(text)
    assert (kept.keep().code, kept.file.read_text()) == (1, text)


@pytest.mark.parametrize("before", ["0", "0%", "100%", "120%", "-1s", "soon", "%", "nan%"])
def test_how_early(kept, before):
    """What is neither a part of the TTL nor a duration is refused."""
    kept.fill()
    assert kept.keep(f"-before={before}").code == 1


def test_a_token_that_is_no_more(kept):
    """A token that was used has an exit code of its own, and the file stays."""
    token = kept.fill()
    kept.run("unwrap", token)
    ran = kept.keep()
    assert (ran.code, kept.file.read_text(), kept.names()) == (8 if kept.env else 4, token, ["kept"])


def test_two_keepers_exclude_each_other(kept):
    """While another process works on the file nothing is asked, and the exit code says so."""
    kept.fill()
    with open(kept.file, "r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert kept.keep(ALWAYS).code == 11
    assert kept.keep(ALWAYS).code == 0
    assert kept.holds_the_secret()


def test_what_a_killed_keeper_left_is_finished(kept):
    """A new token that got on the disk, and not into its place, is put there by the next run."""
    old, new = kept.fill(), kept.fill()
    kept.run("unwrap", old)
    kept.file.write_text(old)
    (kept.home / "kept.next").write_text(new + "\n" * 4000)
    ran = kept.keep("-format=json")
    assert (ran.code, json.loads(ran.out)["result"], kept.names()) == (0, "finished", ["kept"])
    assert kept.holds_the_secret()


@pytest.mark.parametrize("asked", ["another server", "another folder", "no TLS"])
def test_the_wrong_server_removes_nothing(fresh, bao, asked, tmp_path):
    """What a killed run left stays where the file's own token is not known to be good: it may be the one that is."""
    own = Kept(fresh, {**bao.env, "HOME": str(fresh.home)}, fresh.home)
    old, new = own.fill(), own.fill()
    own.run("unwrap", old)
    own.file.write_text(old)
    (own.home / "kept.next").write_text(new)
    with answering(lambda _: says(400, "Client sent an HTTP request to an HTTPS server.\n")) as plain:
        wrong, code = {
            "another server": ({"BAO_ADDR": "", "VAULTCTL_LOCAL": "1"}, 6),
            "another folder": ({"BAO_ADDR": "", "VAULTCTL_DATA_DIR": str(tmp_path / "other")}, 6),
            "no TLS": ({"BAO_ADDR": plain.address}, 2),
        }[asked]
        for _ in range(2):
            ran = fresh("wrapping", "keep", "-file=kept", env={**own.env, **wrong})
            assert (ran.code, own.names()) == (code, ["kept", "kept.next"]), ran.err
            assert code == 2 or "kept.next was left as it is: it may hold a newer token" in ran.err
    assert (own.keep("-format=json").code, own.holds_the_secret()) == (0, True)


@pytest.mark.parametrize("kind", ["folder", "FIFO"])
def test_what_is_left_and_is_no_file(kept, kind):
    """A folder or a FIFO in the place of the new file is refused, and nobody waits for it."""
    token = kept.fill()
    left = kept.home / "kept.next"
    left.mkdir() if kind == "folder" else os.mkfifo(left)
    ran = kept.keep(ALWAYS)
    assert (ran.code, "kept.next is no file: remove it" in ran.err, kept.file.read_text()) == (1, True, token)
    assert kept.keep("-file=/proc/self/mem").code == 1


def test_a_refusal_that_is_not_of_the_token(fresh):
    """A 400 that does not say that the token is good no more is none of the exit codes that do."""
    with answering(lambda _: says(400, "Client sent an HTTP request to an HTTPS server.\n")) as plain:
        env = {"BAO_ADDR": plain.address, "BAO_TOKEN": "root"}
        assert fresh("wrapping", "verify", "s.token", env=env).code == 2
        assert fresh("unwrap", "-expect-path=a", "s.token", env=env).code == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"creation_ttl": "x"}, 2),
        ({"creation_ttl": [1]}, 2),
        ({"creation_ttl": 1e300}, 2),
        ({"creation_time": 5}, 2),
        ({"creation_time": ""}, 2),
        ({"rewrapped": "x", "state": "live"}, 2),
        ({"token": "\ud800"}, 2),
        ({"token": "a\nb"}, 2),
        ({"token": 5}, 2),
        ([], 2),
    ],
)
def test_a_server_that_says_odd_things(fresh, answer, code):
    """What no Vault says is told as that, is no bug of ours, and does not get into the file."""
    fresh.home.joinpath("kept").write_text("s.old\n")
    good = {"creation_path": "a", "creation_time": "2020-01-01T00:00:00Z", "creation_ttl": 60}
    told = {**good, **answer} if answer and "token" not in answer else good
    info = {"ttl": 60, "token": "s.new", **answer} if answer else answer

    def reply(text: str) -> bytes:
        if "sys/wrapping/rewrap" in text:
            return says(200, json.dumps({"request_id": "", "data": None, "wrap_info": info}))
        if "sys/wrapping/verify" in text and "state" not in told:
            return says(404, '{"errors":[]}')
        return says(200, json.dumps({"request_id": "x", "data": told}))

    with answering(reply) as odd:
        ran = fresh("wrapping", "keep", "-file=kept", env={"BAO_ADDR": odd.address, "BAO_TOKEN": "root"})
    assert (ran.code, "bug" in ran.err, fresh.home.joinpath("kept").read_text()) == (code, False, "s.old\n"), ran.err


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_gateway_that_gives_up(cluster, bao, status):
    """A rewrap is asked for once; where a gateway answers for the server, it is said that the outcome is not known."""
    cluster.fill()

    def reply(text: str) -> bytes:
        if "sys/wrapping/rewrap" in text:
            return says(status, "gateway")
        told = {"creation_path": "a", "creation_time": "2020-01-01T00:00:00Z", "creation_ttl": 60}
        data = {"request_id": "x", "data": told}
        return says(404, '{"errors":[]}') if "verify" in text else says(200, json.dumps(data))

    with answering(reply) as gateway:
        env = {**cluster.env, "BAO_ADDR": gateway.address, "VAULT_MAX_RETRIES": "1"}
        ran = cluster.run.func("wrapping", "keep", "-file=kept", ALWAYS, env=env)
    assert (ran.code, "is still good is not known: the next run finds out" in ran.err) == (2, True), ran.err
    assert sum("sys/wrapping/rewrap" in text for text in gateway.asked) == 1


def test_a_loop_tries_again_what_may_pass(cluster):
    """A file that is not there for a moment, or a new one that cannot be made, does not end a loop."""
    cluster.fill()
    left = cluster.home / "kept.next"
    left.mkdir()
    child = cluster.run.func.start("wrapping", "keep", "-file=kept", "-loop", ALWAYS, env=cluster.env)
    first = child.stderr.readline()
    text = cluster.file.read_text()
    cluster.file.unlink()
    said = ""
    while "open kept" not in said:
        said = child.stderr.readline()
        assert said
    left.rmdir()
    cluster.file.write_text(text)
    deadline = time.monotonic() + 60
    while cluster.file.read_text() == text and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGTERM)
    child.communicate()
    assert (child.returncode, "is no file" in first, cluster.file.read_text() != text) == (0, True, True)


@pytest.mark.parametrize("name", ["nosuch", "nosuch/kept", "kept/nosuch", "a-link"])
def test_a_loop_ends_where_the_file_was_never_there(kept, name):
    """A mistyped name is said to be one, and nothing is waited for."""
    kept.fill()
    (kept.home / "a-link").symlink_to("nosuch")
    ran = kept.run("wrapping", "keep", f"-file={name}", "-loop")
    assert (ran.code, ran.out, f"cannot open {name}: no" in ran.err, "is the name right?" in ran.err) == (
        1,
        "",
        True,
        True,
    )


@pytest.mark.parametrize("left", ["", "\n" * 8192, "s.torn", "s.aaaaaaaaaaaaaaaaaaaaaaaa\n"])
def test_what_is_left_and_good_for_nothing_is_removed(kept, left):
    """Blank, torn and dead leftovers do not get into the file."""
    token = kept.fill()
    (kept.home / "kept.next").write_text(left)
    assert kept.keep() == (0, "", "")
    assert (kept.file.read_text(), kept.names()) == (token, ["kept"])


def test_a_full_disk_is_noticed_before_anything_is_asked(cluster):
    """Where there is no room for the new token the old one stays good, and the exit code is 1."""
    token = cluster.fill()
    cluster.run.keywords["env"]["PYTHONDONTWRITEBYTECODE"] = "1"  # or what it imports would be cut off, too
    ran = cluster.keep(ALWAYS, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
    assert (ran.code, "nothing was asked" in ran.err, cluster.names()) == (1, True, ["kept"])
    assert (cluster.file.read_text(), cluster.holds_the_secret()) == (token, True)


@pytest.fixture
def hang_up_counts():
    """Children of a run under nohup would ignore a hang-up, as they are told to."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up_counts")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_waits_until_the_new_token_is_in_the_file(cluster, bao, number):
    """A signal that comes when the old token is dead already ends the command after the file was replaced."""
    token = cluster.fill()
    children = []

    def tell() -> bool:
        os.kill(children[0].pid, number)
        return True

    with between(bao.port, "sys/wrapping/rewrap", tell) as server:
        env = {**cluster.env, "BAO_ADDR": server.address}
        children.append(cluster.run.func.start("wrapping", "keep", "-file=kept", ALWAYS, env=env))
        children[0].communicate()
    assert children[0].returncode == (130 if number == signal.SIGINT else 128 + number)
    assert (cluster.file.read_text() != token, cluster.names()) == (True, ["kept"])
    assert cluster.holds_the_secret()


def test_an_answer_that_is_lost(cluster, bao):
    """Where the server's answer never came that is said; the next run finds out that the token is no more."""
    cluster.fill()
    with between(bao.port, "sys/wrapping/rewrap", lambda: False) as server:
        ran = cluster.run.func(
            "wrapping", "keep", "-file=kept", ALWAYS, env={**cluster.env, "BAO_ADDR": server.address}
        )
    assert (ran.code, "is still good is not known: the next run finds out" in ran.err) == (2, True)
    assert (cluster.keep().code, cluster.names()) == (8, ["kept"])


def test_a_folder_that_is_gone_when_the_token_comes(cluster, bao):
    """A new token that cannot be put in its place is written elsewhere, and stderr says where."""
    cluster.fill()
    away = cluster.home / "away"
    away.mkdir()
    cluster.file.rename(away / "kept")

    def remove() -> bool:
        for path in away.iterdir():
            path.unlink()
        away.rmdir()
        return True

    env = {**cluster.env, "XDG_RUNTIME_DIR": str(cluster.home)}
    with between(bao.port, "sys/wrapping/rewrap", remove) as server:
        words = ("wrapping", "keep", "-file=away/kept", ALWAYS)
        ran = cluster.run.func(*words, env={**env, "BAO_ADDR": server.address})
    path = ran.err.strip().rpartition(" ")[2]
    assert (ran.code, path.startswith(f"{cluster.home}/vaultctl-kept-")) == (10, True)
    assert (stat.S_IMODE(os.stat(path).st_mode), ran.out) == (0o600, "")
    assert cluster.run("unwrap", "-field=a", f"@{path}").out == "b"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_keeps_a_token(cluster, number):
    """With -loop a token is wrapped anew whenever it is due, until a signal ends the loop."""
    seen = {cluster.fill(ttl="60s")}
    child = cluster.run.func.start("wrapping", "keep", "-file=kept", "-loop", "-before=99%", env=cluster.env)
    deadline = time.monotonic() + 60
    while len(seen) < 4 and time.monotonic() < deadline and child.poll() is None:
        seen.add(cluster.file.read_text())
        time.sleep(0.01)
    child.send_signal(number)
    _, err = child.communicate()
    assert (len(seen) >= 4, child.returncode) == (True, 130 if number == signal.SIGINT else 0), err


def test_a_loop_goes_on_when_the_server_does_not_answer(cluster, bao):
    """A server that is away for a moment does not end the loop; what it says then is told once."""
    cluster.fill()
    with between(bao.port, "sys/wrapping/rewrap", lambda: True) as server:
        env = {**cluster.env, "BAO_ADDR": server.address}
        server.close()
        child = cluster.run.func.start("wrapping", "keep", "-file=kept", "-loop", ALWAYS, env=env)
        said = child.stderr.readline()
        child.send_signal(signal.SIGTERM)
        child.communicate()
    assert (child.returncode, "connection refused" in said) == (0, True)
