"""`vaultctl auth disable`: an auth method and all that it holds, gone, and its tokens revoked."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.client import auth


def run(run: Run) -> None:
    """Disable a method, if there is one."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0].strip().strip("/"))
    run.env.doing = f"Error disabling auth method at {path}"
    answer = auth.disable(run.client, path)
    run.env.warn(answer.warnings)
    if fmt == "table":
        run.env.out(f"Success! Disabled the auth method (if it existed) at: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": "disabled"})


COMMAND = command(
    "disable",
    run,
    usage="auth disable [options] PATH",
    short_help="Disable an auth method",
    help="Disables the auth method at PATH. All that it holds is removed, and the tokens that it gave are revoked. That"
    " there is none is no error.",
    arity=(1, 1),
    completes=("auth mount",),
    loses=True,
    flags=(FORMAT,),
)
