"""`vaultctl unwrap`: what a wrapping token stands for."""

from vaultctl.cli import unwrapping

COMMAND = unwrapping.declare("unwrap")
