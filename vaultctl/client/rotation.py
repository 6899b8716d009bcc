"""The barrier's key, new key shares, and root tokens that are made with shares."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer
from vaultctl.logical.response import Response


def rotate(client: Client) -> None:
    """Replace the key that encrypts."""
    client.call("POST", "sys/rotate/keyring")


def key_status(client: Client) -> dict[str, Any]:
    """Tell which key encrypts: term, install_time, encryptions."""
    data = told(client.call("GET", "sys/key-status"))
    return {name: data[name] for name in ("term", "install_time", "encryptions") if name in data}


def told(answer: Response) -> dict[str, Any]:
    """Give what an answer tells, in its data or without an envelope. Raises: NoAnswer."""
    found: Mapping[str, Any] | None = answer.data if answer.data is not None else answer.raw
    if found is None:
        raise NoAnswer("data from server response is empty")
    return dict(found)


class Rekeying:
    """The attempt at new shares, in the API that needs a token or the one that needs none."""

    _PATHS: Mapping[tuple[bool, str], str] = {
        (True, "barrier"): "rotate/root",
        (True, "recovery"): "rotate/recovery",
        (False, "barrier"): "rekey",
        (False, "recovery"): "rekey-recovery-key",
    }
    _BACKUPS: Mapping[tuple[bool, str], str] = {
        (True, "barrier"): "rotate/root/backup",
        (True, "recovery"): "rotate/recovery/backup",
        (False, "barrier"): "rekey/backup",
        (False, "recovery"): "rekey/recovery-key-backup",
    }

    def __init__(self, client: Client, target: str = "barrier", *, with_token: bool = True) -> None:
        """`target` is barrier or recovery."""
        self._client = client
        self._path = "sys/" + self._PATHS[with_token, target]
        self._backup = "sys/" + self._BACKUPS[with_token, target]
        self._begins = "POST" if with_token else "PUT"

    def status(self) -> dict[str, Any]:
        """Tell how the attempt stands."""
        return _attempt(told(self._client.call("GET", f"{self._path}/init")))

    def begin(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Begin an attempt; the body is that of `POST sys/rotate/root/init`."""
        return _attempt(told(self._client.call(self._begins, f"{self._path}/init", body)))

    def cancel(self) -> None:
        """End the attempt, if there is one."""
        self._client.call("DELETE", f"{self._path}/init")

    def enter(self, share: str, nonce: str) -> dict[str, Any]:
        """Enter a share; where `complete` is set, the answer has the new ones."""
        answer = told(self._client.call("PUT", f"{self._path}/update", {"key": share, "nonce": nonce}))
        return _handed_out(answer) if answer.get("complete") else _attempt(answer)

    def verification(self) -> dict[str, Any]:
        """Tell how far the verification of new shares is."""
        return _verification(told(self._client.call("GET", f"{self._path}/verify")))

    def verify(self, share: str, nonce: str) -> dict[str, Any]:
        """Enter a new share; where `complete` is set, the new shares count."""
        answer = told(self._client.call("PUT", f"{self._path}/verify", {"key": share, "nonce": nonce}))
        return answer if answer.get("complete") else _verification(answer)

    def verify_anew(self) -> None:
        """Forget the new shares that were entered."""
        self._client.call("DELETE", f"{self._path}/verify")

    def backup(self) -> Response:
        """Give what was kept of new shares, encrypted."""
        return self._client.call("GET", self._backup)

    def delete_backup(self) -> None:
        """Remove what was kept of new shares."""
        self._client.call("DELETE", self._backup)


def root_attempt(client: Client) -> dict[str, Any]:
    """Tell how the attempt at a root token stands."""
    return _root(told(client.call("GET", f"{_ROOT}/attempt")))


def begin_root(client: Client, otp: str = "", pgp_key: str = "") -> dict[str, Any]:
    """Begin an attempt at a root token; without a password or a key, the answer has a password."""
    return _root(told(client.call("PUT", f"{_ROOT}/attempt", {"otp": otp, "pgp_key": pgp_key})))


def cancel_root(client: Client) -> None:
    """End the attempt at a root token, if there is one."""
    client.call("DELETE", f"{_ROOT}/attempt")


def enter_for_root(client: Client, share: str, nonce: str) -> dict[str, Any]:
    """Enter a share; where `complete` is set, the answer has the token, encoded."""
    return _root(told(client.call("PUT", f"{_ROOT}/update", {"key": share, "nonce": nonce})))


_ROOT = "sys/generate-root-token"


def _attempt(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give an attempt with all that `bao` shows of one, in its order."""
    return {
        "nonce": answer.get("nonce", ""),
        "started": answer.get("started", False),
        "t": answer.get("t", 0),
        "n": answer.get("n", 0),
        "progress": answer.get("progress", 0),
        "required": answer.get("required", 0),
        "pgp_fingerprints": answer.get("pgp_fingerprints"),
        "backup": answer.get("backup", False),
        "verification_required": answer.get("verification_required", False),
        "verification_nonce": answer.get("verification_nonce", ""),
    }


def _handed_out(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "nonce": answer.get("nonce", ""),
        "complete": True,
        "keys": answer.get("keys") or [],
        "keys_base64": answer.get("keys_base64") or [],
        "pgp_fingerprints": answer.get("pgp_fingerprints"),
        "backup": answer.get("backup", False),
        "verification_required": answer.get("verification_required", False),
        "verification_nonce": answer.get("verification_nonce", ""),
    }


def _verification(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer.get(name, empty) for name, empty in _VERIFICATION.items()}


_VERIFICATION = {"nonce": "", "started": False, "t": 0, "n": 0, "progress": 0}


def _root(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "nonce": answer.get("nonce", ""),
        "started": answer.get("started", False),
        "progress": answer.get("progress", 0),
        "required": answer.get("required", 0),
        "complete": answer.get("complete", False),
        "encoded_token": answer.get("encoded_token", ""),
        "encoded_root_token": answer.get("encoded_root_token", ""),
        "pgp_fingerprint": answer.get("pgp_fingerprint", ""),
        "otp": answer.get("otp", ""),
        "otp_length": answer.get("otp_length", 0),
    }
