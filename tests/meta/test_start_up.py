"""What a command imports before it does anything: the speed that people feel."""

import ast
import json
import platform
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from vaultctl.connect import settings

ROOT = Path(__file__).parents[2]

SECRETS_LIST = [
    "vaultctl",
    "vaultctl.cli",
    "vaultctl.cli.columns",
    "vaultctl.cli.command",
    "vaultctl.cli.commands",
    "vaultctl.cli.commands.secrets",
    "vaultctl.cli.commands.secrets.list",
    "vaultctl.cli.env",
    "vaultctl.cli.failures",
    "vaultctl.cli.go_flags",
    "vaultctl.cli.main",
    "vaultctl.cli.output",
    "vaultctl.cli.spared",
    "vaultctl.cli.start",
    "vaultctl.cli.tree",
    "vaultctl.client",
    "vaultctl.client.client",
    "vaultctl.client.sys",
    "vaultctl.connect",
    "vaultctl.connect.keys",
    "vaultctl.connect.local",
    "vaultctl.connect.settings",
    "vaultctl.core",
    "vaultctl.core.auditing",
    "vaultctl.core.core",
    "vaultctl.core.exchange",
    "vaultctl.core.mounts",
    "vaultctl.core.namespaces",
    "vaultctl.core.pipeline",
    "vaultctl.core.plugins",
    "vaultctl.core.records",
    "vaultctl.core.session",
    "vaultctl.core.state",
    "vaultctl.core.system",
    "vaultctl.core.system.mounts",
    "vaultctl.core.tokens",
    "vaultctl.core.views",
    "vaultctl.crypto",
    "vaultctl.crypto.aead",
    "vaultctl.crypto.barrier",
    "vaultctl.crypto.keyring",
    "vaultctl.crypto.seals",
    "vaultctl.crypto.seals.blob",
    "vaultctl.crypto.seals.static",
    "vaultctl.framework",
    "vaultctl.framework.endpoint",
    "vaultctl.framework.fields",
    "vaultctl.logical",
    "vaultctl.logical.door",
    "vaultctl.logical.durations",
    "vaultctl.logical.errors",
    "vaultctl.logical.json_text",
    "vaultctl.logical.paths",
    "vaultctl.logical.request",
    "vaultctl.logical.response",
    "vaultctl.logical.storage",
    "vaultctl.storage",
    "vaultctl.storage.files",
    "vaultctl.storage.header",
    "vaultctl.storage.json_file",
    "vaultctl.storage.names",
    "vaultctl.storage.overlay",
    "vaultctl.storage.text_file",
    "vaultctl.storage.text_snapshot",
]
"""Every module of ours that `secrets list` imports. Add one only with a measurement."""

OF_SECRETS_LIST = {
    "vaultctl.cli.columns",
    "vaultctl.cli.commands.secrets",
    "vaultctl.cli.commands.secrets.list",
    "vaultctl.client.sys",
    "vaultctl.core.system.mounts",
}
"""Those that no command needs that works on wrapping tokens."""

OF_WRITE = {"vaultctl.cli.answers", "vaultctl.cli.commands.write", "vaultctl.cli.values"}
OF_WRITING = {"vaultctl.core.apart", "vaultctl.storage.lock"}
OF_WRAPPING = {
    "vaultctl.core.system.wrapping",
    "vaultctl.core.wrapping",
    "vaultctl.core.wrapping.stage",
    "vaultctl.core.wrapping.store",
}
OF_A_NEW_TOKEN = {"vaultctl.core.accessors", "vaultctl.core.letters"}
OF_A_TOKEN = {"vaultctl.core.wrapping.presented"}
OF_ITS_END = {"vaultctl.core.token_store", "vaultctl.core.token_store.sweep", "vaultctl.core.wrapping.past"}
SHOWN = {"vaultctl.cli.wrap_output"}
WRAPPING = {
    ("write", "sys/wrapping/wrap", "a=b"): OF_WRITE | OF_WRITING | OF_WRAPPING | OF_A_NEW_TOKEN | SHOWN,
    ("write", "sys/wrapping/lookup", "token={token}"): OF_WRITE | OF_WRAPPING | OF_A_TOKEN,
    ("write", "sys/wrapping/rewrap", "token={token}"): (
        OF_WRITE | OF_WRITING | OF_WRAPPING | OF_A_TOKEN | OF_ITS_END | OF_A_NEW_TOKEN | SHOWN
    ),
    ("unwrap", "{token}"): {
        "vaultctl.cli.commands.unwrap",
        "vaultctl.cli.unwrapping",
        "vaultctl.cli.values",
        "vaultctl.cli.wrapping_flags",
        "vaultctl.cli.wrapping_tokens",
        "vaultctl.client.wrapping",
        "vaultctl.core.token_store.scope",
        *(OF_WRITING | OF_WRAPPING | OF_A_TOKEN | OF_ITS_END),
    },
}
"""What commands on wrapping tokens import beside what `secrets list` does. Add one only with a measurement."""

NEVER = {
    "ast",
    "asyncio",
    "dataclasses",
    "http",
    "inspect",
    "ipaddress",
    "logging",
    "platform",
    "platformdirs",
    "rich",
    "sqlite3",
    "subprocess",
    "tomllib",
    "urllib",
    "yaml",
}
"""Each of these takes longer to import than the rest of the command takes."""

PROGRAM = """\
import json, os, sys
from vaultctl.cli import spared, start  # where the program begins
spared.import_click()
from vaultctl.cli import main
code = main.run(sys.argv[1:])
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""


def modules_of(vaultctl, *args):
    """Run a command line in a child, and give all modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args], check=True, capture_output=True, text=True, env=vaultctl.env
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    return modules


def test_secrets_list_imports_what_it_needs(vaultctl):
    """The modules of ours that `secrets list` imports are these, and no others."""
    vaultctl("secrets", "list")
    modules = modules_of(vaultctl, "secrets", "list")
    assert [name for name in modules if name.split(".")[0] == "vaultctl"] == SECRETS_LIST


@pytest.mark.parametrize(("args", "more"), WRAPPING.items(), ids=[args[-2] for args in WRAPPING])
def test_wrapping_imports_what_it_needs(vaultctl, args, more):
    """The modules of ours that a command on a wrapping token imports are these, and no others."""
    token = vaultctl("write", "-field=wrapping_token", "sys/wrapping/wrap", "a=b").out
    modules = modules_of(vaultctl, *(word.format(token=token) for word in args))
    expected = sorted({*SECRETS_LIST, *more} - OF_SECRETS_LIST)
    assert [name for name in modules if name.split(".")[0] == "vaultctl"] == expected
    assert NEVER & set(modules) == set()


@pytest.mark.parametrize(
    "args",
    [
        ["secrets", "list"],
        ["secrets", "list", "-format=json"],
        ["secrets", "enable", "-path=a", "kv"],
        ["secrets", "move", "secret", "b"],
        ["kv", "get", "secret/a"],
        ["kv", "get", "-wrap-ttl=5m", "secret/a"],
        ["kv", "put", "secret/a", "k=v"],
        ["version"],
    ],
    ids=" ".join,
)
def test_slow_modules_are_not_imported(vaultctl, args):
    """A common command imports none of the modules that take long."""
    vaultctl("kv", "put", "secret/a", "k=v")
    assert NEVER & set(modules_of(vaultctl, *args)) == set()


OF_A_SECRET = {"vaultctl.engines", "vaultctl.engines.kv2", "vaultctl.engines.kv2.data", "vaultctl.engines.kv2.record"}


@pytest.mark.parametrize("args", [["kv", "get", "secret/a"], ["kv", "put", "secret/a", "k=v"]], ids=" ".join)
def test_a_secret_needs_of_its_engine_the_data_alone(vaultctl, args):
    """What is known of secrets besides their data is not imported where nobody asks for it."""
    vaultctl("kv", "put", "secret/a", "k=v")
    assert {name for name in modules_of(vaultctl, *args) if name.startswith("vaultctl.engines")} == OF_A_SECRET


SPARED = """\
from vaultctl.cli import spared
spared.import_click()
import click, sys, uuid
assert not {"inspect", "platform"} & set(sys.modules)
theirs = click.core.inspect, uuid.platform
assert theirs[1].system() == "%s" and "platform" not in sys.modules
assert theirs[0].cleandoc("  a\\n    b") == "a\\nb" and theirs[1].machine() == "%s"
assert click.Option(["--x"], help="  y").help == "y"
import inspect, platform
assert inspect.__file__ and platform.__file__ and inspect is not theirs[0] and platform is not theirs[1]
assert theirs[0].Signature is inspect.Signature and not hasattr(theirs[0], "nosuch")
"""


def test_what_click_is_spared_is_there_when_it_is_asked_for():
    """Click works as ever, and everybody else imports the true modules."""
    program = SPARED % (platform.system(), platform.machine())
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_remote_command_imports_no_engine(vaultctl):
    """On a remote neither the engine nor storage is imported, and no TLS or HTTP library where there is no https."""
    from support.answering import answering, says

    with answering(says(200, '{"request_id": "r", "data": {}}')) as server:
        vaultctl.env["VAULT_ADDR"] = server.address
        modules = modules_of(vaultctl, "secrets", "list")
    rooms = {name.split(".")[1] for name in modules if name.startswith("vaultctl.")}
    assert rooms == {"cli", "client", "connect", "http", "logical"}
    assert (NEVER - {"urllib", "ipaddress"} | {"email", "http.client", "ssl", "random"}) & set(modules) == set()


def test_no_module_of_the_start_makes_a_dataclass():
    """A dataclass takes over a millisecond to define, so the modules of the start have none."""
    for name in SECRETS_LIST:
        path = ROOT / (name.replace(".", "/") + ".py")
        source = path if path.exists() else ROOT / name.replace(".", "/") / "__init__.py"
        for node in ast.walk(ast.parse(source.read_text())):
            decorators = [ast.unparse(item) for item in node.decorator_list] if isinstance(node, ast.ClassDef) else []
            assert not any("dataclass" in decorator for decorator in decorators), name


@pytest.mark.parametrize(
    "environ",
    [
        {"HOME": "/home/somebody"},
        {"HOME": "/home/somebody", "XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"},
        {"HOME": "/home/somebody", "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "  "},
        {"HOME": "/home/somebody", "XDG_DATA_HOME": "relative", "XDG_CONFIG_HOME": "~/x"},
        {"HOME": "/"},
        {},
    ],
    ids=["home", "xdg", "empty", "odd", "root", "nothing"],
)
def test_the_users_folders_are_those_of_platformdirs(monkeypatch, environ):
    """The lines that stand for platformdirs give its answer."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    expected = (platformdirs.user_data_dir("vaultctl"), platformdirs.user_config_dir("vaultctl"))
    assert (settings.user_dir("data"), settings.user_dir("config")) == expected
