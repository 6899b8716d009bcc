"""What the kv commands share: finding the mount, the heading over a secret of version 2, and flags."""

from collections.abc import Callable

import click

from vaultctl.cli import answers, output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import flag
from vaultctl.client import kv
from vaultctl.client.client import Client
from vaultctl.logical.response import Response

MOUNT = flag("mount", "The path of the mount; KEY is then the path below it.", metavar="PATH", completes="mount")


def versions_flag(verb: str) -> click.Option:
    """Declare -versions of a command."""
    return flag("versions", f"The versions to {verb}, with commas between; can be given again.", multiple=True)


def versions(run: Run) -> list[str]:
    """Give the versions that -versions names."""
    parts = (part.strip() for given in run["versions"] for part in given.split(","))
    return [part for part in parts if part]


def place_of(run: Run, client: Client) -> kv.Place:
    """Find the secret that a command names. A refusal here has no other heading. Raises: VaultError."""
    place = kv.locate(client, run.args[0] if run.args else "", run["mount"] or "")
    run.env.doing = ""
    return place


def folder_of(run: Run, client: Client) -> kv.Place:
    """Find the folder that a command names; with -mount it may be the mount's own. Raises: Misuse, VaultError."""
    if not run.args and not run["mount"]:
        raise Misuse("Not enough arguments (expected 1, got 0)")
    return place_of(run, client)


def show_folder(run: Run, ask: Callable[[Client, kv.Place], Response | None]) -> None:
    """Print what is in the folder that a command names. Raises: Failure where there is nothing, VaultError."""
    fmt = run.format()
    client = run.client
    place, answer = kv.ask_there(lambda: folder_of(run, client), lambda place: ask(client, place))
    answers.show(run, fmt, answer, place.api_path("metadata"))


def versioned_place_of(run: Run, client: Client, refusal: Failure) -> kv.Place:
    """Find the secret that a command names, on a mount of version 2. Raises: Failure, VaultError."""
    place = place_of(run, client)
    if place.version != 2:
        raise refusal
    return place


def change_versions(run: Run, verb: str) -> None:
    """Do something with the versions of a secret that are named. Raises: Misuse."""
    fmt = run.format()
    if not run["versions"]:
        raise Misuse(f'No versions provided, use the "-versions" flag to specify the version to {verb}.')
    client = run.client
    place = versioned_place_of(run, client, Misuse(f"{verb.capitalize()} not supported on KV Version 1"))
    path = place.api_path(verb)
    run.env.doing = f"Error writing data to {path}"
    kv.change_versions(client, place, verb, versions(run))
    show_done(run, fmt, f"Success! Data written to: {path}", path, "written")


def show_done(run: Run, fmt: str, sentence: str, path: str, result: str) -> None:
    """Print that something was done: a sentence, or one object."""
    if fmt == "table":
        run.env.out(sentence + "\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": result})


def show_version(run: Run, fmt: str, answer: Response, path: str) -> None:
    """Print what the answer to a write says of the version that it made."""
    if run["field"] is not None or fmt != "table":
        output.secret(run.env, fmt, answer, run["field"])
    else:
        secret_heading(run, path)
        output.section(run.env, "Metadata", output.data_rows(answer.data or {}))


def secret_heading(run: Run, path: str, title: str = "Secret Path") -> None:
    """Print the block that names the secret's path."""
    run.env.out(f"{output.centred(title, len(path.encode()))}\n{path}\n\n")
