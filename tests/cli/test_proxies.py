"""vaultctl through proxies, which are processes of their own: HTTP and SOCKS, to servers with TLS and without."""

import pytest
from support.answering import answering, says
from support.authority import Authority
from support.proxy import proxying

MOUNTS = '{"request_id": "r", "data": {}}'
LOGIN = "me:it's a secret"
QUOTED = "me:it%27s%20a%20secret"


@pytest.fixture(params=["http", "https"])
def server(request, tmp_path):
    """A server with or without TLS; gives it, and the flags that one needs for it."""
    if request.param == "http":
        with answering(says(200, MOUNTS)) as plain:
            yield plain, []
        return
    authority = Authority(tmp_path)
    with answering(says(200, MOUNTS), tls=authority.serving(authority.sign("server", "vault.example"))) as secured:
        yield secured, [f"-ca-cert={authority.file}"]


@pytest.fixture
def listing(fresh):
    """Lists the mounts of an address through a proxy; gives exit code and stderr."""

    def run(address, proxy, *flags):
        env = {"VAULT_ADDR": address, "VAULT_TOKEN": "a-token", "VAULT_PROXY_ADDR": proxy}
        ran = fresh("secrets", "list", *flags, env=env)
        return ran.code, ran.err

    return run


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("login", ["", LOGIN])
def test_a_proxy_connects_us(listing, server, kind, login):
    """The proxy looks the name up, and gets its own name and password where it wants them."""
    there, flags = server
    scheme = there.address.partition(":")[0]
    with proxying(kind, login) as proxy:
        at = f"{QUOTED}@" if login else ""
        reached = listing(f"{scheme}://vault.example:{there.port}", f"{kind}://{at}127.0.0.1:{proxy.port}", *flags)
        assert (reached, proxy.asked()) == ((0, ""), [f"vault.example:{there.port}"])
    assert "a-token" in there.asked[0]
    assert "Proxy-Authorization" not in there.asked[0] or scheme == "http"


def test_socks5h_is_the_same(listing, server):
    """The name that says who looks names up changes nothing: the proxy always does."""
    there, flags = server
    with proxying("socks5") as proxy:
        address = there.address.replace("127.0.0.1", "vault.example")
        assert listing(address, f"socks5h://127.0.0.1:{proxy.port}", *flags) == (0, "")


@pytest.mark.parametrize(
    ("kind", "login", "told"),
    [
        ("http", "", "Proxy Authentication Required"),
        ("http", "me:wrong", "Proxy Authentication Required"),
        ("socks5", "", "no acceptable authentication methods"),
        ("socks5", "me:wrong", "username/password authentication failed"),
        ("socks5", "me:", "user name or password is empty"),
    ],
)
def test_a_proxy_that_refuses_us_is_exit_code_2(listing, kind, login, told, tmp_path):
    """What the proxy says is told, and no token and no password is."""
    authority = Authority(tmp_path)
    tls = authority.serving(authority.sign("server", "127.0.0.1"))
    with answering(says(200, MOUNTS), tls=tls) as there, proxying(kind, LOGIN) as proxy:
        at = f"{login}@" if login else ""
        code, err = listing(there.address, f"{kind}://{at}127.0.0.1:{proxy.port}")
    assert (code, told in err, "wrong" in err.replace(told, ""), there.asked) == (2, True, False, []), err


def test_a_place_that_a_proxy_does_not_serve_is_exit_code_2(listing):
    """The reason that a SOCKS proxy gives is told in words."""
    with proxying("socks5") as proxy:
        code, err = listing("http://refused.example:1", f"socks5://127.0.0.1:{proxy.port}")
    assert (code, "connection not allowed by ruleset" in err) == (2, True)


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_proxy_that_is_gone_is_said_to_be_the_proxy(listing, kind):
    """It is not taken for the server."""
    code, err = listing("http://vault.example", f"{kind}://127.0.0.1:1")
    told = (
        'Get "http://vault.example/v1/sys/mounts": proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused'
    )
    assert (code, told in err) == (2, True), err


@pytest.mark.parametrize("answer", [b"", b"\x04\x00", b"\x05\x05", b"HTTP/1.1 400 no\r\n\r\n"])
def test_what_is_no_socks_proxy_is_exit_code_2(listing, answer):
    """Whatever else answers there is told in words."""
    with proxying("other", answer.hex()) as other:
        code, err = listing("http://vault.example", f"socks5://127.0.0.1:{other.port}")
    assert (code, "socks connect" in err) == (2, True), err


@pytest.mark.parametrize("proxy", ["https://127.0.0.1:1", "gopher://127.0.0.1:1"])
def test_other_proxies_are_refused(listing, proxy):
    """A proxy over TLS is not spoken to."""
    code, err = listing("http://vault.example", proxy)
    assert (code, "a proxy is reached by http, socks5, socks5h" in err) == (2, True)
