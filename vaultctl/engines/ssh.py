"""ssh: one-time passwords for hosts, each on a lease. Roles for certificates are not offered. Source: OpenBao 2.7.

Stored below the mount as `roles/<name>`, `otp/<HMAC of the password>` with whom it lets in where, `salt`, the key of
that HMAC, and `config/zeroaddress`, the roles that hold for every address. A password is gone when it was used, or its
lease ends.
"""

import json
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

from vaultctl.crypto.aead import hmac_sha256
from vaultctl.framework.endpoint import Context, Endpoint, Engine, Leases
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest, NotOffered, UnsupportedPath, VaultError, one_error
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Lease, Response

ROLES, PASSWORDS, SALT, ZERO = "roles/", "otp/", "salt", "config/zeroaddress"
_ECHO = {"verify-echo-request": "verify-echo-response"}
_NAME = re.compile(r"\w(([\w\-.@]+)?\w)?", re.ASCII)
_SSH_PORT = 22
_NOT_ALLOWED = "Username is not present is allowed users list"
_NOT_DEFAULT = "Username has to be either in allowed users list or has to be a default username"


class BadNetwork(VaultError):
    """A list of networks has one that is none. Source: OpenBao 2.7, with a status of 500."""


class Role(NamedTuple):
    """Who may log in where with a password of this role; the lists are texts with commas, as they were written."""

    default_user: str
    cidr_list: str = ""
    exclude_cidr_list: str = ""
    allowed_users: str = ""
    port: int = _SSH_PORT

    def lets_in(self, user: str) -> bool:
        """Tell whether a password may be for this user."""
        allowed = _parts(self.allowed_users)
        return user == self.default_user or user in allowed or "*" in allowed

    def is_for(self, address: IPv4Address | IPv6Address, *, any_address: bool) -> bool:
        """Tell whether a password may be for this address."""
        return any_address or (_is_in(address, self.cidr_list) and not _is_in(address, self.exclude_cidr_list))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_in(address: IPv4Address | IPv6Address, networks: str) -> bool:
    return any(address in ip_network(network, strict=False) for network in _parts(networks))


def _check_networks(networks: str, name: str) -> None:
    for network in _parts(networks):
        try:
            if "/" not in network:
                raise ValueError
            ip_network(network, strict=False)
        except ValueError:
            raise BadNetwork(one_error(f"failed to validate {name}: invalid CIDR address: {network}")) from None


def write_role(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Store a role for one-time passwords. Raises: InvalidRequest, BadNetwork, NotOffered for any other."""
    name, key_type = _role_name(fields), fields.get("key_type", "")
    if not key_type:
        raise InvalidRequest("missing key type")
    if key_type == "ca":
        raise NotOffered("roles for certificates are not part of vaultctl: key_type can be otp")
    if key_type == "dynamic":
        raise InvalidRequest("dynamic key type roles are no longer supported")
    if key_type != "otp":
        raise InvalidRequest("invalid key type")
    if not fields.get("default_user"):
        raise InvalidRequest("missing default user")
    role = Role(
        fields["default_user"],
        fields.get("cidr_list", ""),
        fields.get("exclude_cidr_list", ""),
        fields.get("allowed_users", ""),
        fields.get("port") or _SSH_PORT,
    )
    _check_networks(role.cidr_list, "cidr_list")
    _check_networks(role.exclude_cidr_list, "exclude_cidr_list entry")
    ctx.storage.put(ROLES + name, json.dumps(role._asdict()).encode())
    return EMPTY


def read_role(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give a role."""
    role = _role(ctx, _role_name(fields))
    return Response(data=dict(sorted({**role._asdict(), "key_type": "otp"}.items()))) if role else None


def delete_role(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove a role; the passwords that it gave are good until their leases end."""
    name = _role_name(fields)
    ctx.storage.delete(ROLES + name)
    zero = _zero_roles(ctx)
    if name in zero:
        _put_zero_roles(ctx, [each for each in zero if each != name])
    return EMPTY


def list_roles(ctx: Context, _fields: Mapping[str, Any]) -> Response | None:
    """Give the names of the roles."""
    names = ctx.storage.list(ROLES)
    return Response(data={"keys": names, "key_info": {name: {"key_type": "otp"} for name in names}}) if names else None


def _role_name(fields: Mapping[str, Any]) -> str:
    """Give the role that the path names. Raises: UnsupportedPath."""
    name: str = fields["role"]
    if not _NAME.fullmatch(name):
        raise UnsupportedPath
    return name


def _role(ctx: Context, name: str) -> Role | None:
    stored = ctx.storage.get(ROLES + name)
    return Role(**json.loads(stored)) if stored else None


def give(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give a password for a user at an address. Raises: InvalidRequest."""
    name = _role_name(fields)
    role = _role(ctx, name)
    given = fields.get("ip", "")
    if not given:
        raise InvalidRequest("Missing ip")
    if role is None:
        raise InvalidRequest(f"Role {quoted(name)} not found")
    user = fields.get("username") or role.default_user
    if not role.lets_in(user):
        raise InvalidRequest(_NOT_ALLOWED if role.allowed_users else _NOT_DEFAULT)
    address = _address(given, given)
    if not role.is_for(address, any_address=name in _zero_roles(ctx)):
        raise InvalidRequest("Error validating IP: IP does not belong to role")
    key = _password(ctx.random)
    entry = PASSWORDS + _name_of(ctx, key)
    who = {"username": user, "ip": str(address), "role_name": name}
    ctx.storage.put(entry, json.dumps(who).encode())
    data = {"ip": str(address), "key": key, "key_type": "otp", "port": role.port, "username": user}
    return Response(data=data, lease=Lease(0, internal={"entry": entry}))


def _password(random: Any) -> str:
    digits = random(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _address(given: str, shown: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(given)
    except ValueError:
        raise InvalidRequest(f"Invalid IP {quoted(shown)}") from None


def _name_of(ctx: Context, key: str) -> str:
    """Give the name that a password is stored under; nothing tells of the password itself."""
    salt = ctx.storage.get(SALT)
    if salt is None:
        salt = ctx.random(32)
        ctx.storage.put(SALT, salt)
    return hmac_sha256(salt, key.encode("utf-8", "surrogatepass")).hex()


def verify(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Tell a host whom a password lets in, and use it up. Raises: InvalidRequest."""
    key = fields.get("otp", "")
    if key in _ECHO:
        return Response(data={"message": _ECHO[key]})
    entry = PASSWORDS + _name_of(ctx, key)
    who = ctx.storage.get(entry)
    if who is None:
        raise InvalidRequest("OTP not found")
    ctx.storage.delete(entry)
    return Response(data=dict(sorted(json.loads(who).items())))


def look_up(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Name the roles that can be used for an address. Raises: InvalidRequest."""
    if not fields.get("ip"):
        raise InvalidRequest("Missing ip")
    address = _address(fields["ip"], "<nil>")
    zero = _zero_roles(ctx)
    roles = [(name, _role(ctx, name)) for name in ctx.storage.list(ROLES)]
    found = [name for name, role in roles if role and role.is_for(address, any_address=False)]
    return Response(data={"roles": found + zero or None})


def _zero_roles(ctx: Context) -> list[str]:
    stored = ctx.storage.get(ZERO)
    return list(json.loads(stored)) if stored else []


def _put_zero_roles(ctx: Context, names: Iterable[str]) -> None:
    ctx.storage.put(ZERO, json.dumps(list(names)).encode())


def write_zero(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Have roles hold for every address. Raises: InvalidRequest."""
    names = fields.get("roles", [])
    if not names:
        raise InvalidRequest("Missing roles")
    for name in names:
        if _role(ctx, name) is None:
            raise InvalidRequest(f"Role {quoted(name)} does not exist")
    _put_zero_roles(ctx, names)
    return EMPTY


def read_zero(ctx: Context, _fields: Mapping[str, Any]) -> Response | None:
    """Give the roles that hold for every address."""
    return Response(data={"roles": _zero_roles(ctx)}) if ctx.storage.get(ZERO) else None


def delete_zero(ctx: Context, _fields: Mapping[str, Any]) -> Response:
    """Have every role hold for its own networks alone."""
    ctx.storage.delete(ZERO)
    return EMPTY


def take_back(ctx: Context, internal: Mapping[str, Any]) -> None:
    """Remove a password, if it was not used."""
    ctx.storage.delete(internal["entry"])


_ROLE = {"role": Field("string", "The name of the role.")}
_IP = {"ip": Field("string", "The address of the host.")}

ENGINE = Engine(
    type="ssh",
    endpoints=(
        Endpoint("roles", {Operation.LIST: list_roles}, "List the roles."),
        Endpoint("roles/", {Operation.LIST: list_roles}, "List the roles."),
        Endpoint(
            "roles/{role}",
            {Operation.READ: read_role, Operation.UPDATE: write_role, Operation.DELETE: delete_role},
            "Write, read and delete a role: who may log in where with a password of it.",
            "Roles for one-time passwords alone are offered: the key_type is otp.",
            {
                **_ROLE,
                "key_type": Field("string", "It is otp."),
                "default_user": Field("string", "For whom a password is where nobody else is named."),
                "cidr_list": Field("string", "The networks that a password can be for, with commas."),
                "exclude_cidr_list": Field("string", "Networks among them that none can be for, with commas."),
                "allowed_users": Field("string", "For whom else a password can be, with commas; * is anybody."),
                "port": Field("int", "The port that is told with a password. The default is 22."),
            },
        ),
        Endpoint(
            "creds/{role}",
            {Operation.UPDATE: give},
            "Give a one-time password for a host, on a lease.",
            fields={**_ROLE, **_IP, "username": Field("string", "For whom it is; by default the role's default_user.")},
        ),
        Endpoint("lookup", {Operation.UPDATE: look_up}, "Name the roles that can be used for a host.", fields=_IP),
        Endpoint(
            "verify",
            {Operation.UPDATE: verify},
            "Tell a host whom a one-time password lets in, and use it up.",
            "No token is needed: who has a password may use it.",
            {"otp": Field("string", "The password.")},
            unauthenticated=True,
        ),
        Endpoint(
            ZERO,
            {Operation.READ: read_zero, Operation.UPDATE: write_zero, Operation.DELETE: delete_zero},
            "Have roles hold for every address.",
            fields={"roles": Field("strings", "The names of the roles.")},
        ),
    ),
    help="Gives one-time passwords for hosts. A password is gone when it was used, or when its lease ends.",
    seal_wrapped=lambda key: key.startswith(PASSWORDS),
    leases=Leases(take_back, entries=PASSWORDS),
)
