"""`vaultctl mounts list`: the secrets engines that are enabled."""

from vaultctl.cli.commands.secrets.list import declare

COMMAND = declare("mounts")
