"""The program's first lines: until the rest is imported, Ctrl-C just ends it, with no traceback."""

import gc
import os
import signal

from vaultctl.cli.failures import INTERRUPTED


def main() -> None:
    """Run the command line of this process."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    # A command lives for milliseconds and makes few cycles: collecting them as often as a server must would only cost.
    gc.set_threshold(100_000)
    from vaultctl.cli.spared import import_click

    import_click()
    from vaultctl.cli.main import main as run

    run()
