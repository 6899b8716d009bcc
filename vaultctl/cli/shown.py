"""Requests that are printed and not sent: as a curl command, or as the policy that they need.

Source: OpenBao 2.7. What a command must know before it can ask at all is asked for in earnest: where a kv mount is,
what a secret holds that is to be written again, and whether a seal opens by itself.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from vaultctl.cli import urls
from vaultctl.cli.failures import Failure
from vaultctl.client.client import Client
from vaultctl.logical import durations, json_text
from vaultctl.logical.door import Door
from vaultctl.logical.errors import PermissionDenied, VaultError
from vaultctl.logical.request import MERGE_PATCH, NOTHING
from vaultctl.logical.response import Response

_PREFLIGHT = "sys/internal/ui/mounts/"
_NO_PREFLIGHT = (
    "This output flag requires the success of a preflight request \n"
    "to determine the version of a KV secrets engine. Please \n"
    "re-run this command with a token with read access to {}. \n"
    "Note that if the path you are trying to reach is a KV v2 path, your token's policy must \n"
    "allow read access to that path in the format 'mount-path/data/foo', not just 'mount-path/foo'."
)
"""Source: OpenBao 2.7, as it stands there."""

_STEERS_SHELL = frozenset('$`"\\!')
"""What a shell heeds between double quotes; the last one where people type."""

_CAPABILITIES = {
    "GET": ["read"],
    "HELP": ["read"],
    "SCAN": ["read"],
    "LIST": ["list"],
    "POST": ["create", "update"],
    "PUT": ["create", "update"],
    "PATCH": ["patch"],
    "DELETE": ["delete"],
}
_SUDO = re.compile(
    r"auth/token/accessors/?|pki/root(/sign-self-issued)?|sys/audit(/.+)?|sys/auth/.+|"
    r"sys/config/(auditing/request-headers|ui/headers)(/.+)?|sys/config/cors|sys/internal/inspect/router/.+|"
    r"sys/leases|sys/leases/lookup(/.*)?|sys/leases/revoke-(force|prefix)/.+|sys/plugins/catalog/[^/]+(/[^/]+)?|"
    r"sys/raw(/.+)?|sys/remount|sys/revoke-(force|prefix)/.+|sys/rotate(/(root|keyring))?"
)
_MOUNT = re.compile(r"sys/(?:mounts|auth)/.+")
_ORDERED = ("sys/remount", "auth/token/create", "sys/init", "sys/unseal", "sys/rotate/", "sys/rekey/")
"""Where bao sends a structure of its own."""

_CONFIG: Mapping[str, Any] = {
    "options": None,
    "default_lease_ttl": "",
    "description": ...,
    "max_lease_ttl": "",
    "force_no_cache": False,
    "audit_non_hmac_request_keys": ...,
    "audit_non_hmac_response_keys": ...,
    "listing_visibility": ...,
    "passthrough_request_headers": ...,
    "allowed_response_headers": ...,
    "token_type": ...,
    "plugin_version": ...,
    "user_lockout_config": ...,
}
"""What bao sends of a mount's configuration, in its order; of some it sends nothing where nothing was asked for."""


class Shown(Exception):
    """A request was to be printed; the text of the error is that of the request."""


class ShowingClient(Client):
    """Prints the first request that a command is made for. `kind` is curl or policy."""

    def __init__(
        self,
        door: Door,
        *,
        token: str,
        namespace: str,
        kind: str,
        base: str,
        headers: Sequence[tuple[str, str]],
        usage: str,
        rewrites: Callable[[], bool],
        wrap_ttl: str | float,
    ) -> None:
        super().__init__(door, token=token, namespace=namespace)
        self._kind = kind
        self._base = base
        self._headers = headers
        self._is_kv = usage.startswith("kv ")
        self._finds_seal = usage.startswith("operator init ")
        self._rewrites = rewrites
        self._wrap_ttl = wrap_ttl

    def call(
        self, verb: str, path: str, data: Mapping[str, Any] = NOTHING, *, query: Mapping[str, Any] = NOTHING
    ) -> Response:
        """Print the request, unless it only finds out what to ask for. Raises: Shown, VaultError."""
        if self._is_first(verb, path):
            return self._ask(path, query)
        cleaned = self.cleaned(path)
        if self._kind == "policy":
            raise Shown(policy_text(verb, cleaned))
        raise Shown(self._curl(verb, cleaned, data, query))

    def _is_first(self, verb: str, path: str) -> bool:
        """Tell whether a request only finds out what to ask for."""
        if self._finds_seal:
            return path == "sys/seal-status"
        return self._is_kv and verb == "GET" and (path.startswith(_PREFLIGHT) or self._rewrites())

    def _ask(self, path: str, query: Mapping[str, Any]) -> Response:
        """Ask for what must be known first. Raises: Failure where a mount is not to be found, VaultError."""
        try:
            return super().call("GET", path, query=query)
        except VaultError as error:
            if not path.startswith(_PREFLIGHT) or error.status != PermissionDenied.status:
                raise
            raise Failure(_NO_PREFLIGHT.format(path.removeprefix(_PREFLIGHT).rstrip("/"))) from None

    def _curl(self, verb: str, path: str, data: Mapping[str, Any], query: Mapping[str, Any]) -> str:
        headers = [("X-Vault-Request", "true"), *self._headers]
        if verb == "PATCH":
            headers.append(("Content-Type", MERGE_PATCH))
        if self._namespace:
            headers.append(("X-Vault-Namespace", self._namespace.strip("/") + "/"))
        by_itself_s = self._wrap_ttl_s(verb, path)
        if self._wrap_ttl or by_itself_s:
            ttl = _go_duration(self._wrap_ttl) if self._wrap_ttl else durations.humanise(int(by_itself_s))
            headers.append(("X-Vault-Wrap-Ttl", ttl))
        shown = [(name, _quoted(f"{name}: {value}")) for name, value in headers]
        if self._token:
            shown.append(("X-Vault-Token", '"X-Vault-Token: $(vaultctl print token)"'))
        method = urls.method(verb)
        words = ["curl", *([f"-X {method}"] if method != "GET" else [])]
        words += [f"-H {text}" for _, text in sorted(shown, key=itemgetter(0))]
        if method in ("POST", "PUT", "PATCH") and data is not NOTHING:
            text = "{}" if self._is_kv and not data else body_text(verb, path, data)
            words.append("-d " + _in_single_quotes(text))
        return " ".join([*words, self._url(urls.target(verb, path, query))])

    def _url(self, target: str) -> str:
        """Write the URL for a shell; an address that is a variable of its own is left to it."""
        if self._base.startswith("$"):
            quoted = _quoted(target)
            return f'"{self._base}{target}"' if quoted[0] == '"' else f'"{self._base}"{quoted}'
        return _quoted(self._base + target)


def _quoted(text: str) -> str:
    """Quote a word for a shell: as bao does where that is safe, else so that the shell finds nothing to do in it."""
    return f'"{text}"' if _STEERS_SHELL.isdisjoint(text) else _in_single_quotes(text)


def _in_single_quotes(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def policy_text(verb: str, path: str) -> str:
    """Write the policy that a request needs."""
    wanted = _CAPABILITIES[verb] + (["sudo"] if _SUDO.fullmatch(path) else [])
    names = ", ".join(f'"{name}"' for name in wanted)
    return f'path "{path}" {{\n  capabilities = [{names}]\n}}'


def body_text(verb: str, path: str, data: Mapping[str, Any]) -> str:
    """Write a body as bao does: the keys sorted, but for the requests that it makes of its own structures."""
    if not data and not _MOUNT.fullmatch(path):
        return "null"
    if verb == "POST" and _MOUNT.fullmatch(path):
        data = _config(data) if path.endswith("/tune") else _mount(data)
    elif not path.startswith(_ORDERED):
        after = data.get("delete_version_after")
        named = {"delete_version_after": _go_seconds(after)} if isinstance(after, str) else {}
        data = json_text.sorted_deep({**data, **named})
    else:
        data = dict(data)
    return json_text.for_pages(json_text.dumps(data, compact=True))


def _mount(data: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(data.get("config") or {})
    config = _config({**given, **{name: given.get(name) or "0s" for name in ("default_lease_ttl", "max_lease_ttl")}})
    whole = {**data, "config": config, "options": json_text.sorted_deep(data.get("options"))}
    first = ("type", "description", "config", "local", "seal_wrap", "external_entropy_access", "options")
    return {name: whole[name] for name in first if name in whole}


def _config(given: Mapping[str, Any]) -> dict[str, Any]:
    whole = {name: given.get(name, default) for name, default in _CONFIG.items()}
    for name in ("default_lease_ttl", "max_lease_ttl"):
        whole[name] = _go_seconds(whole[name])
    whole["options"] = json_text.sorted_deep(whole["options"])
    return {name: value for name, value in whole.items() if value is not ...}


def _go_duration(ttl: str | float) -> str:
    """Write a duration as Go does; what is none, as it is."""
    try:
        seconds = durations.parse(ttl) if isinstance(ttl, str) else ttl
    except durations.DurationError:
        return str(ttl)
    return durations.go_text(seconds)


def _go_seconds(text: str) -> str:
    """Write whole seconds as Go's Duration does: 5400s is 1h30m0s."""
    return durations.go_text(int(text[:-1])) if text.endswith("s") and text[:-1].isdigit() else text
