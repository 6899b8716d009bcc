"""`vaultctl wrapping wrap`: data, to be had once for a token."""

from vaultctl.cli import output, values
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.client import wrapping
from vaultctl.client.client import WRAP_TTL_S


def run(run: Run) -> None:
    """Wrap the words' data. Raises: Misuse, VaultError."""
    fmt = run.format()
    if not run.args:
        raise Misuse("Must supply data")
    data = values.parse(run.args)
    if not (run.common.wrap_ttl_s or run.env.variable("WRAP_TTL") or run.common.shows):
        run.env.err(f"the token is good for {WRAP_TTL_S:.0f} s: neither -wrap-ttl nor VAULT_WRAP_TTL says otherwise")
    output.secret(run.env, fmt, wrapping.wrap(run.client, data), run["field"])


COMMAND = command(
    "wrap",
    run,
    usage="wrapping wrap [options] DATA",
    short_help="Wrap data",
    help="Prints a token that DATA can be had for, once, within -wrap-ttl or else within 300 seconds. DATA is"
    " KEY=VALUE; a value of @FILE is read from a file, - from stdin. @FILE alone is a JSON object, and so is -. To wrap"
    " what a command answers, give that command -wrap-ttl.\n\n"
    "    $ vaultctl wrapping wrap -wrap-ttl=1h password=@pw.txt",
    doing="Error wrapping",
    arity=(0, None),
    flags=(FORMAT, FIELD, GITHUB),
)
