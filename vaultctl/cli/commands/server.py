"""`vaultctl server`: the API over HTTP, of the local state or of one in memory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from vaultctl import __version__
from vaultctl.cli.command import Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag, switch

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.connect.serving import Listener

_EXPOSED = """\
WARNING! {address} can be reached from other machines, and there is no TLS: whoever
is on the way reads every token and secret. Give -tls-cert-file and -tls-key-file,
or listen on 127.0.0.1.
"""
_DEV = """\
WARNING! dev mode is enabled! In this mode, vaultctl runs entirely in memory
and starts unsealed. All of it is gone when it ends.

You may need to set the following environment variables:

    $ export BAO_ADDR='{url}'

The unseal key and root token are displayed below in case you want to
seal/unseal the Vault or re-authenticate.

Unseal Key: {key}
Root Token: {token}

Development mode should NOT be used in production installations!
"""
_DEV_FLAGS = ("dev-root-token-id", "dev-listen-address", "dev-store-token")
_LEVELS = ("trace", "debug", "info", "warn", "error")


def run(run: Run) -> None:
    """Serve until SIGTERM or SIGINT. Raises: Misuse, VaultError."""
    from vaultctl.connect import serving

    _check_flags(run)
    address = (run["dev_listen_address"] if run["dev"] else "") or run["listen_address"]
    listener = serving.Listener(address, run["tls_cert_file"] or "", run["tls_key_file"] or "")
    if listener.is_exposed:
        run.env.err(_EXPOSED.format(address=listener.shown))
    is_verbose = run["log_level"] in ("trace", "debug")
    serve = _serve_dev if run["dev"] else _serve_state
    serve(run, listener, (lambda line: _log(run, "DEBUG", line)) if is_verbose else None)
    run.env.out("==> vaultctl server shutdown triggered\n")


def _check_flags(run: Run) -> None:
    if run["log_level"] not in _LEVELS:
        raise Misuse(f"-log-level is one of {', '.join(_LEVELS)}")
    wrong = [name for name in _DEV_FLAGS if run[name.replace("-", "_")] and not run["dev"]]
    if wrong:
        raise Misuse(f"-{wrong[0]} goes with -dev")


def _serve_dev(run: Run, listener: Listener, log: Callable[[str], None] | None) -> None:
    from vaultctl.connect import serving
    from vaultctl.connect.dev import dev

    door = dev(run["dev_root_token_id"] or run.env.variable("DEV_ROOT_TOKEN_ID") or "")

    def started() -> None:
        _tell_configuration(run, listener, "inmem")
        run.env.out(_DEV.format(url=listener.url, key=door.seal_key, token=door.root_token) + "\n")

    if run["dev_store_token"]:
        _store_token(door.root_token)
    serving.serve(door, listener, started=started, log=log, complain=lambda line: _log(run, "ERROR", line))


def _serve_state(run: Run, listener: Listener, log: Callable[[str], None] | None) -> None:
    from vaultctl.connect import connect_local, serving

    # An address in the environment is one for clients, this server's own perhaps: it is not asked here.
    connection = connect_local(os.environ, lock_timeout_s=run.common.lock_timeout, tell=run.env.err)
    run.env.closing.append(connection.close)

    def started() -> None:
        _tell_configuration(run, listener, connection.storage_kind)
        run.env.out(f"The token in use here: vaultctl print token\n\n    $ export BAO_ADDR='{listener.url}'\n\n")

    serving.serve(connection, listener, started=started, log=log, complain=lambda line: _log(run, "ERROR", line))


def _tell_configuration(run: Run, listener: Listener, storage: str) -> None:
    """Print what scripts look for. Source: OpenBao 2.7's lines and their names."""
    tls = "enabled" if listener.tls_cert else "disabled"
    rows = {
        "Api Address": listener.url,
        "Listener 1": f'tcp (addr: "{listener.shown}", max_request_size: "33554432", tls: "{tls}")',
        "Storage": storage,
        "Version": f"vaultctl v{__version__}",
    }
    lines = [f"{name:>24}: {value}" for name, value in rows.items()]
    run.env.out("==> vaultctl server configuration:\n\n" + "\n".join(lines) + "\n\n==> vaultctl server started!\n\n")


def _store_token(token: str) -> None:
    """Write the token where `bao` and `vault` look for it."""
    fd = os.open(os.path.expanduser("~/.vault-token"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(fd, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        file.write(token)


def _log(run: Run, level: str, line: str) -> None:
    run.env.err(f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}Z [{level}] {line}")


COMMAND = command(
    "server",
    run,
    usage="server [options]",
    short_help="Serve the API over HTTP",
    help="Serves the API over HTTP, so that every client of Vault and OpenBao can use the state: the local one, which"
    " commands go on using meanwhile, or with -dev one in memory. SIGTERM and SIGINT stop it once the requests in"
    " flight are answered.",
    flags=(
        flag("listen-address", "Where to listen.", metavar="HOST:PORT", default="127.0.0.1:8200"),
        flag("tls-cert-file", "A certificate, with its chain, to speak TLS with.", metavar="FILE"),
        flag("tls-key-file", "The certificate's private key.", metavar="FILE"),
        flag("log-level", "With debug, write a line for each request.", metavar="LEVEL", default="info"),
        switch("dev", "Serve a new state in memory, unsealed."),
        flag("dev-root-token-id", "The root token of -dev; else a random one.", metavar="TOKEN"),
        flag("dev-listen-address", "Where to listen with -dev.", metavar="HOST:PORT"),
        switch("dev-no-store-token", "Accepted: the token is stored only where -dev-store-token says so."),
        switch("dev-store-token", "Write the root token of -dev to ~/.vault-token."),
    ),
)
