"""The `token_…` parameters, which every auth method's users and roles have: fields, checks, and how they are shown.

Source: OpenBao 2.7 for the order of checks, the messages, and what the older names do.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vaultctl.framework.fields import Field
from vaultctl.framework.login import Login
from vaultctl.logical.addresses import canonical
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Request

FIELDS: Mapping[str, Field] = {
    "token_bound_cidrs": Field("slice", "The addresses that the tokens can be used from."),
    "token_explicit_max_ttl": Field("duration", "The longest life of a token, whatever renews it."),
    "token_max_ttl": Field("duration", "The longest life of a token; the mount's where it is 0."),
    "token_no_default_policy": Field("bool", "Do not give the default policy."),
    "token_num_uses": Field("int", "How often a token can be used; 0 for any number."),
    "token_period": Field("duration", "The period that the tokens are renewed by, for ever."),
    "token_policies": Field("slice", "The policies that the tokens have."),
    "token_strictly_bind_ip": Field("bool", "Bind each token to the address that it was given to."),
    "token_ttl": Field("duration", "The life of a token; the mount's default where it is 0."),
    "token_type": Field("string", "service, batch, or default, where the mount decides."),
}
DEFAULT, SERVICE, BATCH = "default", "service", "batch"


class TokenTerms(NamedTuple):
    """What the tokens of a user or a role are like. Durations are seconds; `older` is what older names set."""

    token_bound_cidrs: tuple[str, ...] | None = ()
    token_explicit_max_ttl: float = 0
    token_max_ttl: float = 0
    token_no_default_policy: bool = False
    token_num_uses: int = 0
    token_period: float = 0
    token_policies: tuple[str, ...] = ()
    token_strictly_bind_ip: bool = False
    token_ttl: float = 0
    token_type: str = DEFAULT
    older: tuple[str, ...] = ()

    def show(self) -> dict[str, Any]:
        """Give the parameters as the API shows them; what was set by its older name by that one, too."""
        shown = {name: _shown(value) for name, value in self._asdict().items() if name != "older"}
        return shown | {name: shown[f"token_{name}"] for name in self.older}

    def login(self, request: Request) -> Login:
        """Give the terms of a token for whoever asks. Source: OpenBao 2.7."""
        cidrs = self.token_bound_cidrs or ()
        return Login(
            policies=policies(self.token_policies),
            ttl_s=self.token_ttl,
            max_ttl_s=self.token_max_ttl,
            explicit_max_ttl_s=self.token_explicit_max_ttl,
            period_s=self.token_period,
            num_uses=self.token_num_uses,
            token_type=self.token_type,
            no_default_policy=self.token_no_default_policy,
            bound_cidrs=(canonical(request.remote_addr or "127.0.0.1"),) if self.token_strictly_bind_ip else cidrs,
        )


def from_record(record: Mapping[str, Any]) -> TokenTerms:
    """Give the terms as they were stored, among other things."""
    lists = ("token_bound_cidrs", "token_policies", "older")
    known: dict[str, Any] = {name: record[name] for name in TokenTerms._fields if name in record}
    known |= {name: tuple(known[name]) for name in lists if known.get(name) is not None}
    return TokenTerms(**known)


def changed(terms: TokenTerms, fields: Mapping[str, Any]) -> TokenTerms:
    """Give the terms with what is named of them. Raises: InvalidRequest."""
    terms = with_given(terms, fields)
    if terms.token_strictly_bind_ip and terms.token_bound_cidrs:
        raise InvalidRequest("'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one")
    return terms


def with_given(terms: TokenTerms, fields: Mapping[str, Any]) -> TokenTerms:
    """Give the terms as above, where nobody looks whether they fit each other's addresses. Raises: InvalidRequest."""
    given = {name: fields[name] for name in FIELDS if name in fields}
    if "token_bound_cidrs" in given:
        given["token_bound_cidrs"] = addresses(given["token_bound_cidrs"])
    if "token_policies" in given:
        given["token_policies"] = tuple(given["token_policies"])
    if given.get("token_type", DEFAULT) not in (DEFAULT, SERVICE, BATCH, ""):
        raise InvalidRequest(f"invalid 'token_type' value {quoted(given['token_type'])}")
    if given.get("token_type") == "":
        given["token_type"] = DEFAULT
    terms = terms._replace(**given)
    _check_batch(terms)
    if terms.token_ttl > terms.token_max_ttl > 0:
        raise InvalidRequest("'token_ttl' cannot be greater than 'token_max_ttl'")
    if terms.token_num_uses < 0:
        raise InvalidRequest("'token_num_uses' cannot be negative")
    return terms


def _check_batch(terms: TokenTerms) -> None:
    if terms.token_type != BATCH:
        return
    for is_so, what in (
        (terms.token_period, "periodic tokens"),
        (terms.token_num_uses, "tokens with limited use count"),
    ):
        if is_so:
            raise InvalidRequest(f"'token_type' cannot be 'batch' or 'default_batch' when set to generate {what}")


def with_older(terms: TokenTerms, fields: Mapping[str, Any], names: Iterable[str]) -> TokenTerms:
    """Take what is given by an older name, without its `token_`; the newer name wins. Raises: InvalidRequest.

    What was once given by its older name is shown by it, until it is given by the newer one alone.
    """
    older = set(terms.older)
    for name in names:
        newer = f"token_{name}"
        given: Any = fields.get(name)
        if name in fields and name == "policies":
            given = list(policies(given))
        if name in fields and newer not in fields:
            terms = with_given(terms, {newer: given})
        if name in fields and given not in (0, []):
            older.add(name)
        elif name in fields or newer in fields:
            older.discard(name)
    return terms._replace(older=tuple(sorted(older)))


def policies(names: Iterable[str]) -> tuple[str, ...]:
    """Give names of policies in lower case, sorted, each once; beside root there is no other."""
    found = {name.strip().lower() for name in names} - {""}
    return ("root",) if "root" in found else tuple(sorted(found))


def addresses(texts: Iterable[str], doing: str = "") -> tuple[str, ...]:
    """Give addresses as they are shown. Raises: InvalidRequest."""
    try:
        return tuple(canonical(text) for text in texts)
    except ValueError as error:
        raise InvalidRequest(f"{doing}{error}") from None


def _shown(value: Any) -> Any:
    return int(value) if isinstance(value, float) else list(value) if isinstance(value, tuple) else value
