"""vaultctl on a real cluster of three nodes: through any of them, and when the leader dies in the middle of a move."""

import json
import signal

import pytest
from support.cluster import clustered

from vaultctl.client import sys
from vaultctl.client.client import Client
from vaultctl.connect import connect

pytestmark = pytest.mark.xdist_group("cluster")
"""One process runs all of these, or else each would have a cluster of its own."""

LOGINS = 60
"""A move revokes so many tokens one after another, each in a commit of three nodes: that takes a second or more."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A cluster for all tests of this file."""
    with clustered(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running):
    """The cluster, with all its nodes."""
    running.make_whole()
    return running


def on(cluster, node, **more):
    """Give the environment of a command on a node."""
    return {"VAULT_ADDR": node.address, "VAULT_TOKEN": cluster.token, **more}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_commands_work_through_any_node(cluster, fresh, number):
    """A node that does not lead hands writes on, and answers reads."""
    node, path = cluster.nodes[number], f"through-{number}/"
    env = on(cluster, node)
    assert fresh("secrets", "enable", f"-path={path}", "kv", env=env).code == 0
    cluster.await_mount(path, node)
    for args in (["kv", "put", f"{path}a", "k=v"], ["secrets", "tune", "-description=d", path], ["status"]):
        assert fresh(*args, env=env).code == 0, args
    listed = json.loads(fresh("secrets", "list", "-format=json", env=env).out)
    moved = fresh("secrets", "move", path, f"moved-{number}/", env=env)
    assert (path in listed, moved.code, moved.out.count("\n")) == (True, 0, 2), moved
    knows = f"moved-{number}/" in cluster.mounts(node=node)
    assert knows == (moved.err == "") == (f"does not list moved-{number}/" not in moved.err), moved
    assert (path in cluster.mounts(), f"moved-{number}/" in cluster.mounts()) == (False, True)
    assert fresh("secrets", "disable", f"moved-{number}", env=env).code == 0


def test_what_was_written_can_be_used_at_once(cluster, monkeypatch):
    """Through one connection a standby never answers with less than what was written through it before."""
    standby = cluster.standbys()[0]
    connection = connect({"HOME": "/nonexistent", **on(cluster, standby)})
    client = Client(connection, token=connection.token)
    for number in range(10):
        sys.enable(client, f"at-once-{number}", {"type": "kv"})
        client.call("PUT", f"at-once-{number}/a", {"k": str(number)})
        assert client.call("GET", f"at-once-{number}/a").data == {"k": str(number)}
        sys.disable(client, f"at-once-{number}")
    connection.close()


def test_a_move_can_be_asked_after_at_any_node(cluster, fresh):
    """Only the leader knows of a move, and whichever node is addressed, it is the leader that is asked."""
    leader, (first, second) = cluster.leader(), cluster.standbys()
    leader.ask("POST", "sys/mounts/asked", {"type": "kv"}, cluster.token)
    started = fresh("remount", "start", "-format=json", "asked", "after", env=on(cluster, first))
    migration_id = json.loads(started.out)["migration_id"]
    for node in (leader, first, second):
        watched = fresh("remount", "watch", migration_id, env=on(cluster, node))
        assert (watched.code, watched.out.startswith("Success! Finished moving")) == (0, True), watched
        status = json.loads(fresh("remount", "status", "-format=json", migration_id, env=on(cluster, node)).out)
        assert (status["source_mount"], status["status"]) == ("asked/", "success")
        listed = json.loads(fresh("remount", "list", "-format=json", env=on(cluster, node)).out)
        assert [(move["migration_id"], move["status"]) for move in listed] == [(migration_id, "success")]
    assert fresh("remount", "watch", "no-such-move", env=on(cluster, first)).code == 2


@pytest.mark.parametrize("addressed", ["leader", "standby"])
def test_the_leader_dies_in_the_middle_of_a_move(cluster, vaultctl, fresh, addressed):
    """The next leader is found, where the engine is now is told, and the command that goes on does."""
    source, target = f"auth/before-{addressed}/", f"auth/after-{addressed}/"
    cluster.approle(f"before-{addressed}", LOGINS)
    leader = cluster.leader()
    node = leader if addressed == "leader" else cluster.standbys()[0]
    child = vaultctl.start("secrets", "move", source, target, env=on(cluster, node))
    started = child.stdout.readline()
    leader.kill()
    out, err = child.communicate()
    migration_id = started.split()[-1]
    assert (child.returncode, started.startswith("Started moving"), out) == (2, True, ""), err
    assert f"{cluster.leader().address} leads now" in err
    assert "The server has forgotten the move" in err
    assert f"the engine is still at {source}, and tainted" in err
    where = f"-address={cluster.leader().address} " if addressed == "leader" else ""
    go_on = f"vaultctl secrets move {where}{source} {target}"
    assert err.endswith(f"go on with: {go_on}\n")

    env = on(cluster, cluster.leader())
    listed = json.loads(fresh("remount", "list", "-format=json", env=env).out)
    assert [(move["migration_id"], move["status"]) for move in listed] == [(migration_id, "failure")]
    watched = fresh("remount", "watch", migration_id, env=env)
    assert (watched.code, go_on in watched.err) == (2, True), watched
    assert fresh(*go_on.split()[1:], env=env).code == 0
    assert target.removeprefix("auth/") in cluster.mounts("sys/auth")
    assert cluster.token not in (fresh.data / "remote-moves.jsonl").read_text()


def test_ctrl_c_leaves_the_move_to_be_watched(cluster, vaultctl, fresh):
    """The move goes on, and can be watched: also when another node leads, which knows of it by nothing but its end."""
    cluster.approle("stopped", LOGINS)
    leader = cluster.leader()
    child = vaultctl.start("secrets", "move", "auth/stopped", "auth/watched", env=on(cluster, leader))
    migration_id = child.stdout.readline().split()[-1]
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert (child.returncode, err) == (
        130,
        f"\ninterrupted; the move goes on: vaultctl remount watch {migration_id}\n",
    )
    late = fresh("remount", "watch", "-timeout=1ms", migration_id, env=on(cluster, leader))
    assert (late.code, f"follow it with: vaultctl remount watch {migration_id}" in late.err) == (2, True), late

    cluster.await_done(leader, migration_id)
    leader.kill()
    env = on(cluster, cluster.leader())
    watched = fresh("remount", "watch", migration_id, env=env)
    assert (watched.code, watched.out.startswith("Success! Finished moving"), watched.err) == (
        0,
        True,
        "vaultctl: the server has forgotten the move, and the engine is at auth/watched/ now, and in use\n",
    )
    status = json.loads(fresh("remount", "status", "-format=json", migration_id, env=env).out)
    assert (status["status"], status["source_mount"]) == ("success", "auth/stopped/")
