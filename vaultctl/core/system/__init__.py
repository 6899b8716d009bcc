"""The core's own endpoints, below `sys/`. One file a subject: endpoint, handler, help and job together.

A subject is imported when a request names it first, so that no command pays for the others.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module

from vaultctl.framework.endpoint import Endpoint

SUBJECTS = {
    "audit": "audit",
    "audit-hash": "audit",
    "auth": "auth",
    "capabilities": "capabilities",
    "capabilities-accessor": "capabilities",
    "capabilities-self": "capabilities",
    "config": "config",
    "config/auditing": "audit",
    "decode-token": "generate_root",
    "generate-root": "generate_root",
    "generate-root-token": "generate_root",
    "ha-status": "status",
    "health": "health",
    "host-info": "host_info",
    "init": "init",
    "internal": "internal_ui",
    "internal/specs": "internal_specs",
    "key-status": "rotate",
    "leader": "status",
    "leases": "leases",
    "locked-users": "locked_users",
    "mounts": "mounts",
    "namespaces": "namespaces",
    "policies": "policies",
    "policies/password": "password_policies",
    "policy": "policies",
    "quotas": "quotas",
    "rekey": "rekey",
    "rekey-recovery-key": "rekey",
    "remount": "remount",
    "rotate": "rotate",
    "rotate/recovery": "rekey",
    "rotate/root": "rekey",
    "seal": "seal",
    "seal-backend-status": "sealwrap",
    "seal-status": "seal",
    "sealwrap": "sealwrap",
    "step-down": "seal",
    "unseal": "seal",
    "version-history": "version_history",
    "wrapping": "wrapping",
}
"""The first segment of a path below `sys/`, or the first two, and the module that knows it."""


def endpoints_for(path: str) -> Sequence[Endpoint]:
    """Give the endpoints among which a path below `sys/` is looked for; for `sys/` itself, all of them."""
    if not path:
        return [endpoint for module in sorted(set(SUBJECTS.values())) for endpoint in _endpoints(module)]
    first, _, rest = path.partition("/")
    found = SUBJECTS.get(f"{first}/{rest.partition('/')[0]}") or SUBJECTS.get(first)
    return _endpoints(found) if found else ()


@cache
def _endpoints(module: str) -> Sequence[Endpoint]:
    endpoints: Sequence[Endpoint] = import_module(f"vaultctl.core.system.{module}").ENDPOINTS
    return endpoints
