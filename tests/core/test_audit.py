"""The audit of requests: what is recorded, what is not in clear, and what happens where nothing can be recorded."""

import os
import resource

import pytest
from support.audits import OWNED, ask, audited, enable, enable_full, lines, refused
from support.places import ON_DISK
from support.states import NOW_S, ROOT_TOKEN, make_core, open_core

from vaultctl.core.auditing import Rules
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.storage.memory import Memory

CANARY = "canary-5e1d0b77"
READ, LIST, UPDATE, DELETE = Operation.READ, Operation.LIST, Operation.UPDATE, Operation.DELETE


@pytest.fixture
def log(tmp_path):
    """Where a device writes."""
    return tmp_path / "audit" / "log"


@pytest.fixture
def core(log):
    """A core of an owner, with a device."""
    return audited(make_core(Memory(), **OWNED), log)


def _kinds(log):
    return [(entry["type"], entry["request"]["operation"], entry["request"]["path"]) for entry in lines(log)]


def _token(core, *policies):
    ask(core, UPDATE, "sys/policies/acl/reader", policy='path "secret/*" { capabilities = ["read"] }')
    made = ask(core, UPDATE, "auth/token/create", policies=list(policies), no_default_policy=True)
    return made.auth["client_token"]


def test_each_request_is_two_entries(place, log):
    """A write, a read and a listing are an entry each before and after, in every backend."""
    core = audited(make_core(place.open(), **OWNED), log)
    ask(core, UPDATE, "secret/data/a", data={"k": "v"})
    ask(core, UPDATE, "secret/data/a", data={"k": "v"})
    ask(core, READ, "secret/data/a")
    ask(core, LIST, "secret/metadata")
    asked = [
        ("create", "secret/data/a"),
        ("update", "secret/data/a"),
        ("read", "secret/data/a"),
        ("list", "secret/metadata/"),
    ]
    both = [(kind, *each) for each in asked for kind in ("request", "response")]
    enabling = [("request", "update", "sys/audit/test"), ("response", "update", "sys/audit/file")]
    assert _kinds(log) == [*enabling, *both]


@pytest.mark.parametrize("kind", ON_DISK)
def test_another_process_writes_to_the_same_devices(tmp_path, log, kind):
    """A core over a state that another one enabled a device on records, too."""
    from support.places import Place

    place = Place(kind, tmp_path)
    reader = make_core(place.open(), **OWNED)
    ask(reader, READ, "sys/mounts")
    audited(open_core(place.open(), **OWNED), log)
    ask(reader, READ, "sys/mounts")
    assert _kinds(log)[2:] == [("request", "read", "sys/mounts"), ("response", "read", "sys/mounts")]


def test_a_disabled_device_writes_no_more(core, log):
    """The request that disables a device is on it, and the answer is not."""
    ask(core, DELETE, "sys/audit/file")
    ask(core, READ, "sys/mounts")
    assert _kinds(log)[2:] == [("request", "delete", "sys/audit/file")]
    assert ask(core, READ, "sys/audit").data == {}


def test_nothing_secret_is_in_clear(core, log):
    """Neither data, nor query, nor a good, bad, made or listed token, nor an accessor is in the log."""
    token = _token(core, "reader")
    looked_up = ask(core, READ, "auth/token/lookup-self", ROOT_TOKEN).data
    ask(core, UPDATE, "secret/data/a", data={CANARY: [CANARY, {"x": CANARY}], "n": 5})
    ask(core, READ, "secret/data/a", token)
    refused(core, UPDATE, "secret/data/b", token, data={"k": CANARY})
    refused(core, READ, "secret/data/a", CANARY, list_of=CANARY)
    refused(core, UPDATE, "secret/config", max_versions=CANARY)
    refused(core, UPDATE, "secret/data/a", nodata=CANARY)
    ask(core, UPDATE, "auth/token/lookup", token=token)
    ask(core, LIST, "auth/token/accessors")
    text = log.read_text()
    shown = text.replace(f'"{CANARY}":', "")  # keys stand in clear, as OpenBao's do
    assert [secret for secret in (CANARY, token, ROOT_TOKEN, looked_up["accessor"]) if secret in shown] == []
    assert '"n":5' in shown


def test_raw_is_raw(log):
    """A device that is told to writes everything as it is."""
    core = audited(make_core(Memory(), **OWNED), log, log_raw="true")
    ask(core, UPDATE, "secret/data/a", data={"k": CANARY})
    asked = lines(log)[-1]["request"]
    assert asked["data"] == {"data": {"k": CANARY}}
    assert asked["client_token"] == ROOT_TOKEN


def test_the_hash_of_a_value_can_be_looked_up(core, log):
    """sys/audit-hash gives what stands in the entries, and another device has another hash."""
    ask(core, UPDATE, "secret/data/a", data={"k": CANARY})
    enable(core, "other", file_path="discard")
    there = lines(log)[3]["request"]["data"]["data"]["k"]
    assert ask(core, UPDATE, "sys/audit-hash/file", input=CANARY).data == {"hash": there}
    assert ask(core, UPDATE, "sys/audit-hash/other", input=CANARY).data != {"hash": there}


def test_keys_that_a_mount_names_stay_plain(core, log):
    """The mount's audit_non_hmac keys keep strings of the key itself, and of a list below it, as they are."""
    tuned = {"audit_non_hmac_request_keys": ["k", "l"], "audit_non_hmac_response_keys": ["l"]}
    ask(core, UPDATE, "sys/mounts/secret/tune", **tuned)
    ask(core, UPDATE, "secret/data/a", data={"k": "plain", "l": ["plain", {"x": CANARY}], "d": {"k": "plain"}})
    ask(core, READ, "secret/data/a")
    *_, written, _, _, read = lines(log)
    data = written["request"]["data"]["data"]
    assert (data["k"], data["l"][0], data["d"]) == ("plain", "plain", {"k": "plain"})
    answered = read["response"]["data"]["data"]
    assert answered["l"][0] == "plain"
    assert "plain" not in (answered["k"], answered["d"]["k"])
    assert CANARY not in log.read_text()


def test_accessors_and_lists_by_option(log):
    """Without hmac_accessor accessors are plain, and with elide_list_responses a listing is its length."""
    core = audited(make_core(Memory(), **OWNED), log, hmac_accessor="false", elide_list_responses="true")
    accessor = ask(core, READ, "auth/token/lookup-self").data["accessor"]
    ask(core, UPDATE, "secret/data/a", data={})
    ask(core, LIST, "secret/metadata")
    listed = lines(log)[-1]
    assert listed["auth"]["accessor"] == listed["request"]["client_token_accessor"] == accessor
    assert listed["response"]["data"] == {"keys": 1}


def test_refusals_are_recorded(core, log):
    """A bad token, a token without the right and a path without a mount are recorded, each with its error."""
    token = _token(core, "reader")
    before = len(lines(log))
    refused(core, READ, "secret/data/a", "bad")
    refused(core, UPDATE, "secret/data/a", token, data={})
    refused(core, READ, "nowhere/a")
    bad, _, denied, _, _, lost = lines(log)[before:]
    assert (bad["auth"], bad["error"]) == ({"token_type": "default"}, "permission denied")
    assert denied["auth"]["policy_results"] == {"allowed": False}
    assert denied["error"] == "1 error occurred:\n\t* permission denied\n\n"
    assert lost["error"] == "1 error occurred:\n\t* unsupported path\n\n"


def test_the_policies_that_let_it_in_are_named(core, log):
    """Of a token's policies those are named whose rule decided."""
    ask(core, UPDATE, "sys/policies/acl/other", policy='path "cubbyhole/*" { capabilities = ["read"] }')
    token = _token(core, "other", "reader")
    ask(core, UPDATE, "secret/data/a", data={})
    ask(core, READ, "secret/data/a", token)
    named = [{"name": "reader", "namespace_id": "root", "type": "acl"}]
    assert lines(log)[-1]["auth"]["policy_results"] == {"allowed": True, "granting_policies": named}


def test_a_request_is_recorded_once_though_it_is_opened_twice(core, log):
    """A read by a token with a limit of uses, which needs a transaction, is two entries all the same."""
    made = ask(core, UPDATE, "auth/token/create", policies=["root"], num_uses=2).auth["client_token"]
    before = len(lines(log))
    ask(core, READ, "sys/mounts", made)
    assert [entry["auth"]["remaining_uses"] for entry in lines(log)[before:]] == [2, 2]


def test_what_cannot_be_recorded_is_refused():
    """Where no device takes an entry the request is refused, and nothing is done."""
    core = make_core(Memory(), **OWNED)
    enable_full(core)
    error = refused(core, UPDATE, "secret/data/a", data={"k": "v"})
    assert (error.status, error.errors) == (500, ("internal error",))
    assert "no space left on device" in error.hint
    assert refused(core, READ, "sys/mounts").status == 500
    ask(core, DELETE, "sys/audit/file")  # the owner's way out
    assert refused(core, READ, "secret/data/a").status == 404


def test_clients_of_a_server_cannot_take_a_broken_device_away():
    """Who is not the owner is refused that, too."""
    core = make_core(Memory(), audit_rules=Rules(may_enable=True))
    enable_full(core)
    assert refused(core, DELETE, "sys/audit/file").errors == ("internal error",)


def test_one_device_that_works_is_enough(core, log):
    """With one broken device and one that works requests are answered."""
    enable_full(core, "full")
    ask(core, UPDATE, "secret/data/a", data={})
    assert _kinds(log)[-1] == ("response", "create", "secret/data/a")


@pytest.fixture
def small_files():
    """No file may become longer than it is told, until the test ends or is told None."""
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size_b):
        resource.setrlimit(resource.RLIMIT_FSIZE, (before[0] if size_b is None else size_b, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_change_whose_answer_cannot_be_recorded_is_made(core, log, small_files):
    """Where only the answer finds no room the change stays, and the error says that it was made."""
    data = {"k": "v" * 100}
    ask(core, UPDATE, "secret/data/a", data=data)
    request, response = log.read_bytes().splitlines(keepends=True)[-2:]
    small_files(log.stat().st_size + len(request) + len(response) // 2)
    error = refused(core, UPDATE, "secret/data/b", data=data)
    small_files(None)
    assert error.errors == ("the change was made, but its answer could not be audited",)
    assert ask(core, READ, "secret/data/b").data["data"] == data


def test_part_of_a_line_does_not_spoil_the_next(core, log):
    """After a line that was cut off the next one begins on its own."""
    whole = len(lines(log))
    with log.open("ab") as file:
        file.write(b'{"time":"2026-')
    ask(core, READ, "sys/mounts")
    found = log.read_text().splitlines()
    assert found[whole] == '{"time":"2026-'
    assert len(found) == whole + 3


def test_a_log_that_was_rotated_away_is_made_again(core, log):
    """What was renamed gets no more lines, and a new file gets them, with its folder and mode."""
    log.rename(log.parent.parent / "old")
    log.parent.rmdir()
    ask(core, READ, "sys/mounts")
    assert _kinds(log) == [("request", "read", "sys/mounts"), ("response", "read", "sys/mounts")]
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_mode_of_a_log_is_as_told(log):
    """A device makes its file with its mode."""
    audited(make_core(Memory(), **OWNED), log, mode="0640")
    assert log.stat().st_mode & 0o777 == 0o640


def test_a_prefix_stands_before_each_line(log):
    """A device with a prefix writes it, and clients may give one only where the config allows it."""
    audited(make_core(Memory(), **OWNED), log, prefix="@cee: ")
    assert all(line.startswith('@cee: {"time"') for line in log.read_text().splitlines())
    served = make_core(Memory(), audit_rules=Rules(may_enable=True))
    with pytest.raises(InvalidRequest, match="audit log prefixing is not allowed"):
        enable(served, file_path=str(log), prefix="#!")


def test_a_log_in_the_working_folder_is_the_same_from_any_other(tmp_path, monkeypatch):
    """A relative path is made whole when the device is enabled."""
    monkeypatch.chdir(tmp_path)
    core = audited(make_core(Memory(), **OWNED), tmp_path / "x")
    enable(core, "here", file_path="here.log")
    monkeypatch.chdir("/")
    ask(core, READ, "sys/mounts")
    assert len(lines(tmp_path / "here.log")) == 4
    assert os.path.isabs(ask(core, READ, "sys/audit").data["here/"]["options"]["file_path"])


def test_nothing_is_opened_where_no_device_is():
    """Without a device a request has no trail."""
    core = make_core(Memory(), **OWNED)
    ask(core, READ, "sys/mounts")
    assert not core.host.auditing.has_devices


def test_times_are_those_of_the_clock(log):
    """Entries bear the moment that the core's clock tells."""
    core = audited(make_core(Memory(), now_ns=lambda: NOW_S * 10**9, **OWNED), log)
    ask(core, READ, "sys/mounts")
    assert {entry["time"] for entry in lines(log)} == {"2026-01-01T00:00:00Z"}


def test_of_a_namespace_is_told_which(core, log):
    """An entry has the namespace's id and path, and the path within it; devices are of the root alone."""
    ask(core, UPDATE, "sys/namespaces/team")
    ask(core, READ, "team/sys/mounts")
    asked = lines(log)[-1]["request"]
    assert (asked["namespace"]["path"], asked["path"], asked["mount_point"]) == ("team/", "sys/mounts", "team/sys/")
    assert refused(core, READ, "team/sys/audit").status == 400


def test_a_copy_for_tests_writes_to_no_log_of_the_state(tmp_path, log):
    """A vault that is loaded from a state's file has none of its devices."""
    from support.states import SEAL_KEY

    from vaultctl.connect import double
    from vaultctl.crypto.seals import static
    from vaultctl.storage.json_file import json_file

    state, key = tmp_path / "state.json", tmp_path / "seal.key"
    key.write_bytes(static.write_key(SEAL_KEY))
    core = audited(make_core(json_file(str(state)), **OWNED), log)
    core.close()
    before = len(lines(log))
    copy = double.load(state, key, "s.AnotherRootTokenOfTests", lambda: NOW_S * 10**9)
    assert ask(copy, READ, "sys/audit", copy.root_token).data == {}
    assert len(lines(log)) == before
