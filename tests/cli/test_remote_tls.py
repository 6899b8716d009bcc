"""vaultctl as a client over TLS, with certificates of our own."""

import pytest
from support.answering import answering, says
from support.authority import Authority

MOUNTS = '{"request_id": "r", "data": {}}'
UNKNOWN = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


@pytest.fixture
def authority(tmp_path):
    """A certificate authority that no system knows."""
    return Authority(tmp_path)


@pytest.fixture
def server(authority):
    """A server whose certificate is for 127.0.0.1."""
    with answering(says(200, MOUNTS), tls=authority.serving(authority.sign("server", "127.0.0.1"))) as server:
        yield server


@pytest.fixture
def client(fresh):
    """Runs a listing on an address; gives exit code and stderr."""

    def run(address, *flags, **env):
        ran = fresh("secrets", "list", f"-address={address}", *flags, env={"VAULT_TOKEN": "a-token", **env})
        return ran.code, ran.err

    return run


def test_an_unknown_authority_is_refused(client, server):
    """Without its CA a server is not trusted, and gets no token."""
    code, err = client(server.address)
    assert (code, UNKNOWN in err, server.asked) == (2, True, [])


def test_an_authority_can_be_named(client, server, authority, tmp_path):
    """By flag, by variable, by its text, or with the folder that it is in."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "any-name").write_bytes(authority.file.read_bytes())
    assert client(server.address, f"-ca-cert={authority.file}") == (0, "")
    assert client(server.address, f"-ca-path={folder}") == (0, "")
    assert client(server.address, VAULT_CACERT=str(authority.file)) == (0, "")
    assert client(server.address, VAULT_CAPATH=str(folder)) == (0, "")
    assert client(server.address, VAULT_CACERT_BYTES=authority.file.read_text()) == (0, "")
    other = Authority(tmp_path, "other")
    assert UNKNOWN in client(server.address, f"-ca-cert={other.file}", VAULT_CACERT=str(authority.file))[1]


def test_verification_can_be_skipped(client, server):
    """By flag and by variable; the flag has the last word."""
    assert client(server.address, "-tls-skip-verify") == (0, "")
    assert client(server.address, VAULT_SKIP_VERIFY="true") == (0, "")
    assert UNKNOWN in client(server.address, "-tls-skip-verify=false", VAULT_SKIP_VERIFY="true")[1]


def test_the_certificate_must_have_the_name(client, authority):
    """A certificate for another name is refused, unless that name is the one that is asked for."""
    with answering(says(200, MOUNTS), tls=authority.serving(authority.sign("named", "vault.example"))) as server:
        code, err = client(server.address, f"-ca-cert={authority.file}")
        assert (code, "x509: " in err, server.asked) == (2, True, [])
        assert client(server.address, f"-ca-cert={authority.file}", "-tls-server-name=vault.example") == (0, "")


def test_a_certificate_that_ran_out_is_refused(client, authority):
    """Time counts too."""
    with answering(says(200, MOUNTS), tls=authority.serving(authority.sign("old", "127.0.0.1", days=-1))) as server:
        assert "certificate has expired" in client(server.address, f"-ca-cert={authority.file}")[1]


def test_we_can_show_a_certificate(client, authority):
    """A server that asks for one gets ours; without it there is no answer, and no success."""
    ours = authority.sign("client", "somebody")
    tls = authority.serving(authority.sign("server", "127.0.0.1"), asks=True)
    with answering(says(200, MOUNTS), tls=tls) as server:
        trusted = f"-ca-cert={authority.file}"
        assert client(server.address, trusted, f"-client-cert={ours.cert}", f"-client-key={ours.key}") == (0, "")
        texts = {"VAULT_CLIENT_CERT_BYTES": ours.cert.read_text(), "VAULT_CLIENT_KEY_BYTES": ours.key.read_text()}
        assert client(server.address, trusted, **texts) == (0, "")
        assert client(server.address, trusted)[0] == 2


def test_tls_and_none_are_told_apart(client, server):
    """https to a server without TLS is said in words; http to one with TLS gets no answer of a Vault."""
    with answering(says(400, "no")) as plain:
        assert "http: server gave HTTP response to HTTPS client" in client(plain.address.replace("http", "https"))[1]
    assert client(server.address.replace("https", "http"))[0] == 2
