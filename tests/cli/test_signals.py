"""What ends a command from outside: Ctrl-C, and a reader who has seen enough."""

import os
import signal
import socket
import subprocess

import pytest
from support import processes
from support.bao import await_that


@pytest.fixture
def lock_holder(vaultctl):
    """Another process that holds the lock on the state."""
    vaultctl("secrets", "list")
    holder = processes.start("hold_lock", "json", vaultctl.data / "state.json")
    assert processes.hear(holder) == "held"
    yield holder
    processes.end(holder)


def test_ctrl_c_ends_a_command_that_waits(vaultctl, lock_holder):
    """A command that waits for the lock ends with exit code 130, and no trace of its inside."""
    child = vaultctl.start("kv", "put", "secret/a", "k=v")
    line = child.stderr.readline()  # it says that it waits
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    assert line == f"vaultctl: waiting for the lock on the state, held by process {lock_holder.pid} (children.py)\n"
    assert (child.returncode, out, err) == (130, "", "\ninterrupted\n")


def test_a_closed_stdout_is_no_error_of_the_program(vaultctl):
    """A reader who closes the pipe before anything is written sees no traceback."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        vaultctl.argv("secrets", "list"), check=False, env=vaultctl.env, stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, "made an encrypted state" in done.stderr, len(done.stderr.splitlines())) == (141, True, 1)


@pytest.mark.parametrize("args", ["secrets enable kv", "secrets list", "-h", "kv put secret/a k=v"])
def test_a_pipe_that_nobody_reads_has_the_exit_code_of_bao(vaultctl, bao, args):
    """In a shell a closed pipe is 141, as it is of bao, and what the command did is done."""
    script = "trap '' PIPE; exec 3>&1; \"$@\" | (exec <&-; sleep 0.1) ; echo ${PIPESTATUS[0]} >&3"
    for argv, env in ((vaultctl.argv(*args.split()), vaultctl.env), ([bao.program, *args.split()], bao.env)):
        done = subprocess.run(["bash", "-c", script, "-", *argv], check=False, capture_output=True, env=env, text=True)
        assert done.stdout == "141\n"
    assert vaultctl("secrets", "list").code == 0


def test_a_reader_may_stop_in_the_middle(vaultctl):
    """A reader who takes the first bytes of much, and goes, sees no traceback."""
    vaultctl("kv", "put", "secret/a", "k=-", stdin=b"x" * 1_000_000)
    child = vaultctl.start("kv", "get", "-field=k", "secret/a")
    assert child.stdout.read(1) == "x"
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert (child.wait(), err) == (141, "")


def test_a_closed_stderr_does_not_stop_a_command(vaultctl):
    """What is said on stderr is not needed for the command to be done."""
    read, write = os.pipe()
    os.close(read)
    argv = vaultctl.argv("kv", "put", "secret/a", "k=v")
    done = subprocess.run(argv, check=False, env=vaultctl.env, stderr=write, stdout=subprocess.DEVNULL)
    os.close(write)
    assert done.returncode == 0
    assert vaultctl("kv", "get", "-field=k", "secret/a").out == "v"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("args", [["secrets", "list"], ["-h"], ["kv", "get", "-field=k", "secret/a"]], ids=" ".join)
def test_a_full_stdout_is_said_to_be_full(vaultctl, args):
    """A result that cannot be written is a failure with its reason."""
    vaultctl("kv", "put", "secret/a", "k=-", stdin=b"x" * 100_000)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            vaultctl.argv(*args), check=False, env=vaultctl.env, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "cannot write to stdout: no space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
@pytest.mark.parametrize("args", [["token", "create"], ["-h"], ["kv", "get", "-field=k", "secret/a"]], ids=" ".join)
def test_a_closed_stdout_is_said_to_be_closed(vaultctl, args, closed):
    """A result that nobody can get is a failure: the token that was made would be nobody's."""
    vaultctl("kv", "put", "secret/a", "k=v")
    argv = " ".join(vaultctl.argv(*args))
    done = subprocess.run(
        ["sh", "-c", f"exec {argv} {closed}"], check=False, env=vaultctl.env, stderr=subprocess.PIPE, text=True
    )
    assert (done.returncode, done.stderr) == (2, "cannot write to stdout: bad file descriptor\n")


def test_a_server_needs_no_stdout(vaultctl):
    """What a server says of itself is for people; without a stdout it serves all the same, until it is ended."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = " ".join(vaultctl.argv("server", "-dev", f"-dev-listen-address=127.0.0.1:{port}"))
    server = subprocess.Popen(["sh", "-c", f"exec {argv} >&-"], env=vaultctl.env, stderr=subprocess.PIPE, text=True)
    try:
        await_that(lambda: server.poll() is not None or _answers(port))
        assert server.poll() is None, server.stderr.read()
        server.terminate()
        assert (server.wait(60), "cannot write" in server.stderr.read()) == (0, False)
    finally:
        server.kill()
        server.communicate()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_closed_standard_streams_are_survived(vaultctl):
    """A command without stdin, stdout and stderr is done all the same."""
    argv = " ".join(vaultctl.argv("kv", "put", "secret/a", "k=v"))
    subprocess.run(["sh", "-c", f"exec {argv} <&- >&- 2>&-"], check=False, env=vaultctl.env, cwd=vaultctl.home)
    assert vaultctl("kv", "get", "-field=k", "secret/a").out == "v"
