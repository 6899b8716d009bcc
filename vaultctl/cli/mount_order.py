"""The order in which JSON shows what is known of a mount. Source: OpenBao 2.7."""

from collections.abc import Mapping
from typing import Any

_ORDER = (
    "uuid",
    "type",
    "description",
    "accessor",
    "config",
    "options",
    "local",
    "seal_wrap",
    "external_entropy_access",
    "plugin_version",
    "running_plugin_version",
    "running_sha256",
    "deprecation_status",
)
_CONFIG_ORDER = (
    "default_lease_ttl",
    "max_lease_ttl",
    "force_no_cache",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "listing_visibility",
    "passthrough_request_headers",
    "allowed_response_headers",
    "token_type",
)


def ordered(mount: Mapping[str, Any]) -> dict[str, Any]:
    """Give a mount with its keys in the order of `bao secrets list -format=json`, or of `bao auth list`."""
    config = dict(mount["config"])
    config.pop("user_lockout_config", None)  # bao leaves it out; reading the tuning tells of it
    first = {name: config.pop(name) for name in _CONFIG_ORDER if name in config}
    whole = {"deprecation_status": "", **mount, "config": {**first, **config}}
    return {name: whole[name] for name in _ORDER if name in whole}
