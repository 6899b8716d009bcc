"""`python -m vaultctl` is `vaultctl`."""

from vaultctl.cli.start import main

main()
