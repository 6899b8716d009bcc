"""-output-curl-string and -output-policy, beside the real bao's."""

import re
import subprocess

import pytest
from support.lines import line

LINES = [
    line("secrets list"),
    line("secrets list -format=json"),
    line("secrets list -ns=team -header=X-A=b"),
    line("secrets enable kv"),
    line("secrets enable -path=x -description", "it's <a> & b", "kv"),
    line(
        "secrets enable -path=/p/ -version=2 -options=b=a -default-lease-ttl=90m -max-lease-ttl=2h"
        " -audit-non-hmac-request-keys=a -passthrough-request-headers=X -allowed-response-headers=Y"
        " -listing-visibility=hidden -force-no-cache -local -seal-wrap -external-entropy-access kv"
    ),
    line("secrets tune a"),
    line("token create -ttl=-0.5s -period=1.5s -explicit-max-ttl=100us"),
    line("token create -ttl=1.0000001s -period=2562047h -explicit-max-ttl=26h1m"),
    line("secrets enable -default-lease-ttl=-1 -max-lease-ttl=-0.5s kv"),
    line("secrets enable -default-lease-ttl=0.5s -max-lease-ttl=system kv"),
    line("secrets tune -default-lease-ttl=1.5s -max-lease-ttl=-0.5s a"),
    line("auth enable -token-type=batch -max-lease-ttl=-1 userpass"),
    line("auth tune -token-type=batch -plugin-version=x -max-lease-ttl=90m a"),
    line("auth tune -user-lockout-duration=1.5s -user-lockout-threshold=3 a"),
    line("auth tune -user-lockout-duration=-1.5s -user-lockout-counter-reset-duration=0 a"),
    line("secrets tune -description= -max-lease-ttl=-1 -default-lease-ttl=1h -options=z=1 -options=b=2 -version=2 a"),
    line("secrets move a b/"),
    line("secrets move", " /b", "/c/ "),
    line("secrets disable", "/x/ "),
    line("kv put secret/a z=1 a=2"),
    line("kv put -cas=0 secret/a k=$HOME"),
    line("kv get -version=2 secret/a"),
    line("kv list secret"),
    line("kv scan secret/a"),
    line("kv patch secret/a k=v"),
    line("kv patch -method=rw secret/nosuch k=v"),
    line("kv delete secret/a"),
    line("kv delete -versions=1,2 secret/a"),
    line("kv undelete -versions=1 secret/a"),
    line("kv destroy -versions=1 secret/a"),
    line("kv rollback -version=1 secret/a"),
    line("kv metadata get secret/a"),
    line("kv metadata put -custom-metadata=a=b -delete-version-after=5m -cas-required secret/a"),
    line("kv metadata delete secret/a"),
    line("kv get nosuch/a"),
    line("read secret/data/x a=b", "c=d e"),
    line("read", "a/\u00fc x?"),
    line("read sys/rotate"),
    line("list -limit=5 secret/x"),
    line("scan secret/x"),
    line("write a/b -", stdin=b'{"n": 1.10, "z": {"b": [1, 2]}, "a": null}'),
    line("write -f a/b"),
    line("write sys/remount"),
    line("patch a/b k=v"),
    line("delete secret/x a=b"),
    line("status"),
    line("operator init"),
    line("operator init -status"),
    line("operator init -key-shares=1 -key-threshold=1 -recovery-shares=2"),
    line("operator unseal KEY"),
    line("operator unseal -reset"),
    line("operator rotate-keys -init"),
    line("operator rekey -init -n=3 -t=2 -verify"),
    line("operator generate-root -init"),
    line("operator key-status"),
    line("operator seal"),
    line("operator rotate"),
    line("operator generate-root -cancel"),
    line("operator rotate-keys -cancel"),
    line("kv metadata put secret/a"),
    line("write -f sys/seal"),
    line("write -f auth/token/revoke-self"),
    line("write -f secret/metadata/a"),
    line("token revoke -self"),
    line("token renew"),
    line("namespace lock n1"),
    line("namespace lock"),
    line("namespace unlock -unlock-key=x n1"),
    line("lease revoke x"),
    line("lease revoke -prefix x"),
    line("lease revoke -prefix -sync x"),
    line("write sys/leases/revoke-prefix/x sync=true"),
    line("path-help sys/mounts"),
    line("print token"),
    line("secrets list extra"),
]


GROUPS = ("auth", "kv", "lease", "namespace", "operator", "print", "secrets", "token")


@pytest.mark.parametrize("flag", ["-output-curl-string", "-output-policy"])
def test_what_is_shown_is_what_bao_shows(bao, fresh, flag):
    """Each line shows the request of bao's, whose headers have no order."""
    theirs, ours = [], []
    for one in LINES:
        words, at = [*one.args], 2 if one.args[0] in GROUPS else 1
        at += one.args[1:2] == ("metadata",)
        words.insert(at, flag)
        theirs.append((words, _sorted(bao.run(*words, stdin=one.stdin))))
        ours.append((words, _sorted(fresh(*words, stdin=one.stdin, env=bao.env))))
    for own, true in zip(ours, theirs, strict=True):
        assert own == true


ODD = "n$(id)`id`$HOME\"q\\\\z'!x"


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:1", "http://127.0.0.1:1/$(id)"])
def test_a_shell_finds_nothing_to_do_in_what_is_shown(fresh, address):
    """Header, namespace, path and address get to curl as they were given, be they what a shell would heed."""
    env = {"VAULT_ADDR": address, "VAULT_TOKEN": "t"} if address else {}
    args = ("read", "-output-curl-string", f"-namespace={ODD}", f"-header=X-Odd={ODD}", "a/$HOME!x", "k=$(id)")
    ran = fresh(*args, env=env)
    assert ran.code == 0
    came = _as_curl_gets_it(ran.out)
    assert f"X-Vault-Namespace: {ODD}/" in came or f"X-Vault-Namespace: {ODD}" in came
    assert f"X-Odd: {ODD}" in came
    assert came[-1].startswith((address or "http://the-address") + "/v1/a/$HOME")
    assert "X-Vault-Token: the-token" in came


def _as_curl_gets_it(command):
    """Give the words that a shell hands to curl."""
    stand_ins = (
        "curl() { printf '%s\\n' \"$@\"; }; vaultctl() { echo the-token; }; VAULT_ADDR=http://the-address; HOME=x\n"
    )
    done = subprocess.run(["sh", "-c", stand_ins + command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_local_state_has_no_address(here):
    """On the local state the place of the address is left to the shell."""
    ran = here("secrets", "list", "-output-curl-string")
    assert (ran.code, '"$VAULT_ADDR/v1/sys/mounts"' in ran.out) == (0, True)
    assert here("secrets", "disable", "-output-policy", "secret").out.startswith('path "sys/mounts/secret" {')
    assert "secret/" in here("secrets", "list").out


def _sorted(ran):
    headers = sorted(re.findall(r'-H "[^"]*"', ran.out))
    out = re.sub(r'(-H "[^"]*" ?)+', lambda _: " ".join(headers) + " ", ran.out)
    return ran.code, out.replace("$(bao print", "$(vaultctl print"), ran.err.rstrip("\n")
