"""Everything that a door can raise. Each class carries its HTTP status and its exit code.

    VaultError
    ├── InvalidRequest        400   the request itself is wrong
    ├── BadToken              403   no token, or one that is not known here
    ├── PermissionDenied      403   a good token without the right
    ├── NotFound              404   nothing at that path; no text
    ├── NoRoute               404   no mount for that path
    ├── UnsupportedPath       404   a mount, but no such endpoint
    ├── UnsupportedOperation  405   an endpoint, but not with that verb
    ├── NoSuchMethod          405   a verb that the API does not have, or not there; no text
    ├── TooLarge              413
    ├── WrongContentType      415   a PATCH that does not say how it patches
    ├── NotOffered            501   known to Vault, no part of vaultctl
    ├── NoAnswer              502   a remote that cannot be asked, or that is no Vault
    ├── Sealed                503
    ├── NamespaceLocked       503
    ├── ServerError           …     what else another server answers: its status is the error's own
    ├── BadSetting            500   how to reach a remote cannot be told
    ├── NotAudited            500   no audit device takes what has to be recorded
    └── StateError            500   the state itself: each with a hint of what to do
        ├── NoState                 nothing there yet
        ├── IntegrityError          changed by something other than vaultctl
        ├── NewerFormat             written by a newer vaultctl
        ├── SealKeyError            the seal's key is missing, or is not the one
        ├── SealUnavailable         the seal is out of reach
        ├── StateLocked             another process holds the lock
        ├── UnsafePermissions       others could read or change it
        └── StateUnavailable        the disk or the folder says no (full, read-only, gone)

Nothing is ever decided by an error's text, and no text holds a token or a secret.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class VaultError(Exception):
    """A door's refusal. `errors` are the lines of the answer; `data` is set where a refusal has a body.

    `hint` says what to do next, where the door knows that; it is no part of the answer itself.
    """

    status = 500
    exit_code = 2
    keeps_changes = False
    """Tells that what the request had changed before it failed stays: the failure itself is noted there."""

    def __init__(
        self, *errors: str, warnings: tuple[str, ...] = (), data: Mapping[str, Any] | None = None, hint: str = ""
    ) -> None:
        super().__init__(*errors)
        self.errors = errors
        self.hint = hint
        self.warnings = warnings
        self.data = data
        self.request_id = ""
        self.raw_text: str | None = None
        """The body of a refusal that is no JSON: it came from a load balancer, for example."""
        self.url = ""
        """Where a remote was asked: the whole address, as it was sent."""
        self.asked: tuple[str, str, Mapping[str, Any]] | None = None
        """Verb, path and query of the request that was refused, filled in by the client."""


class InvalidRequest(VaultError):
    """The request is wrong in itself."""

    status = 400


class BadToken(VaultError):
    """The token is missing or unknown. Source: OpenBao 2.7, a bare "permission denied"."""

    status = 403

    def __init__(self) -> None:
        super().__init__("permission denied")


class PermissionDenied(VaultError):
    """The token is good and may not do this. Source: OpenBao 2.7, the "1 error occurred" form."""

    status = 403

    def __init__(self) -> None:
        super().__init__(one_error("permission denied"))


class NotFound(VaultError):
    """Nothing is stored there."""

    status = 404


class NoRoute(VaultError):
    """No mount serves the path."""

    status = 404


class UnsupportedPath(VaultError):
    """The mount has no such endpoint. Source: OpenBao 2.7, which has other words where no token is needed."""

    status = 404

    def __init__(self, *errors: str) -> None:
        super().__init__(*(errors or (one_error("unsupported path"),)))


class UnsupportedOperation(VaultError):
    """The endpoint does not take this verb. Source: OpenBao 2.7, which has other words where no token is needed."""

    status = 405

    def __init__(self, *errors: str) -> None:
        super().__init__(*(errors or (one_error("unsupported operation"),)))


class NoSuchMethod(VaultError):
    """The API has no such verb, or this path is one of the few that the server itself answers."""

    status = 405


class TooLarge(VaultError):
    """The request holds more than a state may take in one piece."""

    status = 413


class WrongContentType(VaultError):
    """The body is of a type that the verb does not take."""

    status = 415


class NotOffered(VaultError):
    """Known to Vault, and no part of vaultctl."""

    status = 501


class NoAnswer(VaultError):
    """A remote could not be asked, or did not answer as a Vault does: the text says all that there is to say."""

    status = 502


class BadSetting(VaultError):
    """What says how to reach a remote, or with which token, is no good: nothing was asked."""


class NotAudited(VaultError):
    """No audit device could be written to: the request was refused, or its answer is withheld and the text says so."""


class Sealed(VaultError):
    """The keys are not at hand."""

    status = 503

    def __init__(self) -> None:
        super().__init__("Vault is sealed")


class NamespaceLocked(VaultError):
    """An administrator locked the namespace, or one that it is in. Source: OpenBao 2.7."""

    status = 503

    def __init__(self, path: str) -> None:
        from vaultctl.logical.go_text import quoted  # then: this module is loaded at every start

        super().__init__(
            "API access to this namespace has been locked by an administrator -"
            f" {quoted(path)} must be unlocked to gain access."
        )


class ServerError(VaultError):
    """Another server answered with a status that has no class of its own."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(*errors)
        self.status = status


class StateError(VaultError):
    """The state cannot be used as it is. `hint` says what to do next."""


class NoState(StateError):
    """There is no state at the place where it was looked for."""


class IntegrityError(StateError):
    """The state is not what vaultctl wrote."""


class NewerFormat(StateError):
    """The state was written in a format that this version does not know."""


class SealKeyError(StateError):
    """The key that opens the state is missing, unreadable or another one."""


class SealKeyGone(SealKeyError):
    """There is no such key where it was looked for, and that could be looked at: what is under it may be lost."""


class SealUnavailable(StateError):
    """The seal cannot be reached: what it wrapped can be neither read nor written until it is back."""

    status = 503


class StateLocked(StateError):
    """Another process kept the lock for longer than we wait."""


class UnsafePermissions(StateError):
    """Somebody else owns the state, or may write to it."""


class StateUnavailable(StateError):
    """The operating system refused: full, read-only, not permitted, not there."""


def one_error(text: str) -> str:
    """Give the form that OpenBao uses for an error it collected."""
    return several_errors([text])


def several_errors(texts: Sequence[str]) -> str:
    """Give the form that OpenBao uses for errors it collected. Source: OpenBao 2.7, go-multierror's layout."""
    heading = "1 error" if len(texts) == 1 else f"{len(texts)} errors"
    return f"{heading} occurred:\n\t* " + "\n\t* ".join(texts) + "\n\n"


def where(error: BaseException) -> str:
    """Name an error's class and the line that it came from; its text may hold what is secret."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {place}"
