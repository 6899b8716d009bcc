"""The endpoints of `identity/`, which are the core's own: entities and aliases, and no groups, OIDC or MFA.

A subject is imported when a request names it first.
"""

from collections.abc import Sequence
from importlib import import_module

from vaultctl.framework.endpoint import Endpoint

SUBJECTS = {
    "entity": "entities",
    "entity-alias": "aliases",
    "group": "elsewhere",
    "group-alias": "elsewhere",
    "lookup": "entities",
    "lookup/group": "elsewhere",
    "mfa": "elsewhere",
    "oidc": "elsewhere",
    "entity/merge": "elsewhere",
}
"""The first segment of a path below `identity/`, or the first two, and the module that knows it."""


def endpoints_for(path: str) -> Sequence[Endpoint]:
    """Give the endpoints among which a path below `identity/` is looked for; for "", all of them."""
    if not path:
        return [endpoint for module in sorted(set(SUBJECTS.values())) for endpoint in _endpoints(module)]
    first, _, rest = path.partition("/")
    found = SUBJECTS.get(f"{first}/{rest.partition('/')[0]}") or SUBJECTS.get(first)
    return _endpoints(found) if found else ()


def _endpoints(module: str) -> Sequence[Endpoint]:
    endpoints: Sequence[Endpoint] = import_module(f"vaultctl.core.identity_store.{module}").ENDPOINTS
    return endpoints
