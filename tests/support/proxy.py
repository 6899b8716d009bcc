"""A proxy as a process of its own: `python -m support.proxy http|socks5 [NAME:PASSWORD]`.

One that is `other` says the bytes that are given in hexadecimal digits, and is no proxy at all. It prints its port, and
then a line for each place that it was asked to connect to.
"""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TESTS = Path(__file__).parent.parent


class Proxy:
    """A running proxy."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port

    def asked(self) -> list[str]:
        """End it, and give the places that it was asked to connect to."""
        self._process.terminate()
        return self._process.communicate()[0].split()


@contextmanager
def proxying(kind: str, login: str = "") -> Iterator[Proxy]:
    """Run a proxy, and end it."""
    argv = [sys.executable, "-m", "support.proxy", kind, login]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=_TESTS) as process:
        try:
            yield Proxy(process, int(process.stdout.readline() if process.stdout else 0))
        finally:
            process.kill()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, *, yes: bytes, first: bytes = b""
) -> None:
    print(f"{host}:{port}", flush=True)
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)  # every name is this machine
    writer.write(yes)
    far_writer.write(first)
    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, login: str) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
    wanted = b"Basic " + base64.b64encode(login.encode())
    if login and wanted not in head:
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        return
    place = target if method == "CONNECT" else target.split("/")[2]
    host, _, port = place.rpartition(":")
    yes, first = (b"HTTP/1.1 200 OK\r\n\r\n", b"") if method == "CONNECT" else (b"", head)
    await _join(reader, writer, host, int(port), yes=yes, first=first)


async def _socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, login: str) -> None:
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    method = 2 if login else 0
    writer.write(bytes([5, method if method in methods else 255]))
    if method not in methods:
        writer.close()
        return
    if login:
        parts = [await _counted(reader, 1), await _counted(reader, 0)]
        good = b":".join(parts).decode() == login
        writer.write(bytes([1, 0 if good else 1]))
        if not good:
            writer.close()
            return
    *_, kind = await reader.readexactly(4)
    host = (await _counted(reader, 0)).decode() if kind == 3 else ".".join(map(str, await reader.readexactly(4)))
    port = int.from_bytes(await reader.readexactly(2), "big")
    if host == "refused.example":
        writer.write(bytes([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]))
        writer.close()
        return
    await _join(reader, writer, host, port, yes=bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))


async def _other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hexadecimal: str) -> None:
    await reader.read(1)
    writer.write(bytes.fromhex(hexadecimal))
    writer.close()


async def _counted(reader: asyncio.StreamReader, skipped: int) -> bytes:
    await reader.readexactly(skipped)
    return await reader.readexactly((await reader.readexactly(1))[0])


async def _serve(kind: str, login: str) -> None:
    answer = {"http": _http, "socks5": _socks, "other": _other}[kind]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            await answer(reader, writer, login)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2]))
