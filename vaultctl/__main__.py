"""`python -m vaultctl` is `vaultctl`."""

from vaultctl.cli.main import main

main()
