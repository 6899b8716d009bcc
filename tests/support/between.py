"""What stands between a client and a real OpenBao: passes all on, can act on the way, and can swallow an answer."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support.answering import Server, answering, says

_PASSED_ON = ("x-vault-token", "x-vault-wrap-ttl", "x-vault-namespace", "content-type", "x-vault-request")


@contextmanager
def between(port: int, path: str, then: Callable[[], bool]) -> Iterator[Server]:
    """Pass requests on. When one on a path was answered, `then` tells whether the answer gets through."""

    def reply(text: str) -> bytes:
        head, _, body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() in _PASSED_ON}
            connection.request(method, target, body.encode() or None, kept)
            answer = connection.getresponse()
            said = says(answer.status, answer.read().decode(), Content_Type="application/json")
        finally:
            connection.close()
        return said if target != f"/v1/{path}" or then() else b""

    with answering(reply) as server:
        yield server
