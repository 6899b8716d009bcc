"""The program's first lines: until the rest is imported, Ctrl-C just ends it, with no traceback."""

import os
import signal

from vaultctl.cli.failures import INTERRUPTED


def main() -> None:
    """Run the command line of this process."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from vaultctl.cli.main import main as run

    run()
