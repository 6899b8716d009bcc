"""`vaultctl completion`: the script that completes command lines in a shell."""

from vaultctl.cli import shells
from vaultctl.cli.command import Run, command
from vaultctl.cli.failures import Misuse


def run(run: Run) -> None:
    """Print a shell's script. Raises: Misuse."""
    script = shells.SCRIPTS.get(run.args[0])
    if script is None:
        raise Misuse(f"there is no completion for {run.args[0]}; there is one for {', '.join(shells.SCRIPTS)}")
    run.env.out(script)


COMMAND = command(
    "completion",
    run,
    usage="completion [options] bash|zsh|fish",
    short_help="Print a shell's completion script",
    help="Prints the script that completes command lines of vaultctl: commands, flags, mounts, engines, secrets and"
    " migrations, as they are in the state.\n\n"
    "    $ source <(vaultctl completion bash)\n"
    "    $ vaultctl completion fish > ~/.config/fish/completions/vaultctl.fish",
    arity=(1, 1),
    completes=("shell",),
)
