"""Requests and answers as they are written on the wire, in both directions."""

import json

import pytest

from vaultctl.http import pages
from vaultctl.http.body import read_body
from vaultctl.http.wire import (
    Answer,
    Call,
    headers_of,
    read_answer,
    read_call,
    write_error,
    write_request,
    write_response,
)
from vaultctl.logical import errors
from vaultctl.logical.request import MERGE_PATCH, Operation, Repeated, Request
from vaultctl.logical.response import EMPTY, Lease, Response

READ_A = Request(Operation.READ, "a")


def call(method="GET", target="/v1/secret/data/a", body=b"", **headers):
    """Give a call; underscores in the names of headers stand for dashes."""
    return Call(method, target, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("method", "query", "operation"),
    [
        ("GET", "", Operation.READ),
        ("GET", "?list=true", Operation.LIST),
        ("GET", "?list=T", Operation.LIST),
        ("GET", "?list=false", Operation.READ),
        ("GET", "?list", Operation.READ),
        ("GET", "?list=1&list=0", Operation.LIST),
        ("GET", "?scan=1", Operation.SCAN),
        ("GET", "?help=0", Operation.HELP),
        ("GET", "?help", Operation.READ),
        ("POST", "?help=1", Operation.HELP),
        ("POST", "?list=true", Operation.UPDATE),
        ("LIST", "", Operation.LIST),
        ("SCAN", "", Operation.SCAN),
        ("PUT", "", Operation.UPDATE),
        ("POST", "", Operation.UPDATE),
        ("PATCH", "", Operation.PATCH),
        ("DELETE", "", Operation.DELETE),
        ("HEAD", "", Operation.HEAD),
    ],
)
def test_method_and_query_make_the_verb(method, query, operation):
    """A verb comes from the method, and of a GET from its query too."""
    assert read_call(call(method, "/v1/secret/data/a" + query)).operation is operation


@pytest.mark.parametrize("query", ["list=yes", "scan=yes", "list=true&scan=true"])
def test_a_switch_that_is_no_boolean_is_refused_without_words(query):
    """What is neither true nor false, and a listing that is a scan too, is 400 with no text."""
    with pytest.raises(errors.InvalidRequest) as caught:
        read_call(call(target=f"/v1/a?{query}"))
    assert caught.value.errors == ()


@pytest.mark.parametrize("method", ["BOGUS", "get", "TRACE", ""])
def test_other_methods_are_refused_without_words(method):
    """A method that the API does not have is 405 with no text."""
    with pytest.raises(errors.NoSuchMethod):
        read_call(call(method))


def test_a_path_is_decoded_once():
    """A percent sign in a path escapes one byte, and a plus is a plus."""
    assert read_call(call(target="/v1/a%20b+c%252F/%C3%A9")).path == "a b+c%2F/é"


def test_a_query_is_read_as_go_reads_it():
    """Repeated names have all values, and parts with bad escapes or semicolons are left out."""
    query = read_call(call(target="/v1/a?x=1&x=2&y=a+b%20c&z=%zz&q=1;w=2&v")).query
    assert query == {"x": Repeated(["1", "2"]), "y": "a b c", "v": ""}


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"x_vault_token": "t"}, "t"),
        ({"x_vault_token": "t", "authorization": "Bearer u"}, "t"),
        ({"x_vault_token": "", "authorization": "Bearer u"}, "u"),
        ({"authorization": "Bearer  u "}, "u"),
        ({"authorization": "bearer u"}, ""),
        ({"authorization": "Basic u"}, ""),
        ({"authorization": "u"}, ""),
        ({}, ""),
    ],
)
def test_where_the_token_is(headers, token):
    """The token is in its own header, or else behind `Bearer`."""
    assert read_call(call(**headers)).token == token


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        ([("x-vault-token", "a"), ("x-vault-token", "b")], "a"),
        ([("x-vault-token", ""), ("x-vault-token", "b")], ""),
        ([("authorization", "Bearer a"), ("authorization", "Bearer b")], "a"),
        ([("authorization", "Basic a"), ("authorization", "Bearer b")], "b"),
        ([("authorization", "Basic a"), ("authorization", "Basic b")], ""),
        ([("authorization", "Bearer b"), ("x-vault-token", "a")], "a"),
    ],
)
def test_of_doubled_headers_the_first_one_counts(sent, token):
    """A client cannot overrule what a proxy put in front."""
    assert read_call(Call("GET", "/v1/a", headers_of(sent))).token == token


@pytest.mark.parametrize(
    ("header", "namespace"),
    [("a", "a/"), ("/a/b/", "a/b/"), ("", ""), (" ", ""), ("/", ""), ("root", ""), ("root/", "")],
)
def test_the_namespace_of_a_header(header, namespace):
    """A namespace ends in a slash, and root's has many names."""
    assert read_call(call(x_vault_namespace=header)).namespace == namespace


@pytest.mark.parametrize(
    ("header", "seconds"), [("", 0), ("0", 0), ("60", 60), ("5m", 300), ("1d", 86400), ("500ms", 0.5)]
)
def test_the_ttl_of_a_wrapped_answer(header, seconds):
    """A wrap TTL is any duration that Go and Vault know."""
    assert read_call(call(x_vault_wrap_ttl=header)).wrap_ttl_s == seconds


@pytest.mark.parametrize(
    ("header", "words"), [("soon", 'time: invalid duration "soon"'), ("-1", "requested wrap ttl cannot be negative")]
)
def test_a_bad_wrap_ttl_is_refused(header, words):
    """What is no duration, or a negative one, is 400 in OpenBao's words."""
    with pytest.raises(errors.InvalidRequest, match="error parsing X-Vault-Wrap-TTL header: " + words):
        read_call(call(x_vault_wrap_ttl=header))


@pytest.mark.parametrize("body", [b"", b" ", b"\n", b"null", b"{}", b"{} {}", b"null null"])
def test_a_body_without_data(body):
    """Nothing, blanks, null and an empty object are all no data."""
    assert read_call(call("POST", body=body)).data == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "unexpected EOF"),
        (b'{"a":"abc', "unexpected EOF"),
        (b"{} tru", "unexpected EOF"),
        (b"-", "unexpected EOF"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"{a:1}", "invalid character 'a' looking for beginning of value"),
        (b'{"a":1,}', "invalid character ',' looking for beginning of value"),
        (b'{"a":[1,]}', "invalid character ',' looking for beginning of value"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b'{"a":[1 2]}', "invalid character '2' after array element"),
        (b'{"a":[{}],"b":01}', "invalid character '1' after object key:value pair"),
        (b'{"a":tru}', "invalid character '}' in literal true (expecting 'e')"),
        (b'{"a":1.}', "invalid character '}' in numeric literal"),
        (b'{"a":-}', "invalid character '}' in numeric literal"),
        (b'{"a":-Infinity}', "invalid character 'I' in numeric literal"),
        (b'{"a":NaN}', "invalid character 'N' looking for beginning of value"),
        (b'{"a":"\x01"}', "invalid character '\\x01' in string"),
        (b'{"a":"\n"}', "invalid character '\\n' in string"),
        (b'{"a":"\\x"}', "invalid escape sequence `\\x` in string"),
        (b'{"a":"\\u12"}', 'invalid escape sequence `\\u12"}` in string'),
        (b"{'a':1}", "invalid character '\\'' looking for beginning of value"),
        (b"\xff", "invalid character '\\xff' looking for beginning of value"),
        (b"\xef\xbb\xbf{}", "invalid character '\\ufeff' looking for beginning of value"),
        (b'{"a":}', "missing value after object key"),
        (b"{1:2}", "object member name must be a string"),
        (b'{"a":1}]', "invalid character ']' looking for beginning of value"),
        (b"[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (b'"x"', "json: cannot unmarshal string into Go value of type map[string]interface {}"),
        (b"5", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
        (b"true", "json: cannot unmarshal bool into Go value of type map[string]interface {}"),
        (b'{"a":1e999}', "json: cannot unmarshal number 1e999 into Go value of type float64"),
    ],
)
def test_what_is_wrong_with_json_is_said_as_openbao_says_it(body, words):
    """The message is the one that OpenBao 2.7.2 answered to the same bytes."""
    with pytest.raises(errors.InvalidRequest) as caught:
        read_body("", body)
    assert caught.value.errors == (f"failed to decode JSON input: {words}",)


def test_a_body_may_hold_a_thousand_strings():
    """Keys and values count as strings, and one more than a thousand is refused, be the JSON whole or not."""
    texts = ['"s"'] * 999
    assert read_body("", b'{"a":[' + ",".join(texts).encode() + b"]}")
    for end in (b',"t"]}', b',"t",oh'):
        with pytest.raises(errors.InvalidRequest, match="exceeded maximum number of strings"):
            read_body("", b'{"a":[' + ",".join(texts).encode() + end)


def test_json_that_takes_too_much_memory_is_refused():
    """A body of many values is refused by the memory that they would take."""
    with pytest.raises(errors.InvalidRequest, match="exceeded maximum estimated memory limits"):
        read_body("", b'{"a":[' + b"1," * 1_500_000 + b"1]}")


def test_json_that_is_nested_too_deeply_is_refused():
    """A body of a hundred thousand brackets is refused, and does not end the process."""
    with pytest.raises(errors.InvalidRequest, match="high complexity"):
        read_body("", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_numbers_keep_their_spelling_through_the_wire():
    """A number is sent on, and answered, as it was written."""
    spelt = b'{"a":12345678901234567890123,"b":1.10,"c":1E5,"d":-0}'
    data = read_call(call("POST", body=spelt)).data
    answer = write_response(Response(data=data))
    assert b'"data":' + spelt in answer.body
    assert b'"data":' + spelt in write_response(read_answer(answer, READ_A)).body
    assert write_request(READ_A._replace(operation=Operation.UPDATE, data=data)).body == spelt


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"k=v&n=1&k=w", {"k": "v,w", "n": "1"}),
        (b"a+b=%C3%A9", {"a b": "é"}),
        (b'{"k":1}', {"k": 1}),
    ],
)
def test_a_form_is_read_as_texts(body, data):
    """A form's values are texts, joined where a name is repeated; what begins as JSON is JSON."""
    assert read_call(call("POST", body=body, content_type="application/x-www-form-urlencoded")).data == data


def test_only_writes_have_a_body():
    """What a GET, LIST or DELETE carries is not looked at."""
    for method in ("GET", "LIST", "DELETE"):
        assert read_call(call(method, body=b"{")).data == {}


def test_a_patch_of_another_type_is_left_for_the_door_to_refuse():
    """The body of a PATCH is read only where it is a merge patch."""
    assert read_call(call("PATCH", body=b"{", content_type="application/json")).data == {}
    with pytest.raises(errors.InvalidRequest, match="unexpected EOF"):
        read_call(call("PATCH", body=b"{", content_type=MERGE_PATCH))


def envelope(answer):
    """Give the decoded body of an answer."""
    assert answer.body.endswith(b"\n")
    return json.loads(answer.body)


def test_the_envelope_has_all_its_parts():
    """An answer with data has the eight parts of the envelope, in OpenBao's order."""
    answer = write_response(Response(data={"k": "v"}, lease=Lease(60, "x", True), request_id="r", warnings=("w",)))
    assert answer.status == 200
    assert list(envelope(answer).items()) == [
        ("request_id", "r"),
        ("lease_id", "x"),
        ("renewable", True),
        ("lease_duration", 60),
        ("data", {"k": "v"}),
        ("wrap_info", None),
        ("warnings", ["w"]),
        ("auth", None),
    ]


def test_a_mirrored_answer_has_its_data_twice():
    """The data of a mirrored answer stands beside the envelope's own parts too."""
    assert envelope(write_response(Response(data={"k": "v"}, mirrored=True)))["k"] == "v"
    assert "k" not in envelope(write_response(Response(data={"k": "v"})))


def test_an_answer_without_data_has_no_body():
    """What has nothing to say is 204 without a body, and still has a type."""
    answer = write_response(EMPTY)
    assert (answer.status, answer.body) == (204, b"")
    assert ("Content-Type", "application/json") in answer.headers


def test_each_answer_has_the_usual_headers():
    """No answer may be cached, and none says what serves it."""
    for answer in (write_response(EMPTY), write_error(errors.NotFound()), pages.answer_alone(call(target="/nope"))):
        headers = dict(answer.headers)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert headers.keys() & {"Server", "X-Vault-Token"} == set()


def test_a_raw_answer_has_no_envelope():
    """What stands in for the envelope is the whole body, with its own status."""
    answer = write_response(Response(503, raw={"sealed": True}))
    assert (answer.status, envelope(answer)) == (503, {"sealed": True})


@pytest.mark.parametrize(
    ("error", "status", "texts"),
    [
        (errors.NotFound(), 404, []),
        (errors.BadToken(), 403, ["permission denied"]),
        (errors.PermissionDenied(), 403, ["1 error occurred:\n\t* permission denied\n\n"]),
        (errors.NoSuchMethod(), 405, []),
        (errors.Sealed(), 503, ["Vault is sealed"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_its_texts(error, status, texts):
    """A refusal is its status and its texts."""
    answer = write_error(error)
    assert (answer.status, envelope(answer)) == (status, {"errors": texts})


def test_a_patch_of_what_is_not_there_has_no_body():
    """A PATCH that finds nothing is 404 without a body, which a client takes for what it is."""
    answer = write_error(errors.NotFound(), "PATCH")
    assert (answer.status, answer.body) == (404, b"")
    with pytest.raises(errors.NotFound):
        read_answer(answer, Request(Operation.PATCH, "a"))


def test_a_refusal_with_data_has_an_envelope():
    """A deleted version of a secret is 404, and says when it was deleted."""
    said = envelope(write_error(errors.NotFound(data={"data": None}, warnings=("w",))))
    assert (said["data"], said["warnings"], "errors" in said) == ({"data": None}, ["w"], False)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/v1//sys/mounts", "/v1/sys/mounts"),
        ("/v1/sys/./mounts", "/v1/sys/mounts"),
        ("/v1/sys/../mounts?x=1&y=%20", "/v1/mounts?x=1&y=%20"),
        ("/v1/sys/mounts/..", "/v1/sys/"),
        ("/v1/a/.", "/v1/a"),
        ("/v1//a/", "/v1/a/"),
        ("/v1/a/..", "/v1/"),
        ("/v1/sys?x", "/v1/sys/?x"),
        ("/", "/ui/"),
        ("/ui", "/ui/"),
    ],
)
def test_an_unclean_path_is_redirected(target, location):
    """Empty and dot segments lead to the path without them, with a page for a GET and none for a POST."""
    asked, written = pages.answer_alone(call(target=target)), pages.answer_alone(call("POST", target))
    assert (asked.status, dict(asked.headers)["Location"], written.body) == (307, location, b"")
    assert asked.body.startswith(b'<a href="/')
    assert "Content-Type" not in dict(written.headers)


@pytest.mark.parametrize("target", ["/v1/a%2F%2Fb", "/v1/.a/b..c/...", "/v1/a/", "/v1/", "/v1/a%FF"])
def test_a_clean_path_is_the_doors(target):
    """Escaped slashes, and dots in names, are nothing to clean."""
    assert pages.answer_alone(call(target=target)) is None


@pytest.mark.parametrize("target", ["/v1/a%00", "/v1/a%0Ab", "/v1/%E2%80%8B", "/v1/%7F"])
def test_a_path_that_cannot_be_printed_is_refused(target):
    """A character that cannot be shown is 400 without a body."""
    answer = pages.answer_alone(call(target=target))
    assert (answer.status, answer.body, dict(answer.headers).get("Content-Type")) == (400, b"", None)


@pytest.mark.parametrize("target", ["/nope", "/v1", "/v2/sys/health", "/V1/sys/health", "/ui/x", "/favicon.ico"])
def test_outside_of_the_api_nothing_is_found(target):
    """Other paths than those of the API are 404 without a text."""
    assert pages.answer_alone(call(target=target)).body == b'{"errors":[]}\n'


REQUESTS = [
    Request(Operation.READ, "secret/data/ä b%/c~d+e", query={"version": "2"}, token="t", content_type=""),
    Request(Operation.LIST, "secret/metadata/", namespace="a/b/", content_type=""),
    Request(Operation.SCAN, "secret/metadata", content_type=""),
    Request(Operation.HELP, "sys/mounts", content_type=""),
    Request(Operation.UPDATE, "sys/mounts/a", data={"type": "kv"}, wrap_ttl_s=0.5, wrap_format="jwt"),
    Request(Operation.PATCH, "secret/data/a", data={"a": None}, content_type=MERGE_PATCH),
    Request(Operation.DELETE, "secret/data/a", query={"versions": Repeated(["1", "2"])}, content_type=""),
    Request(Operation.HEAD, "sys/health", content_type=""),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.operation.value)
def test_what_a_client_writes_a_server_reads(request_):
    """A request that was written and read again is the same."""
    came = read_call(write_request(request_))
    query = {name: value for name, value in came.query.items() if name != "help"}
    came = came._replace(query=query, sent_headers=request_.sent_headers)
    assert came == request_


@pytest.mark.parametrize(
    "response",
    [
        Response(200, {"k": 1}, request_id="r"),
        Response(200, {"k": 1}, request_id="r", mirrored=True, warnings=("w",), lease=Lease(5, "l", True)),
        Response(200, None, auth={"client_token": "s"}, request_id="r"),
        Response(200, None, wrap_info={"token": "s"}, request_id="r"),
        Response(200, raw={"sealed": False}),
        Response(503, raw={"sealed": True}),
        Response(204),
    ],
    ids=["data", "mirrored", "auth", "wrapped", "raw", "sealed", "nothing"],
)
def test_what_a_server_writes_a_client_reads(response):
    """An answer that was written and read again is the same."""
    assert read_answer(write_response(response), READ_A) == response


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidRequest("no"),
        errors.PermissionDenied(),
        errors.NotFound(),
        errors.NotFound(data={"data": None}, warnings=("w",)),
        errors.NoRoute('no handler for route "x". route entry not found.'),
        errors.UnsupportedOperation(),
        errors.TooLarge("http: request body too large"),
        errors.WrongContentType("type"),
        errors.NotOffered("no"),
        errors.Sealed(),
        errors.ServerError(500, "oh"),
        errors.ServerError(429, "slow"),
    ],
    ids=lambda error: f"{type(error).__name__}-{error.status}",
)
def test_what_a_server_refuses_a_client_raises(error):
    """A refusal that was written and read again has its class, status, texts, warnings and data."""
    with pytest.raises(type(error)) as caught:
        read_answer(write_error(error), READ_A)
    came = caught.value
    assert (came.status, came.errors, came.warnings, came.data) == (
        error.status,
        error.errors,
        error.warnings,
        error.data,
    )


@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"", b"[]", b"\xff"])
@pytest.mark.parametrize("status", [301, 404, 502])
def test_what_is_no_answer_of_the_api_is_an_error(status, body):
    """A proxy's page does not end the client: it says which status came."""
    with pytest.raises(errors.VaultError, match=str(status)):
        read_answer(Answer(status, (), body), READ_A)


def test_nothing_secret_is_shown():
    """A call and an answer are shown without their path, headers and body."""
    shown = repr(call("POST", body=b"secret", x_vault_token="s.token")) + repr(Answer(200, (), b"secret"))
    assert "secret" not in shown
    assert "s.token" not in shown
