"""`vaultctl mounts disable`: a secrets engine and all that it holds, gone."""

from vaultctl.cli.commands.secrets.disable import declare

COMMAND = declare("mounts")
