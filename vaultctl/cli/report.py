"""What stderr says when a door refused, and what to do next."""

from vaultctl.cli import urls
from vaultctl.cli.env import Env
from vaultctl.logical.errors import BadSetting, BadToken, NoAnswer, NotOffered, Sealed, StateError, VaultError

NO_SEAL_WRAP = "OpenBao has no seal wrap, and Vault has it with an Enterprise licence; vaultctl's own server has it"
_NOT_EVERYWHERE = {"sys/sealwrap/rewrap": NO_SEAL_WRAP}

_HINTS: tuple[tuple[type[VaultError], str], ...] = (
    (NotOffered, "use OpenBao or Vault for this engine; its mount can be managed here"),
    (Sealed, "run: vaultctl operator unseal"),
)


def report(env: Env, error: VaultError, doing: str) -> None:
    """Print a refusal as `bao` lays it out; `doing` is what was tried, "Error enabling" for example."""
    prefix = f"{doing}: " if doing else ""
    if isinstance(error, StateError) or (isinstance(error, Sealed) and not error.asked):
        env.err(f"Error: {error.errors[0]}")
    elif isinstance(error, BadSetting):
        env.err(error.errors[0])
    elif isinstance(error, NoAnswer):
        env.err(prefix + _unanswered(error))
    else:
        _refused(env, error, prefix)
    hint = _hint(env, error)
    if hint:
        env.err(f"\n{hint}")


def _unanswered(error: NoAnswer) -> str:
    """Say what could not be asked, in Go's form."""
    verb = error.asked[0] if error.asked else "GET"
    return f'{urls.method(verb).capitalize()} "{error.url}": {error.errors[0]}' if error.url else error.errors[0]


def _refused(env: Env, error: VaultError, prefix: str) -> None:
    verb, path, query = error.asked or ("GET", "", {})
    env.err(f"{prefix}Error making API request.\n")
    if env.namespace:
        env.err(f"Namespace: {env.namespace}")
    env.err(f"URL: {urls.method(verb)} {error.url or env.address + urls.target(verb, path, query)}")
    says_nothing = not error.errors and not error.warnings and error.data is None
    # A patch of nothing is answered so by bao.
    is_raw = error.raw_text is not None or (not env.is_remote and verb == "PATCH" and says_nothing)
    env.err(f"Code: {error.status}. {'Raw Message' if is_raw else 'Errors'}:\n")
    for line in error.errors:
        env.err(f"* {line}")
    if not error.errors:
        env.err(error.raw_text or "")
    env.warn(error.warnings)


def _hint(env: Env, error: VaultError) -> str:
    if env.is_remote:
        has_none = error.status == BadToken.status and env.hints_at_token and not env.has_token
        return error.hint or (_token_hint(env) if has_none else hint_of_missing(env, error))
    if isinstance(error, BadToken):
        return _token_hint(env) if env.hints_at_token else ""
    if error.hint:
        return error.hint
    return next((hint for kind, hint in _HINTS if isinstance(error, kind)), "")


def hint_of_missing(env: Env, error: VaultError | None, path: str = "") -> str:
    """Say of a path that a remote may not have that this is so; without an error it is one where nothing is."""
    if not env.is_remote or (error is not None and error.status not in (404, 405, 501)):
        return ""
    return _NOT_EVERYWHERE.get(error.asked[1] if error is not None and error.asked else path, "")


def _token_hint(env: Env) -> str:
    """Say where the token that was refused came from, or where none was."""
    source = env.token_source
    if not env.has_token:
        return f"there is no token: VAULT_TOKEN is not set, and {source} is missing or empty"
    if source.endswith("TOKEN"):
        return f"the token came from {source}, which may be a cluster's; unset it to use this state's own"
    if source.endswith("/token"):
        return f"the token came from {source}, and is good no more: log in again, or remove it to use the root token"
    return f"the token came from {source}: it is not one of this state's"
