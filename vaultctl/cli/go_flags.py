"""Go's flag syntax on Click: `-path=x`, `-path x` and `--path=x` are one flag, anywhere before `--`.

Every message is Go's own, and every misuse ends with exit code 1. Source: OpenBao 2.7's command line.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from vaultctl.cli.failures import Misuse
from vaultctl.logical import durations

GIVEN = "vaultctl.given"
"""Where a Click context has the names of the flags that stood on the command line, `-x=false` among them."""


class HelpWanted(Exception):
    """`-h` was somewhere on the command line."""


class GoInt(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A whole number as strconv.ParseInt reads it; an empty text is 0."""

    name = "int"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number. Raises: Misuse."""
        text = str(value)
        digits = text[1:] if text[:1] in ("-", "+") else text
        if text and not (digits.isascii() and digits.isdigit()):
            raise _invalid(text, param, f"strconv.ParseInt: parsing {_quoted(text)}: invalid syntax")
        if len(digits) > 19 or not -(2**63) <= int(text or 0) < 2**63:
            raise _invalid(text, param, f"strconv.ParseInt: parsing {_quoted(text)}: value out of range")
        return int(text or 0)


class GoUint(GoInt):
    """A whole number as strconv.ParseUint reads it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number. Raises: Misuse."""
        text = str(value)
        if text and not (text.isascii() and text.isdigit()):
            raise _invalid(text, param, f"strconv.ParseUint: parsing {_quoted(text)}: invalid syntax")
        if len(text) > 20 or int(text or 0) >= 2**64:
            raise _invalid(text, param, f"strconv.ParseUint: parsing {_quoted(text)}: value out of range")
        return int(text or 0)


class GoDuration(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A duration in seconds; "system" is -1. What was typed is kept as it is for the request."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the duration. Raises: Misuse."""
        text = str(value)
        try:
            return -1.0 if text == "system" else durations.parse(text) if text else 0.0
        except durations.DurationError as error:
            raise _invalid(text, param, str(error)) from None


class GoPair(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """One KEY=VALUE of a map flag."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split the pair. Raises: Misuse."""
        key, equals, rest = str(value).partition("=")
        if not equals:
            raise _invalid(str(value), param, f"missing = in KV pair: {_quoted(value)}")
        return key.strip(), rest.strip()


class GoBool(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A switch that may also be left alone, which is None. `split` writes it as true or false."""

    name = "bool"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Read what `split` wrote."""
        return str(value) == "true"


TEXT = click.STRING
BOOL = GoBool()
INT = GoInt()
UINT = GoUint()
DURATION = GoDuration()
PAIR = GoPair()


def _invalid(value: str, param: click.Parameter | None, why: str) -> Misuse:
    flag = param.opts[0] if param else ""
    return Misuse(f"invalid value {_quoted(value)} for flag {flag}: {why}")


class Flag(click.Option):
    """A flag. `completes` names what its value may be: one of the kinds of `completion`."""

    def __init__(self, names: list[str], *, completes: str = "", help: str, **more: Any) -> None:  # noqa: A002
        super().__init__(names, **more)
        self.help = help  # Click would clean it first, with `inspect`, and it is clean
        self.completes = completes


def flag(name: str, help: str, kind: click.ParamType[Any] = TEXT, **more: Any) -> Flag:  # noqa: A002  # Click's word
    """Declare a flag that takes a value; `-x` and `--x` are both declared, so that both are found."""
    return Flag([f"-{name}", f"--{name}", name.replace("-", "_")], type=kind, help=help, **more)


def switch(name: str, help: str, parameter: str = "", *, hidden: bool = False) -> Flag:  # noqa: A002  # Click's word
    """Declare a flag that is on or off."""
    return Flag([f"-{name}", f"--{name}", parameter or name.replace("-", "_")], is_flag=True, help=help, hidden=hidden)


def is_switch(option: click.Option) -> bool:
    """Tell whether a flag takes no word behind it."""
    return option.is_flag or option.type is BOOL


class GoCommand(click.Command):
    """A leaf command. `arity` is how few and how many positionals it takes; None stands for no upper bound.

    `completes` names what each positional may be: kinds of `completion`.
    """

    def __init__(
        self,
        name: str,
        callback: Callable[..., None],
        *,
        usage: str,
        short_help: str,
        help: str = "",  # noqa: A002  # Click's word
        arity: tuple[int, int | None] = (0, 0),
        arity_text: str = "",
        flags: Sequence[click.Option] = (),
        completes: Sequence[str] = (),
        exit_codes: Mapping[int, str] = {},
    ) -> None:
        super().__init__(
            name,
            callback=callback,
            params=[*flags, click.Argument(["args"], nargs=-1, type=click.UNPROCESSED)],
            help=help or short_help,
            short_help=short_help,
            add_help_option=False,
        )
        self.usage = usage
        self.arity = arity
        self.completes = completes
        self.exit_codes = exit_codes
        """What codes of its own mean."""
        self._arity_text = arity_text or _arity_text(arity)

    def options(self) -> dict[str, click.Option]:
        """Give the flags by name, without dashes."""
        return {opt.lstrip("-"): p for p in self.params if isinstance(p, click.Option) for opt in p.opts}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give Click a line that it cannot read in two ways. Raises: Misuse, HelpWanted."""
        options = self.options()
        flags, words, given = split(options, args)
        ctx.meta[GIVEN] = frozenset(options[name].name for name in given)
        rest = super().parse_args(ctx, [*flags, "--", *words])
        low, high = self.arity
        if len(words) < low:
            raise Misuse(f"Not enough arguments (expected {self._arity_text}, got {len(words)}){_shows(ctx)}")
        if high is not None and len(words) > high:
            raise Misuse(f"Too many arguments (expected {self._arity_text}, got {len(words)}){_shows(ctx)}")
        return rest


def _shows(ctx: click.Context) -> str:
    """Say that what was to be shown cannot be. Source: OpenBao 2.7."""
    shown = {"output_curl_string": "cURL string", "output_policy": "policy"}
    wanted = next((what for flag, what in shown.items() if ctx.params.get(flag)), "")
    return wanted and f"\nUnable to generate {wanted} from command"


def _arity_text(arity: tuple[int, int | None]) -> str:
    low, high = arity
    if high is None:
        return f"at least {low}"
    return str(low) if low == high else f"{low}-{high}"


def split(options: Mapping[str, click.Option], args: Sequence[str]) -> tuple[list[str], list[str], set[str]]:
    """Part flags from positionals, in Click's own spelling, and name those that were given.

    Raises: Misuse, HelpWanted.
    """
    flags: list[str] = []
    given: set[str] = set()
    switches: dict[str, bool] = {}
    words: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += rest
            break
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, equals, value = _parse(word)
        option = options.get(name)
        if option is None:
            raise HelpWanted if name in ("h", "help") else Misuse(f"flag provided but not defined: -{name}")
        given.add(name)
        if is_switch(option):
            switches[name] = _parse_bool(name, value) if equals else True
            continue
        if not equals:
            if not rest:
                raise Misuse(f"flag needs an argument: -{name}")
            value = rest.pop(0)
        option.type.convert(value, option, None)  # Click looks at the last one alone, and Go at each
        flags.append(f"--{name}={value}")
    told = {name: on for name, on in switches.items() if options[name].type is BOOL}
    flags += [f"--{name}={str(on).lower()}" for name, on in told.items()]
    return flags + [f"--{name}" for name, on in switches.items() if on and name not in told], words, given


def _parse(word: str) -> tuple[str, bool, str]:
    stripped = word[2:] if word.startswith("--") else word[1:]
    if not stripped or stripped[0] in "-=":
        raise Misuse(f"bad flag syntax: {word}")
    name, equals, value = stripped.partition("=")
    return name, bool(equals), value


def _parse_bool(name: str, value: str) -> bool:
    from vaultctl.logical import go_bools  # when a flag has such a value: this module is loaded at every start

    if value in go_bools.TRUE | go_bools.FALSE:
        return value in go_bools.TRUE
    shown = _quoted(value)
    raise Misuse(f"invalid boolean value {shown} for -{name}: strconv.ParseBool: parsing {shown}: invalid syntax")


def _quoted(text: str) -> str:
    from vaultctl.logical.go_text import quoted  # when something is wrong: this module is loaded at every start

    return quoted(text)
