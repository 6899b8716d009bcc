"""The journal of moves on remotes: what is written down here, and that it stands in no move's way."""

import json
import stat

import pytest
from support.answering import answering, says

NAME = "remote-moves.jsonl"


@pytest.fixture
def client(fresh, bao):
    """The program as a client of the real OpenBao."""

    def run(*args, env=None):
        return fresh(*args, env={**bao.env, "HOME": str(fresh.home), **(env or {})})

    return run


def listed(client, **env):
    """Give the moves that are listed, from the machine's form of the list."""
    return json.loads(client("remount", "list", "-format=json", env=env).out)


def test_a_move_is_written_down(client, fresh, bao):
    """Where, what, when and how it ended is kept in a file of the owner's alone, and no token; no state is made."""
    assert client("secrets", "move", "secret", "elsewhere").code == 0
    (entry,) = [json.loads(text) for text in (fresh.data / NAME).read_text().splitlines()]
    assert (entry["address"], entry["namespace"]) == (bao.env["BAO_ADDR"], "")
    assert (entry["source_mount"], entry["target_mount"], entry["status"]) == ("secret/", "elsewhere/", "success")
    assert entry["started"] <= entry["updated"] == entry["ended"]
    assert entry["accessor"].startswith("kv_")
    assert stat.S_IMODE((fresh.data / NAME).stat().st_mode) == 0o600
    assert sorted(path.name for path in fresh.data.iterdir()) == [NAME, f"{NAME}.lock"]
    assert bao.env["BAO_TOKEN"] not in [*entry.values()]


def test_the_moves_of_a_remote_are_listed(client, bao):
    """In a table and for machines; those of another remote are not among them."""
    client("secrets", "move", "secret", "b")
    started = json.loads(client("remount", "start", "-format=json", "b", "c").out)["migration_id"]
    bao.await_kv("c/")
    first, second = listed(client)
    assert (first["source_mount"], first["target_mount"], first["status"]) == ("secret/", "b/", "success")
    assert (second["migration_id"], second["status"]) == (started, "success")
    table = client("remount", "list", "-columns=id,source,status,namespace", "-sort=-source")
    assert [row.split()[1:] for row in table.out.splitlines()[2:]] == [
        ["secret/", "success", "n/a"],
        ["b/", "success", "n/a"],
    ]
    with answering(says(404, '{"errors": []}')) as other:
        assert listed(client, BAO_ADDR=other.address) == []


def test_a_list_without_the_remote(client, bao):
    """Where nothing answers, what was written down of that address is listed, and that is said."""
    with answering(says(404, '{"errors": []}')) as gone:
        pass
    ran = client("remount", "list", env={"BAO_ADDR": gone.address})
    assert (ran.code, "does not answer" in ran.err) == (0, True)


def test_an_agent_is_not_left(client):
    """Behind an agent no leader is looked for: it says itself whom it asks, and may have a token that we have not."""
    answers = iter(["in-progress", "in-progress", "success"])

    def reply(text):
        if "sys/leader" in text:
            leader = {"ha_enabled": True, "is_self": False, "leader_address": "http://127.0.0.1:1"}
            return says(200, json.dumps(leader))
        if "sys/remount/status/m" in text:
            info = {"source_mount": "a/", "target_mount": "b/", "status": next(answers)}
            return says(200, json.dumps({"request_id": "r", "data": {"migration_id": "m", "migration_info": info}}))
        if text.startswith("PUT /v1/sys/remount "):
            return says(200, '{"request_id": "r", "data": {"migration_id": "m"}}')
        return says(404, '{"errors": []}')

    with answering(reply) as agent:
        ran = client("secrets", "move", "a", "b", env={"BAO_AGENT_ADDR": agent.address})
    assert (ran.code, ran.err) == (0, ""), ran


def test_a_failed_move_is_written_down(client, bao):
    """A move that the remote ends as a failure is one in the journal too."""

    def reply(text):
        if "sys/remount/status/m" in text:
            info = {"source_mount": "a/", "target_mount": "b/", "status": "failure"}
            return says(200, json.dumps({"request_id": "r", "data": {"migration_id": "m", "migration_info": info}}))
        if text.startswith("PUT /v1/sys/remount "):
            return says(200, '{"request_id": "r", "data": {"migration_id": "m"}}')
        return says(404, '{"errors": []}')

    with answering(reply) as server:
        ran = client("secrets", "move", "a", "b", env={"BAO_ADDR": server.address})
        assert (ran.code, "no reason is given" in ran.err) == (2, True)
        assert [move["status"] for move in listed(client, BAO_ADDR=server.address)] == ["failure"]


@pytest.mark.parametrize("broken", ["a file", "anybody's"])
def test_what_cannot_be_written_down_is_moved_all_the_same(client, fresh, bao, broken):
    """A data folder that is none, or not ours alone, is said to be so, and stops no move."""
    if broken == "a file":
        fresh.data.write_text("")
    else:
        fresh.data.mkdir()
        fresh.data.chmod(0o777)
    ran = client("secrets", "move", "secret", "b")
    assert (ran.code, ran.out.count("\n")) == (0, 2)
    assert "the move is not written down, and goes on" in ran.err
    assert ran.err.count("\n") == 1, ran.err
    bao.await_kv("b/")


def test_a_state_can_be_made_beside_it(client, fresh):
    """A journal in the data folder is no state, and does not keep one from being made."""
    assert client("secrets", "move", "secret", "b").code == 0
    assert fresh("kv", "put", "secret/a", "k=v").code == 0
    assert fresh("kv", "get", "-field=k", "secret/a").out == "v"
    assert len(json.loads(fresh("remount", "list", "-format=json").out)) == 0


def test_the_journal_does_not_grow_for_ever(client, fresh):
    """The newest thousand moves are kept, and what is no line of it is let go of."""
    fresh.data.mkdir(mode=0o700)
    old = [json.dumps({"migration_id": f"old-{number}", "status": "success"}) for number in range(1005)]
    (fresh.data / NAME).write_text("\n".join(["no line", "[]", '{"status": 1}', *old]))
    assert client("secrets", "move", "secret", "b").code == 0
    lines = [json.loads(text) for text in (fresh.data / NAME).read_text().splitlines()]
    assert (len(lines), lines[0]["migration_id"], lines[-1]["target_mount"]) == (1000, "old-6", "b/")


def test_many_may_write_at_once(vaultctl, bao):
    """No process loses what another one writes down."""
    for number in range(6):
        bao.run("secrets", "enable", f"-path=a{number}", "kv")
    env = {**bao.env, "HOME": str(vaultctl.home)}
    children = [vaultctl.start("secrets", "move", f"a{number}", f"b{number}", env=env) for number in range(6)]
    assert [(child.communicate()[1], child.returncode) for child in children] == [("", 0)] * 6
    noted = [json.loads(text) for text in (vaultctl.data / NAME).read_text().splitlines()]
    assert sorted(move["target_mount"] for move in noted) == [f"b{number}/" for number in range(6)]
    assert {move["status"] for move in noted} == {"success"}


def test_a_move_begun_elsewhere_is_written_down_when_it_is_watched(client, fresh):
    """Who follows a move to its end can see later how it ended."""
    answers = iter(["in-progress", "in-progress", "success"])

    def reply(text):
        if "sys/remount/status" in text:
            info = {"source_mount": "a/", "target_mount": "b/", "status": next(answers)}
            return says(200, json.dumps({"request_id": "r", "data": {"migration_id": "m", "migration_info": info}}))
        return says(404, '{"errors": []}')

    with answering(reply) as server:
        assert client("remount", "watch", "m", env={"BAO_ADDR": server.address}).code == 0
    (entry,) = [json.loads(text) for text in (fresh.data / NAME).read_text().splitlines()]
    assert (entry["migration_id"], entry["target_mount"], entry["status"]) == ("m", "b/", "success")


def test_what_the_remote_forgot_is_told_by_the_journal(client, bao):
    """After the server has forgotten a move, its status and its end are still known; of others nobody knows."""
    assert client("secrets", "move", "secret", "b").code == 0
    (move,) = listed(client)

    def forgetful(text):
        return says(404, '{"errors": []}')

    with answering(forgetful) as server:
        env = {"BAO_ADDR": server.address}
        status = client("remount", "status", "-format=json", move["migration_id"], env=env)
        assert (json.loads(status.out)["status"], status.code) == ("success", 0)
        watched = client("remount", "watch", move["migration_id"], env=env)
        assert (watched.code, watched.out.startswith("Success! Finished moving secrets engine secret/ to b/")) == (
            0,
            True,
        )
        assert client("remount", "status", "no-such-move", env=env).code == 2


def test_a_move_is_not_looked_for_on_another_server(client, fresh):
    """What was begun on one server is not judged by what is on another."""
    fresh.data.mkdir(mode=0o700)
    move = {"source_mount": "a/", "target_mount": "b/", "status": "in-progress", "address": "http://elsewhere"}
    (fresh.data / NAME).write_text(json.dumps({"migration_id": "m", "cluster_id": "c", **move}) + "\n")
    for word in ("status", "watch"):
        ran = client("remount", word, "m")
        assert (ran.code, "was made on http://elsewhere" in ran.err) == (2, True), ran
    assert json.loads((fresh.data / NAME).read_text())["status"] == "in-progress"
