"""What stderr says when a door refused, and what to do next."""

from vaultctl.cli.env import Env
from vaultctl.logical.errors import BadToken, NotOffered, Sealed, StateError, VaultError

ADDRESS = "local:"
"""Stands where a server's address does: the engine in this process has none."""

_VERBS = {"HELP": "GET"}
_QUERIES = {"HELP": "?help=1"}
"""How a verb that HTTP does not have is sent."""

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
    verb, path = error.asked or ("GET", "")
    env.err(f"{prefix}Error making API request.\n")
    env.err(f"URL: {_VERBS.get(verb, verb)} {ADDRESS}/v1/{path}{_QUERIES.get(verb, '')}")
    if namespace:
        env.err(f"Namespace: {namespace.strip('/')}/")
    env.err(f"Code: {error.status}. Errors:\n")
    for line in error.errors:
        env.err(f"* {line}")
    if not error.errors:
        env.err("")
    env.warn(error.warnings)
    hint = _hint(error, env.token_source, has_token=env.has_token)
    if hint:
        env.err(f"\n{hint}")


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
