"""Policies by name."""

from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer


def names(client: Client) -> list[str]:
    """Give the names of all policies."""
    answer = client.call("LIST", "sys/policies/acl")
    if not answer.data or "keys" not in answer.data:
        raise NoAnswer("data from server response is empty")
    return list(answer.data["keys"])


def read(client: Client, name: str) -> str:
    """Give a policy's text; "" for one that is not there, or says nothing."""
    answer = client.find("GET", f"sys/policies/acl/{name}")
    return "" if answer is None or answer.data is None else str(answer.data.get("policy", ""))


def write(client: Client, name: str, text: str) -> None:
    """Store a policy. Raises: InvalidRequest for a text that is none."""
    client.call("PUT", f"sys/policies/acl/{name}", {"policy": text})


def delete(client: Client, name: str) -> None:
    """Remove a policy, if there is one."""
    client.call("DELETE", f"sys/policies/acl/{name}")
