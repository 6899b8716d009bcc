"""`vaultctl mounts tune`: another configuration for a secrets engine."""

from vaultctl.cli.commands.secrets.tune import declare

COMMAND = declare("mounts")
