"""Audit devices: files that many processes write to, sockets, syslog, and what is no good option."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest
from support import processes
from support.audits import OWNED, ask, audited, enable, enable_full, lines, refused
from support.places import ON_DISK, Place
from support.states import make_core

from vaultctl.core.audit import options
from vaultctl.core.audit.syslog_device import SyslogDevice
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.storage.memory import Memory

READ, UPDATE, DELETE = Operation.READ, Operation.UPDATE, Operation.DELETE
_PROCESSES = 4
_TIMES = 50


@pytest.fixture
def log(tmp_path):
    """Where a device writes."""
    return tmp_path / "audit.log"


def test_many_processes_write_whole_lines(tmp_path, log):
    """Of processes that write at once no line is missing, and none is in another."""
    place = Place("sqlite", tmp_path)
    audited(make_core(place.open(), **OWNED), log)
    started = [processes.start("read_mounts", place.kind, place.path, _TIMES) for _ in range(_PROCESSES)]
    for each in started:
        assert processes.hear(each) == "ready"
    for each in started:
        processes.say(each)
    assert [processes.end(each) for each in started] == [(0, ["read"])] * _PROCESSES
    found = [entry for entry in lines(log) if entry["request"]["path"] == "sys/mounts"]
    asked, answered = ([e["request"]["id"] for e in found if e["type"] == kind] for kind in ("request", "response"))
    assert sorted(asked) == sorted(answered)
    assert len(set(asked)) == _PROCESSES * _TIMES


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_killed_process_spoils_one_line_at_most(tmp_path, log, kind):
    """After processes were killed in the middle there are whole lines but for one each, and the next is whole."""
    place = Place(kind, tmp_path)
    core = audited(make_core(place.open(), **OWNED), log)
    kills = 5
    for _ in range(kills):
        writer = processes.start("read_mounts_for_ever", place.kind, place.path)
        assert processes.hear(writer) == "reading"
        processes.kill(writer)
        ask(core, READ, "sys/audit")
        assert json.loads(log.read_text().splitlines()[-1])["request"]["path"] == "sys/audit"
    broken = [line for line in log.read_text().splitlines() if not _is_json(line)]
    assert len(broken) <= kills


def _is_json(line):
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_threads_write_whole_lines(log):
    """Of threads that write at once no line is missing."""
    core = audited(make_core(Memory(), **OWNED), log)

    def read():
        for _ in range(_TIMES):
            ask(core, READ, "sys/mounts")

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(log)) == 2 + 2 * 4 * _TIMES


@contextmanager
def _listening(network, folder):
    """Give an address that is listened on, and the socket that does."""
    family = socket.AF_UNIX if network == "unix" else socket.AF_INET
    kind = socket.SOCK_DGRAM if network == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as server:
        server.settimeout(30)
        server.bind(str(folder / "socket") if network == "unix" else ("127.0.0.1", 0))
        if network != "udp":
            server.listen()
        name = server.getsockname()
        yield name if network == "unix" else f"127.0.0.1:{name[1]}", server


def _heard(server, number):
    """Give the first entries that come, and let the connection be closed."""
    if server.type == socket.SOCK_DGRAM:
        return [json.loads(server.recv(1 << 20)) for _ in range(number)]
    connection, _ = server.accept()
    connection.settimeout(30)
    with connection, connection.makefile("rb") as stream:
        return [json.loads(stream.readline()) for _ in range(number)]


@pytest.mark.parametrize("network", ["tcp", "udp", "unix"])
def test_a_socket_gets_each_entry(tmp_path, network):
    """A socket device sends the test entry, the answer that it is enabled, and each entry from then on."""
    core = make_core(Memory(), **OWNED)
    with _listening(network, tmp_path) as (address, server):
        enable(core, "s", type_="socket", address=address, socket_type=network)
        ask(core, READ, "sys/mounts")
        found = [(entry["type"], entry["request"]["path"]) for entry in _heard(server, 4)]
        core.close()
    assert found == [
        ("request", "sys/audit/test"),
        ("response", "sys/audit/s"),
        ("request", "sys/mounts"),
        ("response", "sys/mounts"),
    ]


def test_a_socket_that_was_closed_is_connected_anew(tmp_path):
    """After the other side closed, the next line goes over a new connection; with nobody there it is refused."""
    core = make_core(Memory(), **OWNED)
    with _listening("tcp", tmp_path) as (address, server):
        enable(core, "s", type_="socket", address=address)
        _heard(server, 2)
        ask(core, READ, "sys/mounts")
        assert [entry["request"]["path"] for entry in _heard(server, 2)] == ["sys/mounts", "sys/mounts"]
    error = refused(core, READ, "sys/mounts")
    assert error.errors == ("internal error",)
    assert "connection refused" in error.hint
    core.close()


def test_a_folder_that_cannot_be_made_refuses(tmp_path):
    """A log whose folder was replaced by a file cannot be written, and requests are refused."""
    core = audited(make_core(Memory(), **OWNED), tmp_path / "folder" / "log")
    (tmp_path / "folder" / "log").unlink()
    (tmp_path / "folder").rmdir()
    (tmp_path / "folder").write_text("")
    assert "mkdir" in refused(core, READ, "sys/mounts").hint


def test_syslog_gets_a_marked_line(tmp_path):
    """A line for syslog begins with its priority, and bears tag and process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.settimeout(30)
        place = str(tmp_path / "log")
        server.bind(place)
        device = SyslogDevice(options.syslog({"facility": "local7", "tag": "mine"}), [place])
        device.write(b'{"a":1}\n')
        line = server.recv(1000).decode()
        device.close()
    assert line.startswith("<190>")
    assert " mine[" in line
    assert line.endswith(']: {"a":1}\n')


@pytest.mark.parametrize(
    ("type_", "given", "message"),
    [
        ("nosuch", {}, 'unknown backend type: "nosuch"'),
        ("file", {}, "file_path is required"),
        ("file", {"file_path": "/dev/null/x"}, 'unable to open "/dev/null/x" for writing: mkdir /dev/null'),
        ("file", {"file_path": "discard", "mode": "abc"}, 'strconv.ParseUint: parsing "abc": invalid syntax'),
        ("file", {"file_path": "discard", "log_raw": "maybe"}, 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        ("file", {"file_path": "discard", "hmac_accessor": "x"}, 'strconv.ParseBool: parsing "x": invalid syntax'),
        ("file", {"file_path": "discard", "format": "xml"}, 'unknown format type "xml"'),
        ("file", {"file_path": "/dev/full"}, "audit backend failed test message: write /dev/full: no space left"),
        ("socket", {}, "address is required"),
        ("socket", {"address": "127.0.0.1:1"}, "audit backend failed test message: 2 errors occurred:"),
        ("socket", {"address": "127.0.0.1"}, "missing port in address"),
        ("socket", {"address": "/nowhere", "socket_type": "unix"}, "dial unix /nowhere: connect: no such file"),
        ("socket", {"address": "a:1", "write_timeout": "x"}, "time: invalid duration"),
        ("syslog", {"facility": "NOSUCH"}, "invalid syslog facility: NOSUCH"),
    ],
)
def test_what_is_no_device_is_refused(type_, given, message):
    """A device that cannot be is refused in OpenBao's words, and nothing is enabled."""
    core = make_core(Memory(), **OWNED)
    with pytest.raises(InvalidRequest) as caught:
        enable(core, type_=type_, **given)
    assert message in caught.value.errors[0]
    assert ask(core, READ, "sys/audit").data == {}


def test_paths_do_not_overlap(log):
    """No device is enabled at, above or below another one's path."""
    core = make_core(Memory(), **OWNED)
    enable(core, "a/b", file_path=str(log))
    for path in ("a", "a/b", "a/b/c"):
        with pytest.raises(InvalidRequest, match="path already in use"):
            enable(core, path, file_path=str(log))
    enable(core, "a/c", file_path=str(log))


def test_headers_that_are_audited_are_kept():
    """The names of headers are stored in lower case, and read by any case."""
    core = make_core(Memory(), **OWNED)
    ask(core, UPDATE, "sys/config/auditing/request-headers/X-Foo", hmac=True)
    headers = "sys/config/auditing/request-headers"
    assert ask(core, READ, headers).data == {"headers": {"x-foo": {"hmac": True}}}
    assert ask(core, READ, f"{headers}/X-FOO").data == {"X-FOO": {"hmac": True}}
    ask(core, DELETE, f"{headers}/x-Foo")
    assert refused(core, READ, f"{headers}/x-foo").errors == ("Could not find header in config",)


def test_a_device_of_a_killed_disk_says_so_on_the_command_line(here):
    """The command line names the device that cannot be written, and its owner can disable it."""
    here("audit", "enable", "file", "file_path=/dev/full", "skip_test=true")
    ran = here("secrets", "list")
    assert (ran.code, "file/: write /dev/full: no space left on device" in ran.err) == (2, True)
    assert here("audit", "disable", "file").code == 0
    assert here("secrets", "list").code == 0


def test_a_full_device_beside_a_good_one_is_named_to_nobody(log):
    """As long as one device works, the others' failures refuse nothing."""
    core = audited(make_core(Memory(), **OWNED), log)
    enable_full(core, "full")
    assert ask(core, READ, "sys/mounts").data
