"""The endpoints of `auth/token/`, which are the core's own. One file a subject: endpoint, handler and help together.

A subject is imported when a request names it first.
"""

from collections.abc import Sequence
from importlib import import_module

from vaultctl.framework.endpoint import Endpoint

SUBJECTS = {
    "accessors": "lookup",
    "create": "create",
    "create-orphan": "create",
    "lookup": "lookup",
    "lookup-accessor": "lookup",
    "lookup-self": "lookup",
    "renew": "renew",
    "renew-accessor": "renew",
    "renew-self": "renew",
    "revoke": "revoke",
    "revoke-accessor": "revoke",
    "revoke-orphan": "revoke",
    "revoke-self": "revoke",
    "roles": "roles",
    "tidy": "sweep",
}
"""The first segment of a path below `auth/token/`, and the module that knows it."""


def endpoints_for(path: str) -> Sequence[Endpoint]:
    """Give the endpoints among which a path below `auth/token/` is looked for; for "", all of them."""
    if not path:
        return [endpoint for module in sorted(set(SUBJECTS.values())) for endpoint in _endpoints(module)]
    found = SUBJECTS.get(path.partition("/")[0])
    return _endpoints(found) if found else ()


def _endpoints(module: str) -> Sequence[Endpoint]:
    endpoints: Sequence[Endpoint] = import_module(f"vaultctl.core.token_store.{module}").ENDPOINTS
    return endpoints
