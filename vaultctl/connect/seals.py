"""Seals that are elsewhere: in a hardware security module, or in another Vault.

Which library is loaded, and which Vault gets a token, is said by the environment and by the config file alone, for
whoever can write the state must not be able to say it. The header names the seal's type and its key, and no more.

    [pkcs11]                                            [transit]
    lib = "/usr/lib/softhsm/libsofthsm2.so"             address = "https://vault.example.org:8200"
    token_label = "vaultctl"                            token = "file:/etc/vaultctl/transit-token"
    pin = "file:/etc/vaultctl/pin"                      key_name = "vaultctl"
    key_label = "vaultctl-1"                            mount_path = "transit/"

The environment has the last word: `BAO_HSM_LIB`, `BAO_TRANSIT_SEAL_KEY_NAME` and so on, or `VAULT_` for `BAO_`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.connect import variable
from vaultctl.connect.settings import SettingError
from vaultctl.crypto.seals.blob import KEY_ID_MAX_B
from vaultctl.logical import durations, go_bools
from vaultctl.logical.errors import BadSetting, SealKeyError
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.crypto.seals.pkcs11 import Hsm, HsmSettings
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.crypto.seals.transit import TransitKey
    from vaultctl.http.remote import RemoteDoor

_HSM = {
    "lib": "HSM_LIB",
    "token_label": "HSM_TOKEN_LABEL",
    "slot": "HSM_SLOT",
    "serial": "HSM_SERIAL",
    "pin": "HSM_PIN",
    "key_label": "HSM_KEY_LABEL",
}
_TRANSIT = {
    "address": "TRANSIT_SEAL_ADDR",
    "token": "TRANSIT_SEAL_TOKEN",
    "key_name": "TRANSIT_SEAL_KEY_NAME",
    "mount_path": "TRANSIT_SEAL_MOUNT_PATH",
    "namespace": "TRANSIT_SEAL_NAMESPACE",
    "ca_cert": "TRANSIT_SEAL_CA_CERT",
    "client_cert": "TRANSIT_SEAL_CLIENT_CERT",
    "client_key": "TRANSIT_SEAL_CLIENT_KEY",
    "tls_server_name": "TRANSIT_SEAL_TLS_SERVER_NAME",
    "timeout": "TRANSIT_SEAL_TIMEOUT",
    "disable_renewal": "TRANSIT_SEAL_DISABLE_RENEWAL",
}
_TABLES = {"pkcs11": _HSM, "transit": _TRANSIT}
_NEEDED = {"pkcs11": ("lib", "pin"), "transit": ("address", "token", "key_name")}
_OF_TLS = ("ca_cert", "client_cert", "client_key", "tls_server_name")
_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
_SECRET_MAX_B = 4096
_SHOWN = 40
"""So much of a name that cannot be is shown."""
_CONNECT_S, _TIMEOUT_S = 3.0, 10.0
"""So long a connection to another Vault may take, and so long an answer, unless `timeout` says otherwise."""


class Elsewhere(NamedTuple):
    """The seals of one process that are elsewhere; modules and connections are kept by the settings."""

    settings: Settings
    environ: Mapping[str, str]

    def named(self, kind: str, key_id: str) -> Seal:
        """Give the seal whose key the header names. Raises: SettingError, SealKeyError."""
        if kind == "pkcs11":
            return self.under(key_id)
        from vaultctl.crypto.seals import transit

        key, version = self.transit_key(), transit.version_of(key_id)
        name = key_id.rpartition(":")[0]
        if name != key.name:
            raise SealKeyError(f"the state was sealed with the transit key {name}, and the settings name {key.name}")
        return transit.TransitSeal(key, version)

    def first(self, kind: str, tell: Callable[[str], None]) -> Seal:
        """Give the seal as the settings have it, for a state that had another, or none. Raises: StateError."""
        if kind == "transit":
            self._check_there(self.transit_key(), tell)
        return self.newest(kind)

    def _check_there(self, key: TransitKey, tell: Callable[[str], None]) -> None:
        """Make sure that nobody mistyped a name: to encrypt makes a key that is not there, for who may create.

        Raises: SealKeyError, SealUnavailable.
        """
        path, is_there = f"{key.mount}keys/{key.name}", key.is_there()
        if is_there is None:
            tell(f"vaultctl: whether there is a key {path} is not known: the token of the transit seal may not read it")
        elif not is_there:
            raise SealKeyError(
                f"there is no transit key {key.name} at {key.address}", hint=f"make it with: bao write -f {path}"
            )

    def newest(self, kind: str) -> Seal:
        """Give the seal as the settings have it, to be gone over to. Raises: SettingError, StateError."""
        if kind == "pkcs11":
            return self.under(self.key_label())
        from vaultctl.crypto.seals.transit import TransitSeal

        key = self.transit_key()
        return TransitSeal(key, key.newest())

    def key_label(self) -> str:
        """Give the label of the key that the settings name. Raises: SettingError."""
        return good_name(_one(self._table("pkcs11"), "pkcs11", "key_label"), "key_label")

    def under(self, key_label: str) -> Seal:
        """Give the seal under a key of the token. Raises: SettingError."""
        from vaultctl.crypto.seals.pkcs11 import Pkcs11Seal

        return Pkcs11Seal(self.hsm(), key_label, os.urandom)

    def hsm(self) -> Hsm:
        """Give the token of the module that the settings name. Raises: SettingError."""
        if "pkcs11" not in self.settings.seals_opened:
            from vaultctl.crypto.seals.pkcs11 import Hsm

            self.settings.seals_opened["pkcs11"] = Hsm(_hsm_settings(self._table("pkcs11"), self.environ))
        found: Hsm = self.settings.seals_opened["pkcs11"]
        return found

    def transit_key(self) -> TransitKey:
        """Give the key of the Vault that the settings name. Raises: SettingError."""
        if "transit" not in self.settings.seals_opened:
            table = self._table("transit")
            self.settings.seals_opened["transit"] = key = _transit_key(table, self.environ)
            if table.get("disable_renewal", "") not in go_bools.TRUE:
                from vaultctl.connect.seal_token import Renewal

                self.settings.seal_tokens.append(Renewal(key))
        found: TransitKey = self.settings.seals_opened["transit"]
        return found

    def _table(self, kind: str) -> dict[str, str]:
        """Give what is set for a type of seal; the environment has the last word. Raises: SettingError."""
        found = dict(self.settings.seals.get(kind, {}))
        unknown = sorted(found.keys() - _TABLES[kind].keys())
        if unknown:
            known = ", ".join(_TABLES[kind])
            raise SettingError(
                f"the config file has no setting {', '.join(unknown)} for {kind}", hint=f"known: {known}"
            )
        wrong = sorted(name for name, value in found.items() if not isinstance(value, str))
        if wrong:
            raise SettingError(f"the config file has a {wrong[0]} for {kind} that is no text")
        found.update({name: said for name, said in self._said(kind).items() if said})
        for name in _NEEDED[kind]:
            _one(found, kind, name)
        return found

    def _said(self, kind: str) -> dict[str, str]:
        return {name: variable(self.environ, other) for name, other in _TABLES[kind].items()}


def _one(table: Mapping[str, str], kind: str, name: str) -> str:
    """Give a setting that cannot be done without. Raises: SettingError."""
    value = table.get(name, "")
    if not value:
        raise SettingError(
            f"the {kind} seal needs {'an' if name[0] in 'aeiou' else 'a'} {name}",
            hint=f"set BAO_{_TABLES[kind][name]}, or {name} below [{kind}] in the config file",
        )
    return value


def good_name(name: str, what: str, max_b: int = KEY_ID_MAX_B) -> str:
    """Give the name of a key back, if it can be stored and shown. Raises: SettingError."""
    if not name.isprintable():
        raise SettingError(f"the {what} of the seal holds what cannot be shown: {name[:_SHOWN]!r}")
    if len(name.encode()) > max_b:
        raise SettingError(f"the {what} of the seal is longer than {max_b} bytes: {name[:_SHOWN]}…")
    return name


def _hsm_settings(table: Mapping[str, str], environ: Mapping[str, str]) -> HsmSettings:
    from vaultctl.crypto.seals.pkcs11 import HsmSettings

    which = {name: table.get(name, "") for name in ("token_label", "slot", "serial")}
    if not any(which.values()):
        raise SettingError(
            "the pkcs11 seal needs a token_label, a slot or a serial",
            hint="set BAO_HSM_TOKEN_LABEL, or token_label below [pkcs11] in the config file",
        )
    return HsmSettings(table["lib"], _secret(table["pin"], "PIN", environ), **which)


def _transit_key(table: Mapping[str, str], environ: Mapping[str, str]) -> TransitKey:
    """Give the key, behind a door of its own: nothing that the environment says of a cluster is meant for it."""
    from vaultctl.connect.remote import RemoteFlags, connect
    from vaultctl.crypto.seals.transit import NAME_MAX_B, TransitKey

    ca_cert, client_cert, client_key, server_name = (table.get(name, "") for name in _OF_TLS)
    flags = RemoteFlags(ca_cert=ca_cert, client_cert=client_cert, client_key=client_key, tls_server_name=server_name)
    proxies = {name: environ[name] for name in _PROXIES if name in environ}
    try:
        door = connect(proxies, table["address"], flags).door
        _hurry(door, table.get("timeout", ""))
    except BadSetting as error:
        raise SettingError(f"the transit seal has no good address: {'; '.join(error.errors)}") from None
    mount = table.get("mount_path", "").strip("/") or "transit"
    given, name = table["token"], good_name(table["key_name"], "key_name", NAME_MAX_B)
    namespace = table.get("namespace", "")
    return TransitKey(
        door, lambda: _secret(given, "token", environ), mount + "/", name, namespace, address=table["address"]
    )


def _hurry(door: RemoteDoor, timeout: str) -> None:
    """Have it wait no longer than a seal shall be waited for. Raises: SettingError."""
    try:
        door.timeout_s = durations.parse(timeout) if timeout else _TIMEOUT_S
    except durations.DurationError:
        door.timeout_s = 0.0
    if door.timeout_s <= 0:
        raise SettingError(f"the transit seal has a timeout that is none: {timeout}", hint="it is a time, as in 10s")
    door.connects_within(min(_CONNECT_S, door.timeout_s))


def _secret(given: str, what: str, environ: Mapping[str, str]) -> str:
    """Read a secret: `file:PATH`, or `env:NAME`, or the secret itself. Raises: SealKeyError."""
    kind, _, rest = given.partition(":")
    if kind == "file":
        try:
            return files.read_private(rest)[:_SECRET_MAX_B].decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = (getattr(error, "strerror", "") or "it is no text").lower()
            raise SealKeyError(f"cannot read the {what} of the seal from {rest}: {reason}") from None
    if kind == "env":
        if rest not in environ:
            raise SealKeyError(f"the {what} of the seal is to be had from the variable {rest}, which is not set")
        return environ[rest]
    return given
