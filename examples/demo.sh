#!/usr/bin/env bash
# A secrets engine's life without a server: enable, write, tune, list, move, read again, check.
#
# Everything happens in a temporary folder, which is removed at the end: vaultctl is installed there as a user installs
# it, and its state is there too. Neither your own state nor your settings are touched. It stops at the first step that
# fails. Run it with `make demo`, or take the lines below `run` as examples.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for name in ${!VAULT@} ${!BAO@}; do
    unset "$name" # they may speak of a real cluster, or of your own state
done
export VAULTCTL_DATA_DIR=$folder/state
export VAULTCTL_CONFIG=$folder/config.toml
touch "$VAULTCTL_CONFIG"

echo "Installing vaultctl into a temporary folder ..."
"$project/scripts/make-venv" "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c "$project/constraints.txt" "$project"
export PATH=$folder/venv/bin:$PATH

# Show a command, and run it.
run() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

echo
echo "# The first command makes an encrypted state, with its key beside it. No set-up, no server."
run 'vaultctl secrets enable -path=team -description="secrets of the team" kv-v2'

echo
echo "# Write a secret. With '-' or '@file' its value stays out of the shell's history."
run 'printf %s "correct horse" | vaultctl kv put team/db user=app password=-'

echo
echo "# Tune the engine, and see what is enabled."
run 'vaultctl secrets tune -default-lease-ttl=1h -max-lease-ttl=24h team/'
run 'vaultctl secrets list'
run 'vaultctl read sys/mounts/team/tune'

echo
echo "# Move it. The data stays where it is: only the path changes."
run 'vaultctl secrets move team/ apps/team/'

echo
echo "# The secret is at the new path, and nothing is at the old one."
run 'vaultctl kv get apps/team/db'
run 'test "$(vaultctl kv get -field=password apps/team/db)" = "correct horse"'
run '! vaultctl kv get team/db'

echo
echo "# The move is remembered, and the state is whole."
run 'vaultctl remount list'
run 'vaultctl operator check'

echo
echo "Done. Nothing of this is left on the disk."
