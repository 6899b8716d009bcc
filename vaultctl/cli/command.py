"""How a command is declared, and what every command has: the common flags, `-format` and `-field`."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from vaultctl.cli.env import Common, Env
from vaultctl.cli.failures import Misuse, Wrapped
from vaultctl.cli.go_flags import BOOL, DURATION, GIVEN, PAIR, GoCommand, flag, switch

_REMOTE = (
    flag("address", "Work on the OpenBao or Vault at this address. Also: BAO_ADDR, VAULT_ADDR.", metavar="URL"),
    flag("agent-address", "The address of an agent, which comes before -address.", metavar="URL", hidden=True),
    flag("ca-cert", "A file with the CA certificates to trust. Also: BAO_CACERT.", metavar="FILE"),
    flag("ca-path", "A folder of such files. Also: BAO_CAPATH.", metavar="FOLDER"),
    flag("client-cert", "A file with our own certificate. Also: BAO_CLIENT_CERT.", metavar="FILE"),
    flag("client-key", "A file with its key. Also: BAO_CLIENT_KEY.", metavar="FILE"),
    flag("tls-server-name", "The name that the certificate must have. Also: BAO_TLS_SERVER_NAME.", metavar="NAME"),
    flag("tls-skip-verify", "Trust any certificate. Also: BAO_SKIP_VERIFY.", BOOL),
    flag("disable-redirects", "Follow no redirect. Also: BAO_DISABLE_REDIRECTS.", BOOL),
    flag("header", "A header to send, as NAME=VALUE; can be given again.", PAIR, multiple=True),
    flag("mfa", "Credentials for a second factor; can be given again. Also: BAO_MFA.", multiple=True, metavar="TEXT"),
    flag("policy-override", "Override a policy that can be overridden.", BOOL, hidden=True),
)
COMMON = (
    flag("namespace", "Namespace to work in.", metavar="NAME"),
    flag("ns", "Another name for -namespace.", metavar="NAME", hidden=True),
    switch("local", "Work on the local state, whatever VAULT_ADDR says. Also: VAULTCTL_LOCAL=1."),
    flag("lock-timeout", "How long to wait for another command that writes.", DURATION, metavar="DURATION"),
    *_REMOTE,
    flag(
        "wrap-ttl",
        "Wrap the answer: print a token that it can be had for, once and within this time. Also: BAO_WRAP_TTL.",
        DURATION,
        metavar="DURATION",
    ),
    switch("output-curl-string", "Print the request as a curl command, and do not send it."),
    switch("output-policy", "Print the policy that the request needs, and do not send it."),
    flag("unlock-key", "The key of a namespace whose API is locked.", metavar="KEY", hidden=True),
    switch("non-interactive", "Ask nothing on a terminal.", hidden=True),
    switch("confirm", "On a terminal, ask before a remote loses something."),
)
FORMAT = flag("format", "How to print: table, json or yaml.", metavar="FORMAT", completes="format")
FIELD = flag("field", "Print this field alone.", metavar="NAME")
GITHUB = flag(
    "github-output",
    "Print nothing, and make the value an output of this step of a GitHub Actions job; its lines are masked first."
    " The value is the field, else the token that was made, else all data as JSON.",
    metavar="NAME",
)

REMOTE_NAMES = tuple(declared.name or "" for declared in _REMOTE)


class Run:
    """One run of a command: its positionals, its flags, and the world around it.

    `given` names the flags that stood on the command line.
    """

    def __init__(self, env: Env, args: tuple[str, ...], flags: dict[str, Any], given: frozenset[str]) -> None:
        self.env = env
        self.args = args
        self.given = given
        short, long = flags.pop("ns", None), flags.pop("namespace", None)
        self.common = Common(
            namespace=long if short is None else short,
            local=flags.pop("local", False),
            lock_timeout=flags.pop("lock_timeout"),
            remote={name: flags.pop(name) for name in REMOTE_NAMES},
            shows="curl" if flags.pop("output_curl_string") else "policy" if flags["output_policy"] else "",
            confirm=flags.pop("confirm") and not flags["non_interactive"],
            wrap_ttl_s=flags.pop("wrap_ttl", None) or 0,
        )
        self.flags = {**flags, "field": flags.get("field") or None}

    def __getitem__(self, name: str) -> Any:
        """Give a flag's value."""
        return self.flags[name]

    @property
    def client(self) -> Any:
        """The verbs over the door; the state is opened when this is first used."""
        return self.env.client(self.common)

    def maintenance(self) -> Any:
        """Work on the local state as a whole. Raises: StateError."""
        from vaultctl.connect.maintenance import Maintenance

        self.env.refuse_remote(self.common)
        maintenance = Maintenance(os.environ, lock_timeout_s=self.common.lock_timeout, tell=self.env.err)
        self.env.closing.append(maintenance.close)
        return maintenance

    def format(self, *, from_environment: bool = True, raw: bool = False) -> str:
        """Give the output format; one that the environment names must be good, though it be ignored. Raises: Misuse."""
        from vaultctl.cli.output import check_format, ignored_format

        named = self.flags.get("format")
        if not named:
            named = self.env.variable("FORMAT") or "table"
            if not from_environment:
                return ignored_format(named, raw=raw)
        return check_format(named, raw=raw)


def _refuse_wrapping() -> None:
    """End a command that asks several times, and needs the answers itself. Raises: Misuse."""
    raise Misuse("-wrap-ttl: this command follows what it began, and needs the answers itself")


def _say_what_is_not_wrapped(asked: Run, wraps: str) -> None:
    """Tell on stderr that a TTL which was asked for is for nothing here."""
    if asked.common.wrap_ttl_s and wraps in ("not", "look"):
        asked.env.err("-wrap-ttl is not for this command: its answer is not wrapped")
    elif wraps in ("not", "never") and asked.env.variable("WRAP_TTL"):
        asked.env.err("BAO_WRAP_TTL or VAULT_WRAP_TTL is set, and not for this command: its answer is not wrapped")


def file_name(word: str) -> str:
    """Give a word of the command line, which is UTF-8, as the name of a file, which the locale may spell otherwise."""
    return os.fsdecode(word.encode())


def command(
    name: str,
    run: Callable[[Run], None],
    *,
    usage: str,
    short_help: str,
    help: str = "",  # noqa: A002  # Click's word
    doing: str = "",
    arity: tuple[int, int | None] = (0, 0),
    arity_text: str = "",
    flags: Sequence[click.Option] = (),
    completes: Sequence[str] = (),
    loses: bool = False,
    wraps: str = "shown",
    exit_codes: Mapping[int, str] = {},
) -> GoCommand:
    """Declare a leaf command; `doing` begins the message when the door refuses, "Error enabling" for example.

    `loses` says that what it is for takes something away, of which people are told first where it is on a remote.
    `wraps` says what becomes of an answer that was wrapped: it is "shown"; or the answer counts as "empty", as it does
    for bao; or it is "not" wrapped at all, which stderr says where that was asked for, or "never", and -wrap-ttl is
    refused; a "look" (at a token, or at help) is not wrapped either, and says so if a flag asks, not the environment.
    `exit_codes` are its own.
    """

    def callback(args: tuple[str, ...], **values: Any) -> None:
        ctx = click.get_current_context()
        env = ctx.obj
        env.doing = doing.format(*args, *[""] * 3) if doing else ""
        env.usage = usage
        env.wraps = wraps
        asked = Run(env, args, values, ctx.meta[GIVEN])
        if loses and not values.get("check"):
            env.announce(asked.common)
        if wraps == "never" and asked.common.wrap_ttl_s:
            _refuse_wrapping()
        if not asked.common.shows:
            _say_what_is_not_wrapped(asked, wraps)
        _go(asked, run)

    own = {opt for declared in flags for opt in declared.opts}
    common = [declared for declared in COMMON if not own.intersection(declared.opts)]
    return GoCommand(
        name,
        callback,
        usage=usage,
        short_help=short_help,
        help=help,
        arity=arity,
        arity_text=arity_text,
        flags=[*flags, *common],
        completes=completes,
        exit_codes=exit_codes,
    )


def _go(asked: Run, run: Callable[[Run], None]) -> None:
    """Run a command, or show what it would ask."""
    if asked.common.shows:
        from vaultctl.cli import showing

        showing.run(asked, run)
        return
    if asked.flags.get("github_output") is not None:
        from vaultctl.cli import github

        asked.env.github = github.opened(asked)
    try:
        run(asked)
    except Wrapped as wrapped:
        from vaultctl.cli import wrapped as shown

        shown.show(asked, wrapped.answer)


def mount_word(word: str) -> str:
    """Give a word of the command line as the path of a mount, with a slash behind. Raises: Misuse."""
    path = word.strip().strip("/")
    if not path:
        raise Misuse("the path of a mount is needed")
    check_no_tune(path)
    return path + "/"


def check_no_tune(path: str) -> None:
    """Refuse what below sys/mounts is not a mount but the tuning of the one above it. Raises: Misuse."""
    if path.rstrip("/").endswith("/tune"):
        raise Misuse(f"no mount can be at {path}: a path that ends in /tune is the tuning of the mount above it")


def mount_text(path: str) -> str:
    """Show a mount path as messages do: what was typed, with a slash behind."""
    return path if not path or path.endswith("/") else path + "/"
