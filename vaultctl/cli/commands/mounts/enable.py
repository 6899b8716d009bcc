"""`vaultctl mounts enable`: a new secrets engine."""

from vaultctl.cli.commands.secrets.enable import declare

COMMAND = declare("mounts")
