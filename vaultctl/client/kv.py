"""kv secrets by the path that people know, whichever version the mount has."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vaultctl.client.client import Client
from vaultctl.logical import paths
from vaultctl.logical.errors import NoAnswer, NotFound, VaultError
from vaultctl.logical.response import Response


class Place(NamedTuple):
    """Where a secret is: the mount's path with its slash, its kv version, and the rest of the path."""

    mount: str
    version: int
    rest: str

    def api_path(self, part: str) -> str:
        """Give the path to ask for: on version 2, `part` ("data" or "metadata") stands behind the mount."""
        if self.version == 1:
            return self.mount + self.rest
        return f"{self.mount}{part}/{self.rest}".rstrip("/")


def locate(client: Client, path: str, mount: str = "") -> Place:
    """Find the mount of a path; with `mount` given, the path is below that. Raises: VaultError."""
    given, mount = _rooted(f"{mount}/{path}"), _rooted(mount)
    if not given:
        return Place("", 1, "")
    try:
        answer = client.plain().call("GET", f"sys/internal/ui/mounts/{mount or given}")
    except VaultError as error:
        if error.status != NotFound.status:
            raise
        return Place("", 1, given)  # OpenBao 2.7: who does not know of such a question has version 1 alone
    data = answer.data or {}
    if "path" not in data:
        raise NoAnswer("data from server response is empty")
    found = str(data["path"])
    version = 2 if (data.get("options") or {}).get("version") == "2" else 1
    return Place(found, version, given[len(found) :] if given.startswith(found) else "")


def _rooted(path: str) -> str:
    """Resolve the dots of a path; nothing leads out of it."""
    return "/".join(part for part in paths.clean(path).split("/") if part not in (".", ".."))


def ask_there(find: Callable[[], Place], ask: Callable[[Place], Response | None]) -> tuple[Place, Response | None]:
    """Find a place and ask for what is there; where its mount was upgraded in between, do both again.

    Raises: VaultError.
    """
    place = find()
    answer = ask(place)
    if place.version == 1 and (answer is None or answer.data is None):
        again = find()
        if again.version != place.version:
            return again, ask(again)
    return place, answer


def get(client: Client, place: Place, version: int = 0) -> Response | None:
    """Read a secret; a version of 0 is the newest."""
    query = {"version": str(version)} if place.version == 2 and version else {}
    return client.find("GET", place.api_path("data"), query=query)


def put(client: Client, place: Place, data: Mapping[str, Any], cas: int | None = None) -> Response:
    """Write a secret; `cas` is the version that must be the newest one now."""
    if place.version == 1:
        return client.call("PUT", place.api_path("data"), data)
    options = {} if cas is None else {"cas": cas}
    return client.call("PUT", place.api_path("data"), {"data": data, "options": options})


def patch(client: Client, place: Place, change: Mapping[str, Any], cas: int = 0) -> Response:
    """Lay a merge patch over a secret's newest version; a `cas` of 0 is none."""
    options = {"cas": cas} if cas > 0 else {}
    return client.call("PATCH", place.api_path("data"), {"data": change, "options": options})


def rewrite(
    client: Client, place: Place, data: Mapping[str, Any], removed: Sequence[str], cas: int = 0
) -> Response | None:
    """Read a secret, and write it with keys set and removed; None where it has no data to begin with.

    That nobody wrote in between is checked, even without a `cas`.
    """
    found = get(client.plain(), place)
    now = found.data if found else None
    if not now or now.get("data") is None:
        return found if now else None
    merged = {key: value for key, value in {**now["data"], **data}.items() if key not in removed}
    return put(client, place, merged, cas if cas > 0 else int(now["metadata"]["version"]))


def list_keys(client: Client, place: Place) -> Response | None:
    """List what stands directly below a path."""
    return client.find("LIST", place.api_path("metadata"))


def scan(client: Client, place: Place) -> Response | None:
    """List all secrets below a path, however deep."""
    return client.find("SCAN", place.api_path("metadata"))


def delete(client: Client, place: Place) -> None:
    """Delete a secret, on version 2 its newest version."""
    client.call("DELETE", place.api_path("data"))


def change_versions(client: Client, place: Place, verb: str, versions: Sequence[str]) -> None:
    """Change versions of a secret; the verb is "delete", "undelete" or "destroy"."""
    client.call("PUT", place.api_path(verb), {"versions": list(versions)})


def metadata(client: Client, place: Place) -> Response | None:
    """Read what is known of a secret."""
    return client.find("GET", place.api_path("metadata"))


def write_metadata(client: Client, place: Place, verb: str, body: Mapping[str, Any]) -> Response:
    """Change the settings of a secret; the verb is "PUT", or "PATCH" to merge custom metadata."""
    return client.call(verb, place.api_path("metadata"), body)


def delete_metadata(client: Client, place: Place) -> None:
    """Remove a secret with all its versions."""
    client.call("DELETE", place.api_path("metadata"))
