"""Writes man/ and completions/ from the command tree: a page for each command, a script for each shell.

A file is written only when it changes, and one that no command has any more is removed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from vaultctl import __version__
from vaultctl.cli import shells, usage
from vaultctl.cli.go_flags import GoCommand
from vaultctl.cli.tree import Group, root
from vaultctl.cli.usage import kind_of

ROOT = Path(__file__).resolve().parent.parent

ENVIRONMENT = (
    ("VAULTCTL_DATA_DIR", "The folder of the state; by default the user's data folder."),
    ("VAULTCTL_STORAGE", "What the state is kept in: json, toml or sqlite; a path behind a colon names the file."),
    ("VAULTCTL_SEAL_KEY", "Where the seal's key is: file:PATH, env:NAME or fd:NUMBER."),
    ("VAULTCTL_SEAL_KEY_PREVIOUS", "Where the key is that the seal had before, as the seal's key is changed."),
    ("VAULTCTL_CONFIG", "The config file; by default config.toml in the user's config folder."),
    ("VAULTCTL_LOCAL", "1: work on the local state, whatever VAULT_ADDR says."),
    ("VAULTCTL_REQUIRE_ADDR", "1: refuse to work on the local state where other variables speak of a cluster."),
    ("VAULTCTL_DEBUG", "1: show a traceback where vaultctl has a bug."),
    ("BAO_ADDR, VAULT_ADDR", "The address of an OpenBao or Vault to work on, in the place of the local state."),
    ("BAO_TOKEN, VAULT_TOKEN", "The token, in the place of the one in the data folder, or of the token helper's."),
    ("BAO_CACERT, BAO_CAPATH", "The CA certificates to trust; also BAO_CACERT_BYTES."),
    ("BAO_CLIENT_CERT, BAO_CLIENT_KEY", "Our own certificate and its key; also with _BYTES behind."),
    ("BAO_TLS_SERVER_NAME, BAO_SKIP_VERIFY", "The name that a certificate must have; 1: trust any."),
    ("BAO_CLIENT_TIMEOUT, BAO_MAX_RETRIES", "How long to wait for a remote (60s), and how often to ask it again (0)."),
    ("BAO_PROXY_ADDR, HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "Proxies on the way to a remote."),
    ("BAO_TOKEN_PATH, BAO_CONFIG_PATH", "The files ~/.vault-token and ~/.bao, if they are elsewhere."),
    ("BAO_NAMESPACE, VAULT_NAMESPACE", "The namespace to work in."),
    ("BAO_WRAP_TTL, VAULT_WRAP_TTL", "Wrap every answer that can be, and keep it for so long."),
    ("GITHUB_OUTPUT", "The file that -github-output adds to; GitHub's runner sets it."),
    ("BAO_FORMAT, VAULT_FORMAT", "How to print, for commands that read it in bao too: table, json or yaml."),
    ("VAULTCTL_SEAL", "The seal of a state that operator init makes: shamir, static, pkcs11 or transit."),
    ("VAULTCTL_UNSEAL_KEY", "Where the shares of a shamir seal are, one a line: file:PATH or fd:NUMBER."),
    ("NO_COLOR", "Set: no colours on a terminal."),
)
FILES = (
    ("~/.local/share/vaultctl/state.json", "The state, encrypted."),
    ("~/.local/share/vaultctl/seal.key", "The key that opens it. A backup of the state is worth nothing without it."),
    ("~/.local/share/vaultctl/root-token", "The root token."),
    (
        "~/.config/vaultctl/config.toml",
        "Settings: data_dir, storage, seal, seal_key, seal_key_previous, lock_timeout, disable_sealwrap.",
    ),
)


def main() -> None:
    """Write both folders."""
    pages = {f"{name_of(words)}.1": page(words, command) for words, command in commands(root())}
    write(ROOT / "man", pages)
    write(ROOT / "completions", {name: shells.SCRIPTS[shell] for shell, name in shells.FILES.items()})


def write(folder: Path, texts: dict[str, str]) -> None:
    """Bring a folder to hold these files and no others."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in texts:
            path.unlink()
            print(f"{folder.name}/{path.name} removed")
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"{folder.name}/{name} written")


def commands(group: Group) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give a group and all below it, by the words that name them."""
    yield group.words, group
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, Group):
            yield from commands(command)
        elif command:
            yield (*group.words, name), command


def page(words: Sequence[str], command: click.Command) -> str:
    """Write the manual page of a command."""
    name = name_of(words)
    parts = [
        f'.TH "{name.upper()}" "1" "" "vaultctl {__version__}" "vaultctl"',
        section("NAME"),
        text(f"{name} - {lowered(command.short_help or '')}"),
    ]
    parts += group_parts(words, command) if isinstance(command, Group) else command_parts(command)
    parts += [section("EXIT STATUS"), *listed(exit_codes(command))]
    if not words:
        parts += [section("ENVIRONMENT"), *listed(ENVIRONMENT), section("FILES"), *listed(FILES)]
    else:
        parts += [section("SEE ALSO"), f"\\fB{text(name_of(words[:-1]))}\\fR(1)"]
    return "\n".join(parts) + "\n"


def group_parts(words: Sequence[str], group: Group) -> list[str]:
    """Write the synopsis of a group, and what is in it."""
    shape = "<subcommand> [options] [args]" if words else "<command> [options] [args]"
    parts = [section("SYNOPSIS"), f"\\fB{text(' '.join(('vaultctl', *words)))}\\fR {text(shape)}", section("COMMANDS")]
    for name in group.list_commands(click.Context(group)):
        entry = group.tree[name]
        about = entry[0] if isinstance(entry, tuple) else entry
        parts += [".TP", f"\\fB{text(name_of((*words, name)))}\\fR(1)", text(f"{about}.")]
    return parts


def command_parts(command: click.Command) -> list[str]:
    """Write the synopsis of a command, its description and its flags."""
    if not isinstance(command, GoCommand):
        raise TypeError(command)
    parts = [section("SYNOPSIS"), f"\\fBvaultctl\\fR {text(command.usage)}", section("DESCRIPTION")]
    for number, block in enumerate((command.help or "").split("\n\n")):
        if block.startswith("    "):
            parts += [".PP", ".nf", ".RS 4", *(text(line.strip()) for line in block.splitlines()), ".RE", ".fi"]
        else:
            parts += [".PP"] * bool(number) + [text(block)]
    flags = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    values = [(flag.opts[0] + ("" if flag.is_flag else f"={kind_of(flag)}"), flag.help or "") for flag in flags]
    return [*parts, section("OPTIONS"), *listed(sorted(values))]


def exit_codes(command: click.Command) -> list[tuple[str, str]]:
    """Take the list of exit codes that a command's help text ends with apart."""
    lines = [line.strip() for line in usage.exit_codes(command).splitlines()[2:]]
    return [(line.split(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def name_of(words: Sequence[str]) -> str:
    """Give the name of a command's page."""
    return "-".join(("vaultctl", *words))


def section(title: str) -> str:
    """Begin a section."""
    return f".SH {title}"


def listed(entries: Sequence[tuple[str, str]]) -> list[str]:
    """Write a list of terms and what they mean."""
    return [line for term, meaning in entries for line in (".TP", f"\\fB{text(term)}\\fR", text(meaning))]


def text(plain: str) -> str:
    """Write text that roff shows as it is."""
    escaped = plain.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped


def lowered(sentence: str) -> str:
    """Begin with a small letter, as the line of a page's name does."""
    return sentence[:1].lower() + sentence[1:]


if __name__ == "__main__":
    main()
