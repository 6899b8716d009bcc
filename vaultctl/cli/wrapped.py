"""Answers that are wrapped because -wrap-ttl or VAULT_WRAP_TTL says so: how they are asked for, and printed."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Wrapped
from vaultctl.client.client import Client
from vaultctl.logical import durations
from vaultctl.logical.door import Door
from vaultctl.logical.errors import InvalidRequest, NoAnswer, VaultError
from vaultctl.logical.request import NOTHING
from vaultctl.logical.response import Response


class WrappingClient(Client):
    """Has each answer wrapped, and raises what was. `wrap_ttl` is in seconds, or as the environment has it.

    Where wrapped answers are not `shown`, one counts as empty.
    """

    def __init__(self, door: Door, *, token: str, namespace: str, wrap_ttl: str | float, shown: bool) -> None:
        super().__init__(door, token=token, namespace=namespace)
        self._wrap_ttl = wrap_ttl
        self._shown = shown

    def call(
        self, verb: str, path: str, data: Mapping[str, Any] = NOTHING, *, query: Mapping[str, Any] = NOTHING
    ) -> Response:
        """Ask for one operation. Raises: Wrapped where there is something to wrap, VaultError."""
        try:
            answer = super().call(verb, path, data, query=query)
        except VaultError as error:
            error.asked = (verb, self.cleaned(path), query)
            raise
        if not answer.wrap_info:
            return answer
        if self._shown:
            raise Wrapped(answer)
        raise NoAnswer("data from server response is empty")

    def plain(self) -> Client:
        """Give a client whose answers are not wrapped."""
        return Client(self._door, token=self._token, namespace=self._namespace)

    def _wrap_ttl_s(self, _verb: str, _path: str) -> float:
        """Read the duration. Raises: InvalidRequest. Source: OpenBao 2.7's words, which are its server's."""
        what = "error parsing X-Vault-Wrap-TTL header: {}"
        try:
            seconds = self._wrap_ttl if isinstance(self._wrap_ttl, float) else durations.parse(str(self._wrap_ttl))
        except durations.DurationError as error:
            raise InvalidRequest(what.format(error)) from None
        if seconds < 0:
            raise InvalidRequest(what.format("requested wrap ttl cannot be negative"))
        return seconds


def show(run: Run, answer: Response) -> None:
    """Print the token that a wrapped answer can be had for. Raises: Misuse."""
    fmt = run.format(raw=True)
    output.secret(run.env, "json" if fmt == "raw" else fmt, answer, run["field"])
