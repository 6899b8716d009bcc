"""hvac, the client of Python, on `vaultctl server -dev` and on a real OpenBao: the same comes of it."""

from collections.abc import Callable, Iterator

import hvac
import pytest
from hvac.exceptions import VaultError
from support import normal
from support.bao import ROOT_TOKEN, Bao, await_that

Steps = Iterator[object]


def mounts(client: hvac.Client) -> Steps:
    """The life of a secrets engine."""
    sys = client.sys
    yield sys.list_mounted_secrets_engines
    yield lambda: sys.enable_secrets_engine("kv", path="team", description="d", options={"version": "1"})
    yield lambda: sys.enable_secrets_engine("kv", path="team")
    yield lambda: sys.enable_secrets_engine("nosuch", path="x")
    yield lambda: sys.enable_secrets_engine(
        "kv", path="b", config={"default_lease_ttl": "1h", "max_lease_ttl": "2h"}, local=True, seal_wrap=True
    )
    yield lambda: sys.enable_secrets_engine("kv", path="c", config={"default_lease_ttl": "2h", "max_lease_ttl": "1h"})
    yield lambda: sys.read_mount_configuration("team")
    yield lambda: sys.read_mount_configuration("nosuch")
    yield lambda: sys.tune_mount_configuration(
        "team",
        default_lease_ttl="3600s",
        max_lease_ttl="8600s",
        description="new",
        audit_non_hmac_request_keys=["a"],
        audit_non_hmac_response_keys=["b"],
        listing_visibility="unauth",
        passthrough_request_headers=["X-A"],
        options={"k": "v"},
    )
    yield lambda: sys.tune_mount_configuration("team", default_lease_ttl="soon")
    yield lambda: sys.read_mount_configuration("team")
    yield lambda: client.read("sys/mounts/team")
    yield lambda: sys.retrieve_mount_option("secret", "version")
    yield lambda: sys.retrieve_mount_option("secret", "nosuch", "default")
    yield sys.list_mounted_secrets_engines
    yield lambda: sys.disable_secrets_engine("b")
    yield lambda: sys.disable_secrets_engine("nosuch")
    yield lambda: sys.disable_secrets_engine("sys")
    yield sys.list_mounted_secrets_engines


def moves(client: hvac.Client) -> Steps:
    """A mount goes to another path with all that it holds; OpenBao does that after it has answered."""
    sys, kv = client.sys, client.secrets.kv.v1
    yield lambda: sys.enable_secrets_engine("kv", path="old")
    yield lambda: kv.create_or_update_secret("a", {"k": "v"}, mount_point="old")
    yield lambda: _moved(client, "old", "new/place")
    yield lambda: kv.read_secret("a", mount_point="new/place")
    yield lambda: kv.read_secret("a", mount_point="old")
    yield lambda: sys.move_backend("nosuch", "x")
    yield lambda: sys.move_backend("new/place", "secret")
    yield lambda: sys.move_backend("sys", "x")
    yield lambda: client.read("sys/remount/status/nosuch")
    yield sys.list_mounted_secrets_engines


def _moved(client: hvac.Client, source: str, target: str) -> object:
    answer = client.sys.move_backend(source, target)
    migration = answer["migration_id"]

    def status() -> object:
        return client.read(f"sys/remount/status/{migration}")["data"]["migration_info"]

    await_that(lambda: status()["status"] != "in-progress")
    return sorted(answer), {name: status()[name] for name in ("source_mount", "target_mount", "status")}


def version_1(client: hvac.Client) -> Steps:
    """kv of version 1."""
    kv = client.secrets.kv.v1
    client.sys.enable_secrets_engine("kv", path="one", options={"version": "1"})
    yield lambda: kv.read_secret("a", mount_point="one")
    yield lambda: kv.list_secrets("", mount_point="one")
    yield lambda: kv.create_or_update_secret("a", {"k": "v", "n": 1, "z": None, "l": [1.5]}, mount_point="one")
    yield lambda: kv.create_or_update_secret("a/b", {"ttl": "1h"}, method="PUT", mount_point="one")
    yield lambda: kv.create_or_update_secret("empty", {}, mount_point="one")
    yield lambda: kv.read_secret("a", mount_point="one")
    yield lambda: kv.read_secret("a/b", mount_point="one")
    yield lambda: kv.list_secrets("", mount_point="one")
    yield lambda: kv.list_secrets("a", mount_point="one")
    yield lambda: kv.list_secrets("nosuch", mount_point="one")
    yield lambda: kv.delete_secret("a", mount_point="one")
    yield lambda: kv.delete_secret("a", mount_point="one")
    yield lambda: kv.read_secret("a", mount_point="one")
    yield lambda: client.write_data("one/w", data={"x": "\u00e9<&>"})
    yield lambda: client.read("one/w")
    yield lambda: client.list("one")
    yield lambda: client.delete("one/w")
    yield lambda: client.read("one/w")
    yield lambda: client.read("nosuch/w")
    yield lambda: client.write_data("nosuch/w", data={"x": "y"})


def version_2(client: hvac.Client) -> Steps:
    """kv of version 2: versions, check-and-set, deletion and its undoing."""
    kv = client.secrets.kv.v2
    yield kv.read_configuration
    yield lambda: kv.configure(max_versions=3, cas_required=False, delete_version_after="10h")
    yield kv.read_configuration
    yield lambda: kv.configure(max_versions=0, delete_version_after="0s")
    yield lambda: kv.read_secret_version("a", raise_on_deleted_version=True)
    yield lambda: kv.create_or_update_secret("a", {"k": "v1"}, cas=0)
    yield lambda: kv.create_or_update_secret("a", {"k": "v2", "l": [1, {"x": None}]}, cas=0)
    yield lambda: kv.create_or_update_secret("a", {"k": "v2", "other": "w"}, cas=1)
    yield lambda: kv.patch("a", {"k": "v3"})
    yield lambda: kv.patch("nosuch", {"k": "v3"})
    yield lambda: kv.read_secret_version("a", raise_on_deleted_version=True)
    yield lambda: kv.read_secret_version("a", version=1, raise_on_deleted_version=True)
    yield lambda: kv.read_secret_version("a", version=9, raise_on_deleted_version=True)
    yield lambda: kv.read_secret_metadata("a")
    yield lambda: kv.delete_latest_version_of_secret("a")
    yield lambda: kv.read_secret_version("a", raise_on_deleted_version=True)
    yield lambda: kv.read_secret_version("a", raise_on_deleted_version=False)
    yield lambda: kv.undelete_secret_versions("a", [3])
    yield lambda: kv.read_secret_version("a", raise_on_deleted_version=True)
    yield lambda: kv.delete_secret_versions("a", [1, 2])
    yield lambda: kv.destroy_secret_versions("a", [1])
    yield lambda: kv.undelete_secret_versions("a", [1, 2])
    yield lambda: kv.read_secret_metadata("a")
    yield lambda: kv.update_metadata("a", max_versions=2, cas_required=True, custom_metadata={"who": "me"})
    yield lambda: kv.create_or_update_secret("a", {"k": "v"})
    yield lambda: kv.create_or_update_secret("a", {"k": "v"}, cas=3)
    yield lambda: kv.read_secret_metadata("a")
    yield lambda: kv.create_or_update_secret("b/c", {"k": "v"})
    yield lambda: kv.list_secrets("")
    yield lambda: kv.list_secrets("b")
    yield lambda: kv.list_secrets("nosuch")
    yield lambda: kv.delete_metadata_and_all_versions("a")
    yield lambda: kv.read_secret_metadata("a")
    yield lambda: kv.create_or_update_secret("a", {"k": "v"}, mount_point="nosuch")
    yield lambda: client.read("secret/a")


def wrapping(client: hvac.Client) -> Steps:
    """Answers that wait under a token, and what opens them."""
    sys, token = client.sys, client.auth.token

    def wrapped(**options: str) -> str:
        return str(sys.wrap({"k": "v"}, **options)["wrap_info"]["token"])

    yield lambda: sys.wrap({"k": "v"}, ttl=120)
    yield lambda: sys.unwrap(wrapped())
    yield lambda: sys.unwrap("s.nosuch")
    yield lambda: client.write_data("sys/wrapping/lookup", data={"token": wrapped()})
    yield lambda: client.write_data("sys/wrapping/rewrap", data={"token": wrapped()})
    yield lambda: client.write_data("secret/data/a", data={"data": {"k": "v"}}, wrap_ttl="10s")
    yield lambda: client.read("secret/data/a", wrap_ttl="10s")
    yield lambda: token.create(ttl="1h", wrap_ttl="10s")
    made = token.create(ttl="1h", policies=["default"], wrap_ttl="60s")["wrap_info"]
    yield lambda: normal.without_age(token.lookup_accessor(made["wrapped_accessor"])["data"])
    yield lambda: normal.without_age(token.lookup_accessor(made["accessor"])["data"])
    yield lambda: sys.unwrap(made["token"])
    yield lambda: sys.unwrap(made["token"])
    yield lambda: token.lookup_accessor(made["accessor"])
    own = hvac.Client(url=client.url, token=wrapped(), allow_redirects=False)
    with own.session:
        yield own.sys.unwrap
        yield own.sys.unwrap


def the_server(client: hvac.Client) -> Steps:
    """What hvac asks of the server itself, and with what else than a good token."""
    sys = client.sys
    health = {"initialized", "sealed", "standby", "replication_performance_mode", "replication_dr_mode"}
    yield lambda: {name: sys.read_health_status(method="GET")[name] for name in sorted(health)}
    yield lambda: sys.read_health_status(method="HEAD").status_code
    yield lambda: sys.read_health_status(method="GET", active_code=299).status_code
    yield sys.read_leader_status
    yield sys.is_initialized
    yield sys.is_sealed
    yield lambda: sys.read_seal_status()["sealed"]
    yield lambda: sys.initialize(1, 1)
    for token in ("", "wrong"):
        client.token = token
        yield sys.list_mounted_secrets_engines
        yield lambda: client.secrets.kv.v2.read_secret_version("a", raise_on_deleted_version=True)
        yield sys.read_leader_status
    client.token = ROOT_TOKEN
    client.adapter.namespace = "nosuch"
    yield sys.list_mounted_secrets_engines
    yield sys.read_leader_status


SCRIPTS = [mounts, moves, version_1, version_2, wrapping, the_server]


@pytest.mark.filterwarnings("ignore:The raise_on_deleted_version parameter")
@pytest.mark.parametrize("script", SCRIPTS)
def test_hvac_gets_the_same(script, bao, ours):
    """Each call gives the same value, or raises the same error, on both servers."""
    assert _outcomes(script, ours) == _outcomes(script, bao)


def _outcomes(script: Callable[[hvac.Client], Steps], server: Bao) -> list[object]:
    client = hvac.Client(url=server.env["BAO_ADDR"], token=ROOT_TOKEN, allow_redirects=False)
    with client.session:
        return [(number, _outcome(call)) for number, call in enumerate(script(client))]


def _outcome(call: Callable[[], object]) -> object:
    try:
        came = call()
    except VaultError as error:
        return type(error).__name__, normal.deep(error.errors), normal.deep(error.json)
    if hasattr(came, "status_code"):
        return came.status_code, came.content
    return normal.deep(came)
