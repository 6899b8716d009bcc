"""What stderr says when a door refused, and what to do next."""

from collections.abc import Mapping

from vaultctl.cli.env import Env
from vaultctl.logical.errors import BadToken, NotOffered, Sealed, StateError, VaultError

ADDRESS = "local:"
"""Stands where a server's address does: the engine in this process has none."""

_QUERIES = {"HELP": {"help": "1"}, "LIST": {"list": "true"}, "SCAN": {"scan": "true"}}
"""How a verb that not every HTTP client has is sent: as a GET."""

_HINTS: tuple[tuple[type[VaultError], str], ...] = (
    (NotOffered, "use OpenBao or Vault for this engine; its mount can be managed here"),
    (Sealed, "run: vaultctl operator unseal"),
)


def report(env: Env, error: VaultError, doing: str, *, namespace: str = "") -> None:
    """Print a refusal as `bao` lays it out; `doing` is what was tried, "Error enabling" for example."""
    if isinstance(error, StateError):
        env.err(f"Error: {error.errors[0]}")
        if error.hint:
            env.err(f"\n{error.hint}")
        return
    prefix = f"{doing}: " if doing else ""
    verb, path, query = error.asked or ("GET", "", {})
    env.err(f"{prefix}Error making API request.\n")
    env.err(f"URL: {'GET' if verb in _QUERIES else verb} {ADDRESS}/v1/{path}{_query_text(verb, query)}")
    if namespace:
        env.err(f"Namespace: {namespace.strip('/')}/")
    says_nothing = not error.errors and not error.warnings and error.data is None
    kind = "Raw Message" if verb == "PATCH" and says_nothing else "Errors"  # a patch of nothing is answered so by bao
    env.err(f"Code: {error.status}. {kind}:\n")
    for line in error.errors:
        env.err(f"* {line}")
    if not error.errors:
        env.err("")
    env.warn(error.warnings)
    hint = _hint(error, env.token_source, has_token=env.has_token)
    if hint:
        env.err(f"\n{hint}")


def _query_text(verb: str, query: Mapping[str, object]) -> str:
    from urllib.parse import urlencode

    whole = {**query, **_QUERIES.get(verb, {})}
    return "?" + urlencode(sorted(whole.items()), doseq=True) if whole else ""


def _hint(error: VaultError, token_source: str, *, has_token: bool) -> str:
    if isinstance(error, BadToken):
        return _token_hint(token_source, has_token=has_token)
    return error.hint or next((hint for kind, hint in _HINTS if isinstance(error, kind)), "")


def _token_hint(source: str, *, has_token: bool) -> str:
    """Say where the token that was refused came from, or where none was."""
    if not has_token:
        return f"there is no token: VAULT_TOKEN is not set, and {source} is missing or empty"
    if source.endswith("TOKEN"):
        return f"the token came from {source}, which may be a cluster's; unset it to use this state's own"
    return f"the token came from {source}: it is not one of this state's"
