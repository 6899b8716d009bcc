"""A server of our own, as people run it, over a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.program import Program
from support.sockets import free_port


@contextmanager
def own_server(home: Path, *flags: str) -> Iterator[str]:
    """Run `vaultctl server` until the test ends; give its address."""
    home.mkdir(exist_ok=True)
    address = f"127.0.0.1:{free_port()}"
    process = Program(home).start("server", f"-listen-address={address}", *flags)
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "server started!" in line:
                break
        else:
            raise AssertionError("".join(said) + process.stderr.read())
        yield f"http://{address}"
    finally:
        process.kill()
        process.communicate()
