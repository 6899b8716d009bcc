"""Heads of requests: what is read from them, and what is refused because it can be read in two ways."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soak import times

from vaultctl.http import heads
from vaultctl.http.bodies import Body, Held
from vaultctl.http.wire import Answer
from vaultctl.logical.errors import InvalidRequest, TooLarge

HOST = "Host: x\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


def head(lines, line="POST /v1/sys/health HTTP/1.1\r\n"):
    """Read a head; what is behind it stays."""
    received = bytearray((line + lines + "\r\n").encode("latin-1") + b"the rest")
    found = heads.take(received)
    assert (found is None) or received == b"the rest"
    return found


def whole(answer, method, *, keeps):
    """Give what is written of an answer."""
    return b"".join(heads.write(answer, method, keeps=keeps))


def test_a_head_is_taken_once_it_is_there_in_full():
    """Byte by byte nothing is taken before the empty line, and nothing behind it."""
    sent = b"\r\n\nLIST /v1/a%2Fb//?x=1 HTTP/1.1\r\nHost: x\r\nX-Vault-Token:  t \r\n\r\nPOST"
    received, searched, found = bytearray(), 0, None
    for count, byte in enumerate(sent):
        received.append(byte)
        found = heads.take(received, searched)
        if found:
            assert sent[count + 1 :] == b"POST"
            break
        searched = len(received)
    assert (found.method, found.target, received) == ("LIST", "/v1/a%2Fb//?x=1", b"")
    assert found.framing == ({"host": "x", "x-vault-token": "t"}, 0, True, False, False)
    assert "v1" not in repr(found)


@pytest.mark.parametrize(
    ("target", "read"),
    [
        ("/v1/é", "/v1/é"),
        ("http://other:8200/v1/x?y=http://z/", "/v1/x?y=http://z/"),
        ("https://other", "/"),
        ("*", "*"),
    ],
)
def test_targets_are_as_they_were_sent(target, read):
    """Bytes beyond ASCII stay; of an address with a host the path is what counts."""
    assert head(HOST, f"GET {target} HTTP/1.1\r\n").target == read


@pytest.mark.parametrize(
    ("line", "lines", "length", "keeps"),
    [
        ("HTTP/1.1", "", 0, True),
        ("HTTP/1.1", "Content-Length: 7\r\n", 7, True),
        ("HTTP/1.1", "Content-Length: 7, 7\r\n", 7, True),
        ("HTTP/1.1", "Content-Length: 7\r\nConnection: keep-alive, Close\r\n", 7, False),
        ("HTTP/1.1", "Transfer-Encoding: chunked\r\n", None, True),
        ("HTTP/1.1", "Transfer-Encoding: Chunked\r\nContent-Length: 7\r\n", None, False),
        ("HTTP/1.2", "Transfer-Encoding: chunked\r\n", None, True),
        ("HTTP/1.0", "Content-Length: 7\r\n", 7, False),
        ("HTTP/1.0", "Content-Length: 7\r\nConnection: Keep-Alive\r\n", 7, True),
        ("HTTP/1.0", "Content-Length: 7\r\nConnection: keep-alive, close\r\n", 7, False),
    ],
)
def test_how_a_body_is_framed(line, lines, length, keeps):
    """A length or chunks; who sends both, who says so, and an old client that asks for no more is answered last."""
    framing = head(HOST + lines, f"POST / {line}\r\n").framing
    assert (framing.length_b, framing.keeps) == (length, keeps)
    assert framing.to_tell is (keeps and line == "HTTP/1.0")


@pytest.mark.parametrize(
    "lines",
    [
        "X: y\r\n",
        HOST + HOST,
        HOST + "Content-Length: 7\r\nContent-Length: 8\r\n",
        HOST + "Content-Length: -1\r\n",
        HOST + "Content-Length: +1\r\n",
        HOST + "Content-Length: 1 1\r\n",
        HOST + "Content-Length: 0x1\r\n",
        HOST + f"Content-Length: {'9' * 5000}\r\n",
        HOST + "Transfer-Encoding: gzip\r\n",
        HOST + "Transfer-Encoding: chunked, chunked\r\n",
        HOST + "Transfer-Encoding : chunked\r\n",
        HOST + "no colon\r\n",
        HOST + "X: a\x00b\r\n",
        HOST + "X\r: a\r\n",
        " " + HOST,
        HOST + ": y\r\n",
    ],
)
def test_headers_that_can_be_read_in_two_ways_are_refused(lines):
    """Whatever a proxy in front might read otherwise is no request."""
    with pytest.raises(heads.BadHead):
        head(lines)


@pytest.mark.parametrize(
    "line",
    [
        "GET  / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET /a\tb HTTP/1.1\r\n",
        "GET / HTTP/2.0\r\n",
        "GET / http/1.1\r\n",
        "GET /\r\n",
        "G T / HTTP/1.1\r\n",
        "\x16\x03\x01\r\n",
    ],
)
def test_lines_that_are_none_are_refused(line):
    """A method, a target and a version, with one space between each."""
    with pytest.raises(heads.BadHead):
        head(HOST, line)


def test_headers_that_are_kept_are_those_that_were_sent():
    """The same headers are read once, others anew, whatever the line before them says; long ones are not kept."""
    heads._read.cache_clear()
    lines = HOST + "X-Vault-Token: one\r\n"
    first = head(lines, "GET /a HTTP/1.1\r\n").framing
    assert head(lines, "LIST /b HTTP/1.1\r\n").framing is first
    assert head(lines, "GET /a HTTP/1.0\r\n").framing.keeps is False
    assert head(lines.replace("one", "two")).framing.headers["x-vault-token"] == "two"
    kept = heads._read.cache_info().currsize
    assert head(lines + f"X: {'y' * 5000}\r\n").framing.headers["x"] == "y" * 5000
    assert (kept, heads._read.cache_info().currsize) == (3, 3)


def test_a_head_has_a_limit():
    """A head that is too long is refused, be its end there or not."""
    for end in ("", "\r\n\r\n"):
        with pytest.raises(heads.HeadTooLong):
            heads.take(bytearray(b"GET / HTTP/1.1\r\n" + f"Host: x\r\nX: {'y' * heads.MAX_B}{end}".encode()))
    assert heads.take(bytearray(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * (heads.MAX_B // 2) + b"\r\n\r\n"))
    assert head(HOST + "X: y\r\n" * 200)
    with pytest.raises(heads.HeadTooLong):
        head(HOST + "X: y\r\n" * 300)


def test_an_answers_head_has_no_line_that_somebody_else_wrote():
    """A line end in a value ends no line."""
    written = whole(Answer(200, (("X", "a\r\nSet-Cookie: b\n"),), b"body"), "GET", keeps=False)
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.receive_data(written)
    names = [name for name, _ in client.next_event().headers]
    assert names == [b"x", b"date", b"content-length", b"connection"]
    assert client.next_event().data == b"body"


def body_of(lines, pieces, held=None):
    """Take a body that comes in these pieces; give it, and what is left behind it."""
    body, received = Body(head(HOST + lines), held or Held(1 << 30), 0.0), bytearray()
    for piece in pieces:
        received += piece
        whole = body.take(received)
        if whole is not None:
            return whole, bytes(received)
    return None, bytes(received)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_has_none(status):
    """Whatever a door said with it: what follows would be taken for the next answer."""
    written = whole(Answer(status, (), b"body"), "GET", keeps=True)
    assert (written[-4:], b"Content-Length" in written) == (b"\r\n\r\n", False)


def test_a_long_body_is_not_copied():
    """It goes out as it is, behind its head."""
    body = bytes(1 << 20)
    head, sent = heads.write(Answer(200, (), body), "GET", keeps=True)
    assert (head[-4:], sent.obj is body) == (b"\r\n\r\n", True)


def test_to_head_the_length_is_told_without_the_body():
    """HEAD is told how long the body would be."""
    assert whole(Answer(200, (), b"body"), "HEAD", keeps=True).endswith(b"\r\nContent-Length: 4\r\n\r\n")


def test_a_status_that_is_a_word_in_between_is_none():
    """A client would wait for another answer behind it. Source: Go."""
    assert whole(Answer(102, (), b""), "GET", keeps=True).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("byte", [b"\x00", b"\x0b", b"\x0c", b"\r", b"\x1f", b"\x7f"])
def test_blanks_in_front_of_what_is_no_text_take_no_time(byte):
    """A value of a hundred thousand blanks is refused by one look: the library's own took most of a minute."""
    with pytest.raises(heads.BadHead):
        heads.take(bytearray(b"GET / HTTP/1.1\r\nHost: x\r\na:" + b" " * 120_000 + byte + b"x\r\n\r\n"))


def test_what_is_no_http_is_told_at_once():
    """A client that begins TLS waits for an answer, and the first byte tells."""
    with pytest.raises(heads.BadHead):
        heads.take(bytearray(b"\x16\x03\x01\x02"))


def test_a_transfer_encoding_that_is_not_known_is_501():
    """As in HTTP's own documents, and in OpenBao 2.7."""
    with pytest.raises(heads.BadHead) as refused:
        head(HOST + "Transfer-Encoding: gzip\r\n")
    assert refused.value.status == 501


CHUNKS = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\nGET"


@pytest.mark.parametrize("size", [1, 2, 7, len(CHUNKS)])
def test_bodies_come_in_whatever_pieces(size):
    """A length and chunks end where they say, and what is behind them stays."""
    pieces = [CHUNKS[start : start + size] for start in range(0, len(CHUNKS), size)]
    body, left = body_of(CHUNKED, [b"", *pieces])
    assert (body, CHUNKS.endswith(left), len(left) <= 3) == (b"abcde", True, True)
    body, left = body_of("Content-Length: 5\r\n", [b"abcdeGET"[start : start + size] for start in range(0, 8, size)])
    assert (body, b"GET".startswith(left)) == (b"abcde", True)


NO_CHUNKS = [
    *(b"g\r\n", b"3\nabc\r\n", b";x\r\n", b"1;" + b" " * 2000, b"0\r\nx\r\n", b"0\r\n" + b"x: y\r\n" * 99, b"-1\r\n"),
    *(b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1\r\nab\r\n", b"\r\n", b"9" * 30 + b"\r\n"),
]


@pytest.mark.parametrize("chunks", NO_CHUNKS)
def test_chunks_that_are_none_are_refused(chunks):
    """What is no chunk is an error, and not the end of the body."""
    with pytest.raises(InvalidRequest, match="malformed chunked encoding"):
        body_of(CHUNKED, [chunks, b"0\r\n\r\n"])


def _read_by_the_library(data):
    """Give what h11 reads of a body in chunks, and what it leaves; None for a body that goes on, or is none."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    connection.next_event()
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    return (body, connection.trailing_data[0]) if isinstance(event, h11.EndOfMessage) else None


PIECES = [
    b"0",
    b"1",
    b"3",
    b"a",
    b"\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b";x",
    b" ",
    b"\t",
    b"abc",
    b"0\r\n\r\n",
    b"X: y\r\n",
    b":",
    b"\x00",
]


@settings(max_examples=times(2_000, 200_000), deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.integers(1, 9))
def test_chunks_end_where_the_library_says(pieces, size):
    """What is taken for a body in chunks here is one to h11 too, with the same end: it never goes on in the next."""
    data = b"".join(pieces)
    try:
        found = body_of(CHUNKED, [data[start : start + size] for start in range(0, len(data), size)])
    except InvalidRequest:
        return
    if found[0] is not None:
        left = data[len(data) - len(_read_by_the_library(data)[1]) :]
        assert (found[0], left.startswith(found[1])) == (_read_by_the_library(data)[0], True)


def test_chunks_may_not_be_mostly_shell():
    """Chunks of one byte each are refused once there are many: each costs time."""
    with pytest.raises(InvalidRequest, match="malformed chunked encoding"):
        body_of(CHUNKED, [b"1\r\nx\r\n" * 10_000] * 10)
    body, _ = body_of(CHUNKED, [b"1\r\nx\r\n" * 2_000, b"0\r\n\r\n"])
    assert body == b"x" * 2_000


def test_a_body_that_is_too_long_is_read_to_its_end_and_not_held():
    """Its sender hears of it when it has sent all; nothing of it is kept meanwhile."""
    held, half = Held(48 << 20), bytes(20 << 20)
    with pytest.raises(TooLarge):
        body_of(f"Content-Length: {len(half) * 2}\r\n", [half, half], held)
    other = Body(head(HOST + "Content-Length: 9\r\n"), held, 0.0)
    held.count(other, 47 << 20)
