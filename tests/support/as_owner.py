"""Run vaultctl as the owner of its data folder, whoever starts this: `python -m support.as_owner ARGUMENTS`.

The owner may not get at the library, so everything is imported before the change of user.
"""

import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from vaultctl.cli import main


def warm_up() -> None:
    """Use the program in another folder, so that all its modules are there."""
    data = os.environ["VAULTCTL_DATA_DIR"]
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        os.environ["VAULTCTL_DATA_DIR"] = folder
        for args in (["kv", "put", "secret/a", "b=c"], ["kv", "get", "secret/a"], ["secrets", "list", "nosuch"]):
            main.run(args)
        main.run(["kv", "get", "nosuch/a"])
    os.environ["VAULTCTL_DATA_DIR"] = data


if __name__ == "__main__":
    warm_up()
    owner = os.stat(os.environ["VAULTCTL_DATA_DIR"]).st_uid
    if owner != os.geteuid():
        os.setgroups([])
        os.setgid(owner)
        os.setuid(owner)
    sys.argv = ["vaultctl", *sys.argv[1:]]
    main.main()
