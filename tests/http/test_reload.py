"""SIGHUP: the certificate and the log level are read again, and nobody notices who is connected."""

import http.client
import json
import signal
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.authority import Authority
from support.soak import times


class Https:
    """A `vaultctl server` with a certificate that can be changed."""

    def __init__(self, serve, folder, *args, token="the-root-token"):
        self.authority = Authority(folder)
        self.cert, self.key = folder / "tls.crt", folder / "tls.key"
        self.open = []
        self.renew("first")
        files = (f"-tls-cert-file={self.cert}", f"-tls-key-file={self.key}")
        self.served = serve(*files, *args, token=token)

    def renew(self, name):
        """Put another certificate in the place of this one."""
        files = self.authority.sign(name, "127.0.0.1")
        self.cert.write_bytes(files.cert.read_bytes())
        self.key.write_bytes(files.key.read_bytes())

    def reload(self):
        """Ask for a reload, and wait until the server says that it is at it."""
        self.served.process.send_signal(signal.SIGHUP)
        for line in self.served.process.stdout:
            if "reload triggered" in line:
                return
        raise AssertionError("it ended")

    def connect(self):
        """Give a connection that trusts the authority, and is open."""
        trust = ssl.create_default_context(cafile=self.authority.file)
        connection = http.client.HTTPSConnection("127.0.0.1", self.served.port, context=trust, timeout=30)
        connection.connect()
        self.open.append(connection)
        return connection

    def close(self):
        """Let go of all connections."""
        for connection in self.open:
            connection.close()

    def name(self):
        """Give the name in the certificate that a new connection is shown."""
        connection = self.connect()
        subject = dict(pair[0] for pair in connection.sock.getpeercert()["subject"])
        connection.close()
        return subject["commonName"]


def health(connection):
    """Ask over a connection, and give the status."""
    connection.request("GET", "/v1/sys/health")
    answer = connection.getresponse()
    answer.read()
    return answer.status


@pytest.fixture
def https(serve, tmp_path):
    """A dev server with TLS."""
    started = Https(serve, tmp_path, "-dev", "-dev-root-token-id=the-root-token")
    yield started
    started.close()


def test_new_connections_get_the_new_certificate_and_old_ones_go_on(https, await_that):
    """After SIGHUP a new client sees the new certificate, and one that was connected is answered as before."""
    old = https.connect()
    assert (https.name(), health(old)) == ("first", 200)
    https.renew("second")
    https.reload()
    await_that(lambda: https.name() == "second")
    assert (health(old), health(https.connect())) == (200, 200)
    assert https.served.stop()[0] == 0


def _spoil_cert(https):
    https.cert.write_text("no certificate")


def _spoil_key(https):
    https.key.write_text("no key")


def _other_key(https):
    https.key.write_bytes(https.authority.sign("other", "127.0.0.1").key.read_bytes())


def _remove(https):
    https.cert.unlink()


@pytest.mark.parametrize("spoil", [_spoil_cert, _spoil_key, _other_key, _remove])
def test_a_bad_certificate_changes_nothing_and_is_told(https, spoil, await_that):
    """What cannot be used is named in the log with its reason, and the certificate that was there is served on."""
    spoil(https)
    https.reload()
    assert [https.name() for _ in range(3)] == ["first"] * 3
    https.renew("third")
    https.reload()
    await_that(lambda: https.name() == "third")
    code, _, err = https.served.stop()
    assert code == 0
    assert [line.split("] ")[1][:17] for line in err.splitlines() if "[ERROR]" in line] == ["not reloaded: can"]
    assert str(https.cert) in err
    assert "Traceback" not in err


@pytest.mark.parametrize("ends", [False, True], ids=["goes-on", "ends"])
def test_a_request_in_flight_is_answered_over_its_old_connection(serve, vaultctl, tmp_path, await_that, ends):
    """A write that waits for the state's lock while the certificate changes is answered, be that near the end too."""
    from support.places import open_backend

    vaultctl("secrets", "list")
    token = vaultctl("print", "token").out.strip()
    https = Https(serve, tmp_path, token=token)
    answered, sent = [], threading.Event()

    def write():
        connection = https.connect()
        body = json.dumps({"data": {"k": "v"}})
        connection.request("POST", "/v1/secret/data/a", body, {"X-Vault-Token": token})
        sent.set()
        answered.append(connection.getresponse().status)

    with open_backend("json", str(vaultctl.data / "state.json")).writer():
        writer = threading.Thread(target=write)
        writer.start()
        assert sent.wait(60)
        https.renew("second")
        https.reload()
        await_that(lambda: https.name() == "second")
        assert answered == []
        if ends:
            https.served.process.terminate()
    writer.join()
    https.close()
    assert answered == [200]


def test_nobody_is_refused_while_certificates_follow_each_other(https):
    """Clients that connect all the time, and one that stays connected, get every answer through many reloads."""
    stop = threading.Event()

    def connect_again_and_again():
        asked = 0
        while not stop.is_set():
            connection = https.connect()
            assert health(connection) == 200
            connection.close()
            asked += 1
        return asked

    def stay_connected():
        connection, asked = https.connect(), 0
        while not stop.is_set():
            assert health(connection) == 200
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(each) for each in (*[connect_again_and_again] * 3, stay_connected)]
        try:
            for number in range(times(6, 60)):
                https.renew(f"next-{number}")
                https.reload()
                while https.name() != f"next-{number}" and not any(client.done() for client in clients):
                    pass
        finally:
            stop.set()
        assert all(client.result() > 0 for client in clients)


def test_the_log_level_of_the_config_file_is_read_again(serve, vaultctl, await_that, tmp_path):
    """After SIGHUP requests are logged as the config file now says, and a file that is wrong changes nothing."""
    config = tmp_path / "server.toml"
    config.write_text('log_level = "info"')
    server = serve("-dev", "-dev-root-token-id=the-root-token", f"-config={config}")
    lines = []
    threading.Thread(target=lambda: lines.extend(server.process.stderr), daemon=True).start()

    def said(word):
        return any(word in line for line in lines)

    server.ask("GET", "sys/health?first")
    config.write_text('log_level = "debug"')
    server.process.send_signal(signal.SIGHUP)
    await_that(lambda: server.ask("GET", "sys/health").status == 200 and said("GET /v1/sys/health 200"))
    config.write_text('log_level = "loud"')
    server.process.send_signal(signal.SIGHUP)
    await_that(lambda: said("loud"))
    server.ask("GET", "sys/seal-status")
    await_that(lambda: said("/v1/sys/seal-status"))
