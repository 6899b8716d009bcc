"""Run vaultctl as the owner of its data folder, whoever starts this: `python -m support.as_owner ARGUMENTS`.

The owner may not get at the library, so everything is imported before the change of user.
"""

import json
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


def warm_up_unsealing() -> None:
    """Make and unseal a state in other folders; the one for its key is in memory, as that of the environment is."""
    true = {name: os.environ[name] for name in ("VAULTCTL_DATA_DIR", "XDG_RUNTIME_DIR")}
    beside = os.path.dirname(true["XDG_RUNTIME_DIR"])
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=beside) as runtime:
        os.environ |= {"VAULTCTL_DATA_DIR": folder, "XDG_RUNTIME_DIR": runtime}
        with redirect_stdout(StringIO()) as made, redirect_stderr(StringIO()):
            main.run(["operator", "init", "-format=json", "-key-shares=1", "-key-threshold=1"])
            share = json.loads(made.getvalue())["unseal_keys_b64"][0]
            for args in (["operator", "unseal", share], ["secrets", "list"]):
                main.run(args)
    os.environ |= true


if __name__ == "__main__":
    warm_up()
    if "XDG_RUNTIME_DIR" in os.environ:
        warm_up_unsealing()
    owner = os.stat(os.environ["VAULTCTL_DATA_DIR"]).st_uid
    if owner != os.geteuid():
        os.setgroups([])
        os.setgid(owner)
        os.setuid(owner)
    sys.argv = ["vaultctl", *sys.argv[1:]]
    main.main()
