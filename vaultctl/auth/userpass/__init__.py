"""userpass: users with a name and a password. Names are the same in any case. Source: OpenBao 2.7.

Stored below the mount as `user/<name>`: the hash of the password, and the terms of the user's tokens.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.auth.userpass import passwords
from vaultctl.framework import token_fields
from vaultctl.framework.endpoint import Context, Endpoint, Engine, Entry
from vaultctl.framework.fields import Field
from vaultctl.framework.login import Login, LoginDenied, Refused, Renewing
from vaultctl.framework.token_fields import TokenTerms
from vaultctl.logical import addresses
from vaultctl.logical.errors import InvalidRequest, UnsupportedPath, VaultError, one_error
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response
from vaultctl.logical.storage import Reading

_PREFIX = "user/"
_OLDER = ("policies", "ttl", "max_ttl", "bound_cidrs")
_NAME = re.compile(r"\w(([\w.-]+)?\w)?", re.ASCII)
_WRONG = "invalid username or password"


class User(NamedTuple):
    """One user; without a password nobody logs in."""

    name: str
    password: str = ""
    terms: TokenTerms = TokenTerms()

    def __repr__(self) -> str:
        """Name it."""
        return f"User({self.name})"


def list_users(ctx: Context, _fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all users."""
    names = ctx.storage.list(_PREFIX)
    return Response(data={"keys": names}) if names else None


def read_user(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give what a user's tokens are like."""
    user = _find(ctx.storage, _name(fields))
    return None if user is None else Response(data=dict(sorted(user.terms.show().items())))


def delete_user(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove a user; the tokens live on, and cannot be renewed."""
    ctx.storage.delete(_PREFIX + _name(fields))
    return EMPTY


def write_user(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Make a user, or change what is named of one. Raises: InvalidRequest."""
    name = _name(fields)
    user = _find(ctx.storage, name)
    terms = token_fields.changed(user.terms if user else TokenTerms(), fields)
    terms = token_fields.with_older(terms, fields, _OLDER)
    password = user.password if user else ""
    if user is None or fields.get("password") or fields.get("password_hash"):
        password = _password(ctx, fields)
    _save(ctx, User(name, password, terms))
    return EMPTY


def write_password(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give a user another password. Raises: VaultError."""
    user = _known(ctx, fields)
    _save(ctx, user._replace(password=_password(ctx, fields)))
    return EMPTY


def write_policies(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give a user's tokens other policies. Raises: VaultError."""
    user = _known(ctx, fields)
    terms = token_fields.changed(user.terms, fields)
    _save(ctx, user._replace(terms=token_fields.with_older(terms, fields, ("policies",))))
    return EMPTY


def log_in(ctx: Context, fields: Mapping[str, Any]) -> Login:
    """Tell who somebody is, by the password. Raises: VaultError, Refused."""
    password = fields.get("password", "")
    if not password:
        raise VaultError("missing password")
    name = _name(fields)
    user = _find(ctx.storage, name)
    if user is None:
        ctx.apart(passwords.fits_nobody, password)
        raise Refused(_WRONG)
    if not ctx.apart(passwords.fits, password, user.password):
        raise Refused(_WRONG, counts=True)
    cidrs = user.terms.token_bound_cidrs
    if cidrs and not addresses.allow(cidrs, ctx.request.remote_addr):
        raise LoginDenied
    if passwords.is_outdated(user.password, password):
        _save(ctx, user._replace(password=ctx.apart(passwords.write, password, ctx.random)))
    return user.terms.login(ctx.request)._replace(display_name=name, alias=name, meta={"username": name})


def renew(ctx: Context, token: Renewing) -> Login | None:
    """Give the terms of a token anew, of a user who is still there. Raises: VaultError for other policies."""
    user = _find(ctx.storage, token.meta.get("username", ""))
    if user is None:
        return None
    if set(token.policies) - {"default"} != set(token_fields.policies(user.terms.token_policies)) - {"default"}:
        raise VaultError("policies have changed, not renewing")
    return user.terms.login(ctx.request)


def _alias_of(_ctx: Context, fields: Mapping[str, Any]) -> str:
    return _name(fields)


def _name(fields: Mapping[str, Any]) -> str:
    """Give the name as it is stored. Raises: UnsupportedPath for what is no name."""
    name: str = fields["username"]
    if not _NAME.fullmatch(name):
        raise UnsupportedPath
    return name.lower()


def _password(ctx: Context, fields: Mapping[str, Any]) -> str:
    """Give a new password as it is stored. Raises: InvalidRequest."""
    password: str = fields.get("password", "")
    given: str = fields.get("password_hash", "")
    if password and given:
        raise InvalidRequest("only one of password or password_hash may be provided")
    if given:
        cost = passwords.bcrypt_cost(given)
        if cost is None:
            raise InvalidRequest("password_hash is not a valid bcrypt hash")
        if cost < passwords.LEAST_COST:
            raise InvalidRequest(f"bcrypt cost of {cost} is too low, want {passwords.LEAST_COST} at minimum")
        if cost > passwords.MOST_COST:
            raise InvalidRequest(f"bcrypt cost of {cost} exceeds maximum cost of {passwords.MOST_COST}")
        return given
    if not password:
        raise InvalidRequest("must provide either password or password_hash")
    hashed: str = ctx.apart(passwords.write, password, ctx.random)
    return hashed


def _known(ctx: Context, fields: Mapping[str, Any]) -> User:
    user = _find(ctx.storage, _name(fields))
    if user is None:
        raise VaultError(one_error("username does not exist"))
    return user


def _is_there(ctx: Context, values: Mapping[str, str]) -> bool:
    return _find(ctx.storage, _name(values)) is not None


def _find(storage: Reading, name: str) -> User | None:
    data = storage.get(_PREFIX + name) if name else None
    if data is None:
        return None
    record = json.loads(data)
    return User(name, record["password"], token_fields.from_record(record["terms"]))


def _save(ctx: Context, user: User) -> None:
    record = {"password": user.password, "terms": user.terms._asdict()}
    ctx.storage.put(_PREFIX + user.name, json.dumps(record, separators=(",", ":")).encode())


_USERNAME = {"username": Field("string", "The name of the user.")}
_PASSWORD = {
    "password": Field("string", "The password of the user."),
    "password_hash": Field("string", "A bcrypt hash of it."),
}

_ENDPOINTS = (
    *(
        Endpoint(pattern, {Operation.LIST: list_users}, "List the users that can log in.")
        for pattern in ("users", "users/")
    ),
    Endpoint(
        "users/{username}/password",
        {Operation.UPDATE: write_password},
        "Give a user another password.",
        fields={**_USERNAME, **_PASSWORD},
    ),
    Endpoint(
        "users/{username}/policies",
        {Operation.UPDATE: write_policies},
        "Give a user other policies.",
        fields={
            **_USERNAME,
            "token_policies": token_fields.FIELDS["token_policies"],
            "policies": Field("slice", "The older name of token_policies."),
        },
    ),
    Endpoint(
        "users/{username}",
        {Operation.READ: read_user, Operation.UPDATE: write_user, Operation.DELETE: delete_user},
        "Read, write or remove a user.",
        "A write changes what it names. A new user needs a password.",
        {
            **_USERNAME,
            **_PASSWORD,
            **token_fields.FIELDS,
            "policies": Field("slice", "The older name of token_policies."),
            "ttl": Field("duration", "The older name of token_ttl."),
            "max_ttl": Field("duration", "The older name of token_max_ttl."),
            "bound_cidrs": Field("slice", "The older name of token_bound_cidrs."),
        },
        exists=_is_there,
    ),
    Endpoint(
        "login/{username}",
        {},
        "Log in with a name and a password.",
        fields={**_USERNAME, "password": Field("string", "The password of the user.")},
        unauthenticated=True,
        login=Entry(_alias_of, log_in),
    ),
)

METHOD = Engine(
    type="userpass",
    endpoints=tuple(
        each._replace(normal=str.lower) if "{username}" in each.pattern else each for each in _ENDPOINTS
    ),  # names are the same in any case
    help="Lets users in by their name and password.",
    seal_wrapped=lambda key: key.startswith(_PREFIX),
    renew=renew,
)
