"""`vaultctl wrapping unwrap`: another name of `vaultctl unwrap`."""

from vaultctl.cli import unwrapping

COMMAND = unwrapping.declare("wrapping unwrap")
