"""`vaultctl server`: the API over HTTP, of the local state or of one in memory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from vaultctl import __version__
from vaultctl.cli.command import Run, command, file_name
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag, switch
from vaultctl.logical.json_text import base64_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.connect import Connection
    from vaultctl.connect.dev import Dev
    from vaultctl.connect.server_config import ServerConfig
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
{ca}
The unseal key and root token are displayed below in case you want to
seal/unseal the Vault or re-authenticate.

Unseal Key: {key}
Root Token: {token}

Development mode should NOT be used in production installations!
"""
_DEV_FLAGS = ("dev-root-token-id", "dev-listen-address", "dev-store-token", "dev-tls-cert-dir")
_ADDRESS = "127.0.0.1:8200"


class _Log:
    """Lines on stderr, from a level on."""

    def __init__(self, run: Run, level: str) -> None:
        self._run = run
        self.level = level

    @property
    def requests(self) -> Callable[[str], None] | None:
        """What writes a line for each request, or None where that is not wanted."""
        return self.debug if self.level in ("trace", "debug") else None

    def debug(self, line: str) -> None:
        """Write a line of level debug."""
        self._write("DEBUG", line)

    def error(self, line: str) -> None:
        """Write a line of level error."""
        self._write("ERROR", line)

    def _write(self, level: str, line: str) -> None:
        self._run.env.err(f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}Z [{level}] {line}")


def run(run: Run) -> None:
    """Serve until SIGTERM or SIGINT. Raises: Misuse, VaultError."""
    is_dev = run["dev"] or run["dev_tls"]
    _check_flags(run, is_dev=is_dev)
    config = _config_of(run)
    log = _Log(run, _level_of(run, config))
    serve = _serve_dev if is_dev else _serve_state
    serve(_Setting(run, config, log))
    run.env.out("==> vaultctl server shutdown triggered\n", needed=False)


def _check_flags(run: Run, *, is_dev: bool) -> None:
    wrong = [name for name in _DEV_FLAGS if run[name.replace("-", "_")] and not is_dev]
    if wrong:
        raise Misuse(f"-{wrong[0]} goes with -dev")
    if is_dev and run["no_init"]:
        raise Misuse("-dev makes a state of its own: -no-init does not go with it")
    if run["dev_tls_cert_dir"] and not run["dev_tls"]:
        raise Misuse("-dev-tls-cert-dir goes with -dev-tls")
    if run["dev_tls"] and run["tls_cert_file"]:
        raise Misuse("-dev-tls makes a certificate of its own: -tls-cert-file does not go with it")


def _config_of(run: Run) -> ServerConfig:
    """Read the config file, if one is named. Raises: SettingError."""
    from vaultctl.connect.server_config import ServerConfig, read_server_config

    return read_server_config(file_name(run["config"])) if run["config"] else ServerConfig()


def _level_of(run: Run, config: ServerConfig) -> str:
    """Find the log level: the flag, the environment, the file. Raises: Misuse."""
    from vaultctl.connect.server_config import check_level

    try:
        return check_level(run["log_level"] or run.env.variable("LOG_LEVEL") or config.log_level or "info")
    except ValueError as error:
        raise Misuse(str(error)) from None


def _listener_of(run: Run, config: ServerConfig, address: str) -> Listener:
    """Find the address and the certificate: flags come before the file. Raises: SettingError, CannotServe."""
    from vaultctl.connect.serving import Listener

    cert, key = run["tls_cert_file"] or "", run["tls_key_file"] or ""
    if not cert and not key and not config.tls_disable:
        cert, key = config.tls_cert_file, config.tls_key_file
    return Listener(address, cert, key, tls13=config.tls_min_version == "tls13")


class _Setting(NamedTuple):
    """What was found out before anything is served."""

    run: Run
    config: ServerConfig
    log: _Log

    def serve(self, door: Connection | Dev, listener: Listener, started: Callable[[], None]) -> None:
        """Serve a door at a listener, and read again at a SIGHUP what may change."""
        from vaultctl.connect import serving

        def reload() -> serving.Reread:
            self.run.env.out("==> vaultctl server reload triggered\n", needed=False)
            config = _config_of(self.run)
            level, now = _level_of(self.run, config), listener
            if listener.tls and not self.run["dev_tls"]:
                now = _listener_of(self.run, config, listener.shown)
            self.log.level = level
            return serving.Reread(now, self.log.requests)

        if listener.is_exposed:
            self.run.env.err(_EXPOSED.format(address=listener.shown))
        serving.serve(
            door,
            listener,
            started=started,
            log=self.log.requests,
            complain=self.log.error,
            reload=reload,
            body_timeout_s=self.config.http_read_timeout,
        )


def _serve_dev(setting: _Setting) -> None:
    run, config = setting.run, setting.config
    from vaultctl.connect.dev import dev
    from vaultctl.connect.serving import Listener

    named = run["dev_listen_address"] or run["listen_address"] or run.env.variable("DEV_LISTEN_ADDRESS")
    address = named or config.address or _ADDRESS
    ca = ""
    if run["dev_tls"]:
        from vaultctl.connect.dev_tls import write_dev_tls

        host = Listener(address).host
        files = write_dev_tls(file_name(run["dev_tls_cert_dir"] or ""), host)
        run.env.closing.append(files.remove)
        listener, ca = Listener(address, files.cert, files.key), f"    $ export BAO_CACERT='{files.ca}'\n\n"
    else:
        listener = _listener_of(run, config, address)
    named_token = run["dev_root_token_id"] or run.env.variable("DEV_ROOT_TOKEN_ID") or ""
    door = dev(named_token, audit_rules=config.audit_rules, unauthenticated=config.unauthenticated)

    def started() -> None:
        if run["dev_store_token"]:
            _store_token(door.root_token)
        _tell_configuration(setting, listener, "inmem")
        dev = _DEV.format(url=listener.url, ca=ca, key=base64_text(door.unseal_key), token=door.root_token)
        run.env.out(dev + "\n", needed=False)

    setting.serve(door, listener, started)


def _serve_state(setting: _Setting) -> None:
    run, config = setting.run, setting.config
    from vaultctl.connect import connect_local

    listener = _listener_of(run, config, run["listen_address"] or config.address or _ADDRESS)
    if run["no_init"]:
        config = config._replace(no_init=True)
    # An address in the environment is one for clients, this server's own perhaps: it is not asked here.
    connection = connect_local(os.environ, lock_timeout_s=run.common.lock_timeout, tell=run.env.err, config=config)
    run.env.closing.append(connection.close)

    def started() -> None:
        _tell_configuration(setting, listener, connection.storage_kind)
        run.env.out(
            f"The token in use here: vaultctl print token\n\n    $ export BAO_ADDR='{listener.url}'\n\n", needed=False
        )

    setting.serve(connection, listener, started)


def _tell_configuration(setting: _Setting, listener: Listener, storage: str) -> None:
    """Print what scripts look for. Source: OpenBao 2.7's lines and their names."""
    run = setting.run
    tls = "enabled" if listener.tls else "disabled"
    rows = {
        "Api Address": run.env.variable("API_ADDR") or setting.config.api_addr or listener.url,
        "Listener 1": f'tcp (addr: "{listener.shown}", max_request_size: "33554432", tls: "{tls}")',
        "Log Level": setting.log.level,
        "Storage": storage,
        "Version": f"vaultctl v{__version__}",
    }
    lines = [f"{name:>24}: {value}" for name, value in rows.items()]
    run.env.out(
        "==> vaultctl server configuration:\n\n" + "\n".join(lines) + "\n\n==> vaultctl server started!\n\n",
        needed=False,
    )


def _store_token(token: str) -> None:
    """Write the token where `bao` and `vault` look for it."""
    fd = os.open(os.path.expanduser("~/.vault-token"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(fd, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        file.write(token)


COMMAND = command(
    "server",
    run,
    usage="server [options]",
    short_help="Serve the API over HTTP",
    help="Serves the API over HTTP, so that every client of Vault and OpenBao can use the state: the local one, which"
    " commands go on using meanwhile, or with -dev one in memory. SIGTERM and SIGINT stop it once the requests in"
    " flight are answered, a second one at once. SIGHUP reads the certificate and its key again, and log_level of the"
    " config file; nobody is disconnected, and files that are wrong change nothing. The config file is TOML, or JSON"
    " where its name ends in .json, with the keys log_level, api_addr, unsafe_allow_api_audit_creation,"
    " allow_audit_log_prefixing (true lets clients enable audit devices, and give them a prefix), no_init, and below"
    " listener.tcp: address, tls_disable, tls_cert_file, tls_key_file, tls_min_version (tls12, tls13),"
    " http_read_timeout (30s), which is how long a client may take to send a body, and"
    " disable_unauthed_rekey_endpoints and disable_unauthed_generate_root_endpoints (false lets those who hold key"
    " shares ask for new ones, and for a root token, without a token). Flags come before the environment,"
    " and that before the file.",
    flags=(
        flag("config", "A config file, TOML or JSON.", metavar="FILE"),
        flag("listen-address", f"Where to listen; {_ADDRESS} unless something else is said.", metavar="HOST:PORT"),
        flag("tls-cert-file", "A certificate, with its chain, to speak TLS with.", metavar="FILE"),
        flag("tls-key-file", "The certificate's private key.", metavar="FILE"),
        flag(
            "log-level",
            "trace, debug, info, warn or error; with debug, a line for each request. Also: BAO_LOG_LEVEL.",
            metavar="LEVEL",
        ),
        switch(
            "no-init", "Make no state where there is none: wait for POST sys/init. Also: no_init of the config file."
        ),
        switch("dev", "Serve a new state in memory, unsealed."),
        flag(
            "dev-root-token-id",
            "The root token of -dev; else a random one. Also: BAO_DEV_ROOT_TOKEN_ID.",
            metavar="TOKEN",
        ),
        flag("dev-listen-address", "Where to listen with -dev. Also: BAO_DEV_LISTEN_ADDRESS.", metavar="HOST:PORT"),
        switch("dev-no-store-token", "Accepted: the token is stored only where -dev-store-token says so."),
        switch("dev-store-token", "Write the root token of -dev to ~/.vault-token."),
        switch("dev-tls", "As -dev, and speak TLS with a certificate of the moment, whose CA it names."),
        flag("dev-tls-cert-dir", "Where -dev-tls puts its files; else in a folder of their own.", metavar="FOLDER"),
    ),
)
