"""Requests that no client sends, or only a broken one: by subject, each list in its order on a new dev server.

All are answered as OpenBao answers them. Where it is different by name (`docs/differences.md`) the request is not here.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Odd(NamedTuple):
    """One request. A token is only there where the headers have one."""

    method: str
    target: str
    body: bytes | None
    headers: Mapping[str, str]


_TOKEN = {"X-Vault-Token": "root"}


def _odd(method: str, target: str, body: str | None = None, **headers: str) -> Odd:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Odd(method, "/v1/" + target if target[:1] != "/" else target, body and body.encode(), {**_TOKEN, **more})


def _anonymous(method: str, target: str, body: str | None = None, **headers: str) -> Odd:
    odd = _odd(method, target, body, **headers)
    return odd._replace(headers={name: value for name, value in odd.headers.items() if value != "root"})


def _namespaces() -> Iterator[Odd]:
    names = [
        "ns1",
        "ns1/",
        "/ns1",
        "a/b",
        "ROOT",
        "root/x",
        "..",
        "ns1%2f",
        "\u00e9",
        "a b",
        "root",
        "/root/",
        "/",
        " ",
        "",
        ".",
    ]
    for name in names:
        for path in ("sys/internal/ui/mounts/secret", "sys/leader", "nosuch/x", "secret/data/a"):
            yield _odd("GET", path, X_Vault_Namespace=name)
        if name.strip():
            yield _odd("GET", "sys/health", X_Vault_Namespace=name)
            yield _odd("PUT", "sys/init", "{}", X_Vault_Namespace=name)
    for path in (
        "sys/leader",
        "sys/init",
        "sys/host-info",
        "sys/ha-status",
        "sys/nosuch",
        "cubbyhole/a",
        "sys/remount",
        "",
    ):
        for method in ("GET", "POST", "LIST", "SCAN", "DELETE", "HEAD"):
            yield _odd(method, path, X_Vault_Namespace="ns1")
        yield _anonymous("GET", path, X_Vault_Namespace="ns1")
    paths = ["sys/mounts", "sys/health", "sys/init", "sys/leader", "secret/data/a", "", "auth/token/lookup-self"]
    for path in [f"{name}/{path}" for name in ("ns1", "root", "a/b") for path in paths]:
        for method in ("GET", "POST", "PUT", "LIST", "SCAN", "DELETE", "HEAD", "OPTIONS", "PATCH"):
            yield _odd(method, path)
        yield _anonymous("GET", path)
        yield _odd("POST", path, '{"type": "kv"}')
        yield _odd("GET", path + "?list=true")


def _in_a_namespace() -> Iterator[Odd]:
    yield _odd("POST", "sys/namespaces/here", "{}")
    rooted = ["sys/health", "sys/init", "sys/host-info"]
    others = [
        "sys/nosuch",
        "nosuch/x",
        "sys",
        "sys/remount/status/x",
        "secret/data/a",
        "sys/namespaces",
        "sys/mounts/a",
    ]
    for path in [*rooted, *others, "sys/leader"]:
        for method in ("GET", "PUT", "LIST", "SCAN", "DELETE", "HEAD", "PATCH"):
            for name in ("here", "/here/", "here/nosuch"):
                yield _odd(method, path, X_Vault_Namespace=name)
            if path != "sys/leader":
                yield _odd(method, "here/" + path)
                yield _anonymous(method, "here/" + path)
        yield _odd("GET", path, X_Vault_Namespace="nosuch/here")
        yield _odd("GET", "here//" + path)
    for path in ("", "sys/", "sys/mounts/a/", "nosuch/"):
        yield _odd("PUT", "here/" + path)
        yield _odd("PUT", path, X_Vault_Namespace="here")


def _of_the_server() -> Iterator[Odd]:
    for path in ("sys/health", "sys/leader", "sys/seal-status", "sys/init"):
        for method in ("PATCH", "LIST", "SCAN", "DELETE", "OPTIONS", "TRACE", "FOO", "get"):
            yield _odd(method, path)
            yield _anonymous(method, path)
    for path in ("sys/health", "sys/leader", "sys/seal-status"):
        for body in ("nojson", "[]", "{}", None):
            yield _odd("POST", path, body)
            yield _odd("PUT", path, body)
    for path in ("sys/health", "sys/leader"):
        for ttl in ("60", "soon", "-1", "1y"):
            yield _anonymous("GET", path, X_Vault_Wrap_TTL=ttl)
    for body in ('{"secret_shares": 1, "secret_threshold": 1}', '{"secret_shares": 5, "secret_threshold": 3}', "{bad"):
        yield _anonymous("PUT", "sys/init", body)
        yield _anonymous("POST", "sys/init", body)
    for code in ("299", "abc", "", "+200", "200.0", "0x1f4", "404", "500", " 200", "2OO"):
        yield _anonymous("GET", "sys/health?activecode=" + code.replace(" ", "%20"))
        yield _anonymous("GET", "sys/health?standbycode=" + code.replace(" ", "%20"))
    for switch in ("true", "false", "1", "x", "", "T"):
        yield _anonymous("GET", "sys/health?standbyok=" + switch)
        yield _anonymous("GET", "sys/health?perfstandbyok=" + switch)


def _methods() -> Iterator[Odd]:
    inside = [
        "sys/remount",
        "secret/data/a",
        "nosuch/x",
        "sys/nosuch",
        "",
        "cubbyhole/a",
        "sys/remount/status/x",
        "secret",
    ]
    outside = [
        "/v1",
        "/",
        "/ui",
        "/v2/x",
        "/nope",
        "/V1/sys/mounts",
        "//",
        "//v1/sys/mounts",
        "/./x",
        "/..",
        "/x/../v1/a",
    ]
    for path in [*inside, *outside, "sys", "sys/", "secret/", "auth", "auth/nosuch/login", "sys/mounts/secret/tune"]:
        for method in ("HEAD", "OPTIONS", "TRACE", "get", "PROPFIND", "FOO", "LIST", "SCAN", "PATCH", "GET", "DELETE"):
            if (method, path) != ("DELETE", "secret"):
                yield _odd(method, path)
                yield _anonymous(method, path)


def _tokens() -> Iterator[Odd]:
    bearers = ["Bearer root", "bearer root", "BEARER root", "Bearer  root", "Bearer root ", "Bearer", "Bearer ", "root"]
    headers = [
        *({"Authorization": bearer} for bearer in [*bearers, "Basic cm9vdDo=", "Token root", "Bearer\troot"]),
        *(
            {"X-Vault-Token": token}
            for token in (" root", "root ", "ROOT", "s.aaaaaaaaaaaaaaaaaaaaaaaa", "hvs.x", "x" * 3000)
        ),
        {"Authorization": "Bearer root", "X-Vault-Token": "bad"},
        {"Authorization": "Bearer bad", "X-Vault-Token": "root"},
        {"Authorization": "Bearer root", "X-Vault-Token": ""},
        {"X-Vault-Token": "\u00e9"},
        {"Cookie": "token=root"},
    ]
    for given in headers:
        for path in ("sys/mounts/secret", "nosuch", "secret/data/a", "sys/internal/ui/mounts/secret", "sys/leader"):
            yield Odd("GET", "/v1/" + path, None, given)
        yield Odd("POST", "/v1/secret/data/a", b"{bad", given)
        yield Odd("POST", "/v1/sys/mounts/q", b'{"type": "nope"}', given)


_BODIES = r"""
{}|null|[]|1|"x"|true|{|}|{"a":1|{"data":{"a":1}} trailing|{"data":{"a":1}}{"data":{"a":2}}|{"data":[]}
{"data":"x"}|{"data":1}|{"data":true}|{"DATA":{"a":1}}|{"data":{"a":1},"data":{"b":2}}
{"data":{"a":1},"options":null}|{"data":{"a":1},"options":{"cas":"0"}}|{"data":{"a":1},"options":{"cas":"x"}}
{"data":{"a":1},"options":{"cas":-1}}|{"data":{"a":1},"options":{"cas":1.5}}|{"data":{"a":1},"options":[]}
{"data":{"a":1},"options":"x"}|{"data":{"a":1},"options":{"CAS":77}}|{"data":{"a":1},"foo":1}|{"data":{"a":1e400}}
{"data":{"a":NaN}}|{"data":{"a":1.}}|{"data":{"a":.5}}|{"data":{"a":01}}|{"data":{"a":-}}|{"data":{"a":"\ud800"}}
{"data":{"a":"\x"}}|{"data":{"a":"	"}}|{'data':{}}|{"data":{"a":1},}|{"data":{"":1}}|{"data":[{}]}|{"data":[[]]}
{"data":[1]}|{"data":[{"a":1},{"b":2}]}|{"data":[[{"a":1}]]}|{"data":["x"]}|{"data":[[1]]}|{"data":[[[]],{}]}
{"data":[{"a":1},["x"]]}|<xml/>|a=b|data=x|{"version":2}|{"data":{"\u0000":"\u0000"}}|{"data":{"a":-0}}
{"data":{"a":"<&>\u2028"}}
"""

_TYPES = """
application/json|application/x-www-form-urlencoded|text/plain|multipart/form-data; boundary=x|application/JSON; a=b
garbage|;|a/b/c|application/merge-patch+json; charset=utf-8|application/merge-patch+json;
application/merge-patch+json; charset|Application/Merge-Patch+JSON|a b/c|/|a/|application/json x
application/merge-patch+json; a=b; a=c|application/merge-patch+json; =|application/merge-patch+json; a="b"|;;
application/merge-patch+json;;|application/merge-patch+json; a=b c|application /merge-patch+json
application/x-www-form-urlencoded; charset=utf-8
"""


def _bodies() -> Iterator[Odd]:
    for body in _BODIES.strip().replace("\n", "|").split("|"):
        yield _odd("POST", "secret/data/body", body)
        yield _odd("GET", "secret/data/body")
        yield _odd("POST", "sys/mounts/body", body)
        yield _odd("POST", "sys/mounts/secret/tune", body)
        yield _odd("POST", "sys/remount", body)
        yield _odd("PATCH", "secret/data/body", body, Content_Type="application/merge-patch+json")
        yield _odd("DELETE", "secret/data/nosuch", body)
    for kind in _TYPES.strip().replace("\n", "|").split("|"):
        for body in ('{"data":{"a":1}}', "a=b&c=d", "a=1&a=2", "%zz=1", "a=b;c=d", "a", "=", "a=%41", "[1]"):
            yield _odd("POST", "cubbyhole/type", body, Content_Type=kind)
            yield _odd("GET", "cubbyhole/type")
        yield _odd("PATCH", "secret/data/body", '{"data":{"z":1}}', Content_Type=kind)


def _queries() -> Iterator[Odd]:
    yield _odd("POST", "secret/data/q", '{"data":{"a":1}}')
    lists = "list=true list=1 list=t list=yes list= list list=false LIST=true list=tRUE scan=1 scan=x scan=false"
    both = "list=true&list=false list=false&scan=false list=true&scan=true"
    numbers = (
        "1 x -1 99 1.5 %31 +1 %201 1%20 0x1 0X1f 0b1 0o7 010 08 1_0 _1 0_1 1__0 0x 0xG -0x1 99999999999999999999 1e0"
    )
    pages = "after=x&list=true limit=1&list=true limit=x&list=true limit=-1&list=true list=true&a=b after=&list=true"
    others = "foo=bar foo=bar&foo=baz %zz=1 a;b=1 && = ? version=1&version=2 version=1&foo=1"
    for query in (*f"{lists} {both} {pages} {others}".split(), *(f"version={number}" for number in numbers.split())):
        for path in (
            "secret/data/q",
            "secret/metadata",
            "secret/metadata/q",
            "secret/metadata/nosuch/",
            "secret/subkeys/q",
        ):
            yield _odd("GET", f"{path}?{query}")
        for path in ("cubbyhole/nosuch/", "cubbyhole/nosuch", "nosuch/", "sys/remount/status/abc"):
            yield _odd("GET", f"{path}?{query}")
        yield _odd("LIST", "secret/metadata/?" + query)
        yield _odd("LIST", "cubbyhole/nosuch?" + query)
        yield _odd("DELETE", "secret/data/nosuch?" + query)


_PATHS = r"""
a%20b a+b %2e%2e/x %2fx x%2f x/ %00 %0a %7f %c3%a9 %e2%80%8b % %4 %zz
a;b a:b a@b * a\b ./x .. ../data/x /x ... .x x..y a/..b a%2f.%2fb
%2e %2ea a%2e a/%2e/b a/%2e%2e a%2f%2fb . a/. a/.. a/./ a/../ // a//b
"""


def _paths() -> Iterator[Odd]:
    for path in _PATHS.split():
        for method in ("GET", "POST", "LIST", "SCAN", "DELETE"):
            yield _odd(method, "secret/data/" + path, '{"data":{"a":1}}' if method == "POST" else None)
        yield _anonymous("GET", "secret/data/" + path)
        yield _odd("GET", "sys/mounts/" + path)
        yield _odd("POST", "sys/remount/status/" + path)
        yield _odd("GET", "sys/remount/status/" + path)
    for path in (
        "/v1/../v1/sys/leader",
        "/v1/./sys/leader",
        "/v1//",
        "/v1/..",
        "/v1/.",
        "/v1/sys/.",
        "/v1/sys/..",
        "/ui/../x",
    ):
        yield _odd("GET", path)
        yield _odd("PUT", path)
    for path in (
        "secret/data/" + "x" * 600,
        "secret/data/" + "x/" * 300,
        "%73ecret/data/x",
        "secret%2fdata%2fx",
        "sys/mounts%3flist",
    ):
        yield _odd("GET", path)


def _limits() -> Iterator[Odd]:
    yield _odd("POST", "secret/data/l", '{"data":{"a":"' + "x" * 1_100_000 + '"}}')
    yield _odd("POST", "secret/data/l", '{"data":{"x":' + '{"a":' * 250 + "1" + "}" * 250 + "}}")
    yield _odd("POST", "secret/data/l", '{"data":' + "[" * 100 + "]" * 100 + "}")
    for count in (400, 995, 999, 1100):
        yield _odd("POST", "secret/data/l", '{"data":{' + ",".join(f'"k{number}":1' for number in range(count)) + "}}")
        yield _odd("POST", "secret/data/l", '{"data":{"x":[' + ",".join(['"a"'] * count) + "]}}")
    yield _odd("POST", "secret/data/l", '{"data":{"x":[' + ",".join(["1"] * 5000) + "]}}")
    yield _odd("GET", "secret/data/" + "y" * 9000)
    yield _odd("GET", "secret/data/l?" + "y" * 9000)
    yield _odd("GET", "secret/data/nosuch", X_Big="y" * 9000)


ODD: Mapping[str, list[Odd]] = {
    "namespaces": list(_namespaces()),
    "in a namespace": list(_in_a_namespace()),
    "of the server": list(_of_the_server()),
    "methods": list(_methods()),
    "tokens": list(_tokens()),
    "bodies": list(_bodies()),
    "queries": list(_queries()),
    "paths": list(_paths()),
    "limits": list(_limits()),
}
