"""The config file of the server, what comes before it, and -dev with all its flags."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import stat

import pytest
from support.sockets import ask, free_port


def _read_all(server):
    """Give what a server says at its start, as far as its root token and the line after it."""
    said = server.said
    while "Development mode" not in said:
        said += server.process.stdout.readline()
    return said


def _write(folder, name, text):
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


@pytest.fixture
def started(vaultctl):
    """Start a server with whatever flags, and read what it says until it is up."""
    running = []

    def start(*args, **env):
        process = vaultctl.start("server", *args, env=env)
        running.append(process)
        said = ""
        while "server started!" not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        return process, said

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_toml_file_says_where_and_how(started, vaultctl, certificate):
    """Address, certificate, log level and api_addr come from the file."""
    cert, key, trust = certificate
    port = free_port()
    config = _write(
        vaultctl.home,
        "server.toml",
        f"""
        log_level = "DEBUG"
        api_addr = "https://vault.example.org:8200"
        [listener.tcp]
        address = "127.0.0.1:{port}"
        tls_cert_file = "{cert}"
        tls_key_file = "{key}"
        tls_min_version = "tls13"
        http_read_timeout = "5s"
        """,
    )
    process, said = started(f"-config={config}")
    assert "Api Address: https://vault.example.org:8200" in said
    assert "Log Level: debug" in said
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError, match=r"(?i)protocol|version"):
        http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=20).connect()
    trust.maximum_version = ssl.TLSVersion.TLSv1_3
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=20)
    connection.request("GET", "/v1/sys/seal-status")
    assert connection.getresponse().status == 200
    connection.close()
    process.terminate()
    assert "GET /v1/sys/seal-status 200" in process.communicate(timeout=20)[1]


@pytest.mark.parametrize(
    "listener", [{"tcp": "HERE"}, [{"tcp": "HERE"}], {"tcp": ["HERE"]}], ids=["one", "list", "inner"]
)
def test_a_json_file_says_the_same_in_the_forms_of_bao(started, vaultctl, listener):
    """JSON may have its listener in a list; a switch may be a text."""
    port = free_port()
    tcp = {"address": f"127.0.0.1:{port}", "tls_disable": "1", "tls_cert_file": "/nowhere", "tls_key_file": "/nowhere"}
    text = json.dumps({"listener": listener}).replace('"HERE"', json.dumps(tcp))
    started(f"-config={_write(vaultctl.home, 'server.json', text)}")
    assert ask(port, "GET", "/v1/sys/seal-status").status == 200


def test_flags_come_before_the_environment_and_that_before_the_file(started, vaultctl):
    """Address and log level: the flag counts, or else the variable, or else the file."""
    ports = [free_port() for _ in range(3)]
    config = _write(vaultctl.home, "s.toml", f'log_level = "warn"\n[listener.tcp]\naddress = "127.0.0.1:{ports[0]}"')
    _, said = started("-dev", f"-config={config}")
    assert (f"127.0.0.1:{ports[0]}" in said, "Log Level: warn" in said) == (True, True)
    env = {"BAO_DEV_LISTEN_ADDRESS": f"127.0.0.1:{ports[1]}", "BAO_LOG_LEVEL": "error"}
    _, said = started("-dev", f"-config={config}", **env)
    assert (f"127.0.0.1:{ports[1]}" in said, "Log Level: error" in said) == (True, True)
    args = (f"-dev-listen-address=127.0.0.1:{ports[2]}", "-log-level=trace")
    _, said = started("-dev", f"-config={config}", *args, **env)
    assert (f"127.0.0.1:{ports[2]}" in said, "Log Level: trace" in said) == (True, True)


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("a.toml", "nonsense = 1\nui = true", "nonsense, ui"),
        ("a.toml", "[listener.tcp]\nbogus = 3", "listener.tcp.bogus"),
        ("a.toml", "[listener.unix]\naddress = '/x'", "unix"),
        ("a.json", {"listener": [{"tcp": {}}, {"tcp": {}}]}, "2 listeners"),
        ("a.json", {"listener": 3}, "listener"),
        ("a.json", [], "list"),
        ("a.json", "{", "JSON"),
        ("a.toml", "log_level = 'loud'", "unknown log level: loud"),
        ("a.toml", "log_level = 3", "log_level"),
        ("a.toml", "[listener.tcp]\ntls_disable = 'perhaps'", "tls_disable"),
        ("a.toml", "[listener.tcp]\nhttp_read_timeout = '0'", "http_read_timeout"),
        ("a.toml", "[listener.tcp]\nhttp_read_timeout = 'soon'", "http_read_timeout"),
        ("a.toml", "[listener.tcp]\ntls_min_version = 'tls10'", "tls_min_version"),
        ("a.toml", "[listener.tcp]\naddress = 'nowhere'", "nowhere"),
        ("a.toml", "[listener.tcp]\ntls_cert_file = '/x'", "go together"),
        ("a.hcl", 'listener "tcp" {}', "HCL"),
        ("missing", None, "no such file"),
        (".", None, "is a directory"),
        ("/dev/null", None, "it is no file"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(vaultctl, name, text, named):
    """A file that is not understood in full ends with exit code 1, and the message names what is wrong."""
    path = vaultctl.home / name if text is None else _write(vaultctl.home, name, text)
    done = vaultctl("server", "-dev", f"-config={path}")
    assert (done.code, done.out) == (1, "")
    assert named in done.err
    assert "Traceback" not in done.err


def test_dev_says_what_bao_says(started, running_bao, tmp_path, vaultctl):
    """The lines of the start that scripts look for stand there, in the same words and the same order, as in bao."""
    import subprocess

    wanted = re.compile(
        r"^(==> \S+ server (?:configuration:|started!)|Unseal Key: |Root Token: |    \$ export BAO_ADDR=)"
    )

    def shape(text):
        return [found[1].replace("OpenBao", "vaultctl") for line in text.splitlines() if (found := wanted.match(line))]

    port = free_port()
    process, said = started("-dev", "-dev-root-token-id=r", f"-dev-listen-address=127.0.0.1:{port}")
    while "Development mode" not in said:
        said += process.stdout.readline()
    argv = [running_bao.program, "server", "-dev", "-dev-root-token-id=r", "-dev-no-store-token"]
    home = tmp_path / "bao"
    home.mkdir()
    real = subprocess.Popen(
        [*argv, f"-dev-listen-address=127.0.0.1:{free_port()}"],
        env={"HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    theirs = ""
    while "Development mode" not in theirs:
        theirs += real.stdout.readline()
    real.kill()
    real.communicate()
    assert shape(said) == shape(theirs)
    rows = re.compile(r"^ +(Api Address|Listener 1|Log Level|Storage|Version): ", re.MULTILINE)
    assert rows.findall(said) == rows.findall(theirs)


def test_the_variables_of_dev_are_those_of_bao(started):
    """BAO_DEV_LISTEN_ADDRESS and BAO_DEV_ROOT_TOKEN_ID stand for the flags, and VAULT_… for those."""
    for prefix in ("BAO", "VAULT"):
        port = free_port()
        env = {f"{prefix}_DEV_LISTEN_ADDRESS": f"127.0.0.1:{port}", f"{prefix}_DEV_ROOT_TOKEN_ID": "a-token"}
        started("-dev", **env)
        assert ask(port, "GET", "/v1/sys/mounts", headers={"X-Vault-Token": "a-token"}).status == 200


@pytest.mark.parametrize("own_folder", [True, False])
def test_dev_tls_makes_a_certificate_and_takes_it_away(started, vaultctl, own_folder):
    """-dev-tls is -dev with TLS: a client that trusts the CA that it names is answered; they are gone at the end."""
    port = free_port()
    folder = vaultctl.home / "tls"
    folder.mkdir()
    args = [f"-dev-tls-cert-dir={folder}"] if own_folder else []
    process, said = started("-dev-tls", f"-dev-listen-address=127.0.0.1:{port}", *args)
    while "Development mode" not in said:
        said += process.stdout.readline()
    assert f"    $ export BAO_ADDR='https://127.0.0.1:{port}'\n" in said
    ca = re.search(r"    \$ export BAO_CACERT='(.*/vault-ca\.pem)'\n", said)[1]
    assert os.path.dirname(ca) == str(folder) if own_folder else os.path.dirname(ca) != str(folder)
    assert stat.S_IMODE(os.stat(ca.replace("-ca", "-key")).st_mode) == 0o600
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=ca))
    connection.request("GET", "/v1/sys/seal-status")
    assert connection.getresponse().status == 200
    connection.close()
    done = vaultctl("status", env={"BAO_ADDR": f"https://127.0.0.1:{port}", "BAO_CACERT": ca})
    assert done.code == 0
    process.terminate()
    assert process.wait(20) == 0
    assert not os.path.exists(ca)


@pytest.mark.parametrize(
    "args",
    [
        ["-dev-tls-cert-dir=/tmp"],
        ["-dev", "-dev-tls-cert-dir=/tmp"],
        ["-dev-tls", "-tls-cert-file=/x", "-tls-key-file=/x"],
        ["-dev-tls", "-dev-tls-cert-dir=/nowhere/at/all"],
    ],
    ids=" ".join,
)
def test_flags_that_do_not_go_together_are_refused(vaultctl, args):
    """What would be without effect, or cannot be done, ends with exit code 1."""
    done = vaultctl("server", f"-listen-address=127.0.0.1:{free_port()}", *args)
    assert (done.code, done.out, "Traceback" in done.err) == (1, "", False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(serve, vaultctl, number, await_that):
    """While a request in flight holds up the end, a second signal is not kept waiting, and says by which it was."""
    from support.places import open_backend

    vaultctl("secrets", "list")
    server = serve(token=vaultctl("print", "token").out.strip())
    head = f"POST /v1/secret/data/a HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {server.token}\r\nContent-Length: 18\r\n\r\n"
    with open_backend("json", str(vaultctl.data / "state.json")).writer():
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(head.encode() + b'{"data":{"k":"v"}}')
        await_that(lambda: "state.json.lock" in _locks_waited_for(server.process.pid))
        server.process.send_signal(number)
        await_that(lambda: _refuses(server.port))
        server.process.send_signal(number)
        assert server.process.wait(20) == 128 + number
        connection.close()
    assert vaultctl("kv", "get", "secret/a").code == 2


def _refuses(port):
    """Tell whether nobody listens on a port any more."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _locks_waited_for(pid):
    """Give the names of the lock files that a process has open."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.add(os.path.basename(os.readlink(f"/proc/{pid}/fd/{fd}")))
        except OSError:
            continue
    return found


def test_no_canary_is_in_the_log(serve_dev):
    """Tokens in header, path, query and body, spelt in whatever way, are nowhere in what the server says."""
    server = serve_dev("-log-level=debug")
    canaries = ("hvs.CanaryInHeader1", "CanaryOfBearer2", "CanaryInAPath3", "canary-in-query4", "canary-in-body5")
    header, bearer, path, query, body = canaries
    asked = [
        ("GET", "/v1/sys/mounts", header, None),
        ("GET", f"/v1/secret/data/{header}", header, None),
        ("POST", f"/v1/auth/token/lookup-accessor/{path}", "", b'{"x":"canary-in-body5"}'),
        ("POST", f"/v1/auth/token/revoke-orphan/{path}/", "", None),
        ("POST", f"/v1//auth/token/lookup/{path}", "", None),
        ("GET", f"/v1/auth/token/lookup/s.%43anaryInAPath3?x={query}", "", None),
        ("GET", f"/v1/secret/data/x?token={query}", "", None),
        ("PUT", "/v1/sys/wrapping/unwrap", "the-root-token", b'{"token":"canary-in-body5"}'),
        ("POST", "/v1/secret/data/x", "the-root-token", b'{"data":{"k":"canary-in-body5"'),
        ("LIST", "/v1/secret/metadata/the-root-token", "the-root-token", None),
    ]
    for method, target, token, sent in asked:
        ask(server.port, method, target, sent, {"X-Vault-Token": token, "Authorization": f"Bearer {bearer}"})
    ask(server.port, "GET", f"/v1/secret/data/{bearer}", None, {"Authorization": f"Bearer {bearer}"})
    _, out, err = server.stop()
    lines = [line for line in err.splitlines() if "[DEBUG]" in line]
    assert len(lines) == len(asked) + 1
    for canary in (*canaries, "the-root-token", body):
        assert canary not in out.replace("Root Token: the-root-token", "") + err
