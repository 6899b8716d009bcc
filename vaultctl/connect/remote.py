"""How a remote Vault is reached: flags first, then the environment, read as OpenBao's client reads them.

A set but empty `BAO_X` hides `VAULT_X`. The local state's own tokens are never looked at here.
"""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from vaultctl.connect import variable
from vaultctl.http import address as addresses
from vaultctl.http.dial import Dialler, Tls
from vaultctl.http.remote import TIMEOUT_S, RemoteDoor
from vaultctl.logical import durations
from vaultctl.logical.errors import BadSetting, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vaultctl.connect.journal import Journal
    from vaultctl.http.address import Address
    from vaultctl.http.cluster import Cluster
    from vaultctl.http.limit import Limit
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response

_INTERNAL = "x-vault-"
_TOKEN_MAX = 1 << 16
_PEM = "-----BEGIN "
_PEM_MAX = 1 << 24


class RemoteFlags(NamedTuple):
    """What the command line says of the remote; an empty text or None says nothing."""

    address: str = ""
    agent_address: str = ""
    ca_cert: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    tls_skip_verify: bool | None = None
    disable_redirects: bool | None = None
    headers: Sequence[tuple[str, str]] = ()
    mfa: Sequence[str] = ()
    policy_override: bool | None = None


NO_FLAGS = RemoteFlags()


class RemoteConnection:
    """A door on a remote Vault, with the token to use on it and where that token came from."""

    is_remote: Literal[True] = True

    def __init__(
        self, door: RemoteDoor, find_token: Callable[[], tuple[str, str]], environ: Mapping[str, str], *, stays: bool
    ) -> None:
        self.door = door
        self.given = door.address.base
        """The address that was given; the door may ask another node of that cluster meanwhile."""
        self._find_token = find_token
        self._found: tuple[str, str] | None = None
        self._environ = environ
        self._stays = stays

    @property
    def address(self) -> str:
        """Give the address as messages show it."""
        return self.door.address.base

    @property
    def token(self) -> str:
        """Give the token, or "". Raises: NoAnswer, BadSetting."""
        return self._token()[0]

    @property
    def token_source(self) -> str:
        """Tell where the token comes from. Raises: NoAnswer, BadSetting."""
        return self._token()[1]

    @cached_property
    def cluster(self) -> Cluster:
        """Give the nodes behind the address, as far as they are known."""
        from vaultctl.http.cluster import Cluster

        return Cluster(self.door, stays=self._stays)

    @cached_property
    def journal(self) -> Journal:
        """Give the journal of the moves that were made on remotes from here. Raises: SettingError."""
        from vaultctl.connect.journal import Journal

        return Journal(self._environ)

    def handle(self, request: Request, /) -> Response:
        """Ask the remote. Raises: VaultError."""
        return self.door.handle(request)

    def store_token(self, token: str) -> None:
        """Keep a token where `bao` keeps it. Raises: BadSetting."""
        store_token(self._environ, token)

    def close(self) -> None:
        """End the connections."""
        self.door.close()

    def _token(self) -> tuple[str, str]:
        if self._found is None:
            self._found = self._find_token()
        return self._found


def connect(environ: Mapping[str, str], address: str, flags: RemoteFlags) -> RemoteConnection:
    """Give the connection; nothing is asked yet. Raises: BadSetting, with Go's words where it has some."""
    timeout_s, retries, limit = _timeout_s(environ), _retries(environ), _limit(environ)
    tls = _tls(environ, flags)
    skips_redirects = (
        _bool(environ, "DISABLE_REDIRECTS") if flags.disable_redirects is None else flags.disable_redirects
    )
    try:
        there = addresses.parse(address)
    except ValueError as error:
        raise BadSetting(f"failed to create client: {error}") from None
    _check_srv(environ, there)
    headers = [*_headers(flags.headers), *_own_headers(environ, flags)]
    dialler = _dialler(environ, tls)
    door = RemoteDoor(
        there, dialler, headers=headers, timeout_s=timeout_s, retries=retries, follows=not skips_redirects, limit=limit
    )
    by_agent = bool(flags.agent_address or variable(environ, "AGENT_ADDR") or there.socket_path)
    return RemoteConnection(door, lambda: find_token(environ), environ, stays=by_agent)


def _bad(why: str) -> BadSetting:
    return BadSetting(f"failed to read environment: {why}")


def _timeout_s(environ: Mapping[str, str]) -> float:
    text = variable(environ, "CLIENT_TIMEOUT")
    if not text:
        return TIMEOUT_S
    try:
        return durations.parse(text) or TIMEOUT_S
    except durations.DurationError:
        raise _bad('could not parse "BAO_CLIENT_TIMEOUT"') from None


def _retries(environ: Mapping[str, str]) -> int:
    text = variable(environ, "MAX_RETRIES")
    if not text:
        return 0
    digits = text.removeprefix("-") if text[0] == "-" else text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        from vaultctl.logical.go_text import quoted

        raise _bad(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    return max(0, int(text))


def _limit(environ: Mapping[str, str]) -> Limit | None:
    text = variable(environ, "RATE_LIMIT")
    if not text:
        return None
    from vaultctl.http import limit

    try:
        return limit.Limit(limit.parse(text), time.monotonic())
    except ValueError:
        raise _bad("BAO_RATE_LIMIT was provided but incorrectly formatted") from None


def _check_srv(environ: Mapping[str, str], there: Address) -> None:
    """Refuse what would have to be looked up in SRV records: an address without a port. Raises: BadSetting."""
    if _bool(environ, "SRV_LOOKUP") and not there.socket_path and there.spelt.rpartition("]")[2] in (there.host, ""):
        raise BadSetting(
            f"failed to create client: SRV records of {there.host} are not looked up",
            hint="unset VAULT_SRV_LOOKUP, or give the address with its port",
        )


def _bool(environ: Mapping[str, str], name: str) -> bool:
    text = variable(environ, name)
    if not text:
        return False
    from vaultctl.logical import go_bools

    if text not in go_bools.TRUE | go_bools.FALSE:
        raise _bad(f"could not parse BAO_{name}")
    return text in go_bools.TRUE


def _tls(environ: Mapping[str, str], flags: RemoteFlags) -> Tls:
    """Collect what TLS needs; files are read when a connection is made. Raises: BadSetting."""
    skips = _bool(environ, "SKIP_VERIFY")
    tls = Tls(
        ca_file=flags.ca_cert or variable(environ, "CACERT"),
        ca_text=variable(environ, "CACERT_BYTES"),
        ca_folder=flags.ca_path or variable(environ, "CAPATH"),
        cert_file=flags.client_cert or variable(environ, "CLIENT_CERT"),
        cert_text=variable(environ, "CLIENT_CERT_BYTES"),
        key_file=flags.client_key or variable(environ, "CLIENT_KEY"),
        key_text=variable(environ, "CLIENT_KEY_BYTES"),
        server_name=flags.tls_server_name or variable(environ, "TLS_SERVER_NAME"),
        skip_verify=skips if flags.tls_skip_verify is None else flags.tls_skip_verify,
    )
    from_flags = flags.ca_cert or flags.ca_path or flags.client_cert or flags.client_key
    heading = "failed to setup TLS config" if from_flags else "failed to read environment"
    if bool(tls.cert_file or tls.cert_text) != bool(tls.key_file or tls.key_text):
        raise BadSetting(f"{heading}: both client cert and client key must be provided")
    for path, verb in (
        (tls.ca_file, "Error loading CA File: open"),
        ("" if tls.ca_file else tls.ca_folder, "lstat"),
        (tls.cert_file, "open"),
        (tls.key_file, "open"),
    ):
        if path and not os.path.exists(path):
            raise BadSetting(f"{heading}: {verb} {path}: no such file or directory")
    if tls.ca_file and not _is_pem(tls.ca_file):
        raise BadSetting(f"{heading}: Error loading CA File: Couldn't parse PEM in: {tls.ca_file}")
    if tls.ca_text and not tls.ca_file and _PEM not in tls.ca_text:
        raise BadSetting(f"{heading}: Error appending CA: Couldn't parse PEM")
    if (tls.cert_file and not _is_pem(tls.cert_file)) or (tls.cert_text and _PEM not in tls.cert_text):
        raise BadSetting(f"{heading}: tls: failed to find any PEM data in certificate input")
    return tls


def _is_pem(path: str) -> bool:
    """Tell whether a file holds anything of that form; what cannot be read is told when it is needed."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return _PEM in file.read(_PEM_MAX)
    except OSError:
        return True


def _headers(given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    for name, _ in given:
        if name.lower().startswith(_INTERNAL):
            raise BadSetting(
                f"failed to setup Headers[{name}]: Header starting by 'X-Vault-' are for internal usage only"
            )
    return list(given)


def _own_headers(environ: Mapping[str, str], flags: RemoteFlags) -> list[tuple[str, str]]:
    """Give the headers that Vault's own flags stand for; those of the environment come first, as in OpenBao 2.7."""
    mfa = [part for part in variable(environ, "MFA").split(",") if part]
    override = [("X-Vault-Policy-Override", "true")] if flags.policy_override else []
    return [*(("X-Vault-Mfa", each) for each in (*mfa, *flags.mfa)), *override]


def _dialler(environ: Mapping[str, str], tls: Tls) -> Dialler:
    """Give what opens connections; proxies are looked at only where the environment names one. Raises: BadSetting."""
    always = variable(environ, "PROXY_ADDR") or variable(environ, "HTTP_PROXY")
    if not always and not any(environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")):
        return Dialler(tls, lambda _there: None, lambda _there: None)
    from vaultctl.http.proxies import Proxies

    try:
        proxies = Proxies(environ, always)
    except ValueError as error:
        raise _bad(str(error)) from None
    return Dialler(tls, proxies.find, proxies.login)


def find_token(environ: Mapping[str, str]) -> tuple[str, str]:
    """Give the token and where it is from: the environment, then the token helper. Raises: BadSetting, NoAnswer."""
    token, source = "", ""
    for name in ("BAO_TOKEN", "VAULT_TOKEN"):
        if name in environ:
            token, source = environ[name], name
            break
    if not token:
        token, source = _helped(environ)
    if not token.isprintable():
        raise NoAnswer("configured Vault token contains non-printable characters and cannot be used")
    return token, source


def _helped(environ: Mapping[str, str]) -> tuple[str, str]:
    """Ask the token helper: the program that ~/.bao names, else the file ~/.vault-token."""
    program, path = _helper(environ)
    if program:
        from vaultctl.connect import token_helper

        return token_helper.ask(program, environ), program
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_TOKEN_MAX).strip(), path
    except FileNotFoundError:
        return "", path
    except OSError as error:
        raise BadSetting(f"failed to get token from token helper: {path}: {(error.strerror or '').lower()}") from None


def _helper(environ: Mapping[str, str]) -> tuple[str, str]:
    """Give the program that keeps tokens, or "", and the file that does where no program does. Raises: BadSetting."""
    home = environ.get("HOME") or os.path.expanduser("~")
    config = variable(environ, "CONFIG_PATH") or os.path.join(home, ".bao")
    program = ""
    if os.path.exists(config):
        from vaultctl.connect import token_helper

        program = token_helper.named(config)
    return program, variable(environ, "TOKEN_PATH") or os.path.join(home, ".vault-token")


def store_token(environ: Mapping[str, str], token: str) -> None:
    """Keep a token where `bao` keeps it. Raises: BadSetting."""
    from vaultctl.connect import token_helper

    program, path = _helper(environ)
    if program:
        token_helper.store(program, environ, token)
    else:
        token_helper.write(path, token)
