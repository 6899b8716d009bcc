"""Any sequence of requests on mounts and secrets, through the core, beside a plain model of what it should hold."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from support.places import KINDS, Place
from support.replay import raw_outcome
from support.soak import times
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.logical.request import MERGE_PATCH, Operation, Request

PATHS = st.sampled_from(["a", "b", "a/b", "a/b/c", "b/c", "secret", "d e", "é"])
KEYS = st.sampled_from(["k", "k/l", "m", "n/o/p"])
DATA = st.dictionaries(
    st.sampled_from("xyz"), st.none() | st.booleans() | st.integers() | st.text(max_size=5), min_size=1
)
KEPT = 10
"""So many versions of a secret are kept."""


class Mount:
    """What the model knows of a mount: its version, its tuning, and for each key the data of each version."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.description = ""
        self.max_ttl_s = 0
        self.secrets: dict[str, list[Any]] = {}
        self.deleted: set[tuple[str, int]] = set()
        self.destroyed: set[tuple[str, int]] = set()

    def is_gone(self, key: str, number: int) -> bool:
        """Tell whether a version of a secret is deleted, destroyed, or no longer kept."""
        too_old = number <= len(self.secrets[key]) - KEPT
        return too_old or (key, number) in self.deleted | self.destroyed

    def forget(self, key: str) -> None:
        """Let a secret go with all its versions."""
        self.secrets.pop(key, None)
        self.deleted = {mark for mark in self.deleted if mark[0] != key}
        self.destroyed = {mark for mark in self.destroyed if mark[0] != key}


class MountsAndSecrets(RuleBasedStateMachine):
    """The core, and the model."""

    kind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.place = Place(self.kind, self.folder)
        self.core = make_core(self.place.open())
        self.model: dict[str, Mount] = {"secret": Mount(2)}
        self.model["secret"].description = "key/value secret storage"

    @rule()
    def reopen(self) -> None:
        """Let go of the state, as the end of a process does, and open it again."""
        self.core.close()
        self.core = open_core(self.place.open())

    def teardown(self) -> None:
        """Let go of the state, and remove it."""
        self.core.close()
        shutil.rmtree(self.folder)

    def ask(self, operation: Operation, path: str, data: Any = None, **query: str) -> dict[str, Any]:
        """Ask the core."""
        content_type = MERGE_PATCH if operation is Operation.PATCH else "application/json"
        request = Request(operation, path, data=data or {}, query=query, token=ROOT_TOKEN, content_type=content_type)
        return raw_outcome(self.core, request)

    def conflict(self, path: str) -> bool:
        """Tell whether a mount is at, above or below a path."""
        return any(f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in self.model)

    def serving(self, path: str) -> str | None:
        """Give the mount that a path falls to."""
        return next((mount for mount in self.model if f"{path}/".startswith(f"{mount}/")), None)

    def key_path(self, path: str, key: str) -> str:
        """Give the path of a secret in the API."""
        return f"{path}/data/{key}" if self.model[path].version == 2 else f"{path}/{key}"

    @rule(path=PATHS, version=st.sampled_from([1, 2]))
    def enable(self, path: str, version: int) -> None:
        """Enable an engine, where nothing is in the way."""
        came = self.ask(Operation.UPDATE, f"sys/mounts/{path}", {"type": "kv", "options": {"version": version}})
        assert came["status"] == (400 if self.conflict(path) else 204)
        if came["status"] == 204:
            self.model[path] = Mount(version)

    @rule(path=PATHS)
    def disable(self, path: str) -> None:
        """Disable an engine, if it is there."""
        assert self.ask(Operation.DELETE, f"sys/mounts/{path}")["status"] == 204
        self.model.pop(path, None)

    @rule(path=PATHS, description=st.text(max_size=5), max_ttl_s=st.integers(0, 10**6))
    def tune(self, path: str, description: str, max_ttl_s: int) -> None:
        """Tune the engine that serves a path."""
        body = {"description": description, "max_lease_ttl": max_ttl_s}
        came = self.ask(Operation.UPDATE, f"sys/mounts/{path}/tune", body)
        mount = self.serving(path)
        assert came["status"] == (204 if mount else 400)
        if mount:
            self.model[mount].description, self.model[mount].max_ttl_s = description, max_ttl_s

    @rule(source=PATHS, goal=PATHS)
    def move(self, source: str, goal: str) -> None:
        """Move an engine, where nothing is in the way."""
        came = self.ask(Operation.UPDATE, "sys/remount", {"from": source, "to": goal})
        assert came["status"] == (200 if self.serving(source) and not self.conflict(goal) else 400)
        if came["status"] == 200:
            status = self.ask(Operation.READ, f"sys/remount/status/{came['data']['migration_id']}")
            expected = "success" if source in self.model else "failure"
            assert status["data"]["migration_info"]["status"] == expected
            if source in self.model:
                self.model[goal] = self.model.pop(source)

    @precondition(lambda self: self.model)
    @rule(choice=st.data(), key=KEYS, data=DATA)
    def write(self, choice: st.DataObject, key: str, data: dict[str, Any]) -> None:
        """Write a secret."""
        path = choice.draw(st.sampled_from(sorted(self.model)))
        mount = self.model[path]
        body = {"data": data} if mount.version == 2 else data
        came = self.ask(Operation.UPDATE, self.key_path(path, key), body)
        versions = mount.secrets.setdefault(key, [])
        if mount.version == 1:
            versions.clear()
        versions.append(data)
        if mount.version == 2:
            assert came["data"]["version"] == len(versions)

    @precondition(lambda self: self.model)
    @rule(choice=st.data(), key=KEYS)
    def delete(self, choice: st.DataObject, key: str) -> None:
        """Delete a secret, on version 2 its newest version."""
        path = choice.draw(st.sampled_from(sorted(self.model)))
        mount = self.model[path]
        assert self.ask(Operation.DELETE, self.key_path(path, key))["status"] == 204
        if mount.version == 1:
            mount.secrets.pop(key, None)
        elif key in mount.secrets:
            mount.deleted.add((key, len(mount.secrets[key])))

    @precondition(lambda self: self.versioned())
    @rule(choice=st.data(), verb=st.sampled_from(["delete", "undelete", "destroy"]))
    def change_versions(self, choice: st.DataObject, verb: str) -> None:
        """Delete, bring back or destroy any versions of a secret, and some that there never were."""
        path, key = self.draw_secret(choice)
        mount = self.model[path]
        numbers = choice.draw(st.lists(st.integers(1, len(mount.secrets[key]) + 2), min_size=1))
        came = self.ask(Operation.UPDATE, f"{path}/{verb}/{key}", {"versions": numbers})
        assert came["status"] == 204
        marks = {(key, number) for number in numbers if number <= len(mount.secrets[key])}
        if verb == "delete":
            mount.deleted |= marks
        elif verb == "undelete":
            mount.deleted -= marks
        else:
            mount.destroyed |= marks

    @precondition(lambda self: self.versioned())
    @rule(choice=st.data(), change=st.dictionaries(st.sampled_from("xyz"), st.none() | st.integers()))
    def patch(self, choice: st.DataObject, change: dict[str, Any]) -> None:
        """Patch a secret, where its newest version is there."""
        path, key = self.draw_secret(choice)
        mount = self.model[path]
        versions = mount.secrets[key]
        came = self.ask(Operation.PATCH, f"{path}/data/{key}", {"data": change})
        assert came["status"] == (404 if mount.is_gone(key, len(versions)) else 200)
        if came["status"] == 200:
            merged = {**versions[-1], **change}
            versions.append({name: value for name, value in merged.items() if change.get(name, 0) is not None})

    @precondition(lambda self: self.versioned())
    @rule(choice=st.data())
    def remove(self, choice: st.DataObject) -> None:
        """Remove a secret with all its versions."""
        path, key = self.draw_secret(choice)
        assert self.ask(Operation.DELETE, f"{path}/metadata/{key}")["status"] == 204
        self.model[path].forget(key)

    @precondition(lambda self: any(mount.version == 1 for mount in self.model.values()))
    @rule(choice=st.data())
    def upgrade(self, choice: st.DataObject) -> None:
        """Make a mount of version 1 one of version 2, in which each secret has one version."""
        path = choice.draw(st.sampled_from(sorted(p for p, m in self.model.items() if m.version == 1)))
        assert self.ask(Operation.UPDATE, f"sys/mounts/{path}/tune", {"options": {"version": 2}})["status"] == 200
        self.model[path].version = 2

    def versioned(self) -> list[str]:
        """Give the mounts of version 2 that hold secrets."""
        return sorted(path for path, mount in self.model.items() if mount.version == 2 and mount.secrets)

    def draw_secret(self, choice: st.DataObject) -> tuple[str, str]:
        """Choose a secret of version 2: its mount and its key."""
        path = choice.draw(st.sampled_from(self.versioned()))
        return path, choice.draw(st.sampled_from(sorted(self.model[path].secrets)))

    @precondition(lambda self: self.versioned())
    @rule(choice=st.data())
    def read_an_older_version(self, choice: st.DataObject) -> None:
        """Read any version of a secret that was ever written."""
        path, key = self.draw_secret(choice)
        mount = self.model[path]
        number = choice.draw(st.integers(1, len(mount.secrets[key])))
        came = self.ask(Operation.READ, f"{path}/data/{key}", version=str(number))
        if mount.is_gone(key, number):
            assert came["status"] == 404
        else:
            assert came["data"]["data"] == mount.secrets[key][number - 1]

    @invariant()
    def the_mounts_are_those_of_the_model(self) -> None:
        """The table of mounts has what the model has, and what was tuned."""
        shown = self.ask(Operation.READ, "sys/mounts")["data"]
        built_in = {"cubbyhole/", "identity/", "sys/"}
        came = {
            path.rstrip("/"): (mount["description"], mount["config"]["max_lease_ttl"], mount["options"]["version"])
            for path, mount in shown.items()
            if path not in built_in
        }
        assert came == {p: (m.description, m.max_ttl_s, str(m.version)) for p, m in self.model.items()}

    @invariant()
    def the_secrets_are_those_of_the_model(self) -> None:
        """Every secret is read as it was written last, and is listed."""
        for path, mount in self.model.items():
            for key, versions in mount.secrets.items():
                came = self.ask(Operation.READ, self.key_path(path, key))
                data = came.get("data") or {}
                if mount.version == 2 and mount.is_gone(key, len(versions)):
                    assert (came["status"], data["data"]) == (404, None)
                else:
                    assert (data["data"] if mount.version == 2 else data) == versions[-1]
            below = f"{path}/metadata" if mount.version == 2 else path
            listed = (self.ask(Operation.LIST, below).get("data") or {}).get("keys", [])
            firsts = {key.partition("/")[0] + ("/" if "/" in key else "") for key in mount.secrets}
            assert listed == sorted(firsts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_core_does_what_a_dictionary_does(kind: str):
    """Mounts, moves, secrets and reopenings, in any order, on every backend, leave what they would leave of a model."""
    run_state_machine_as_test(
        type(f"{kind.title()}Machine", (MountsAndSecrets,), {"kind": kind}),
        settings=settings(
            max_examples=times(20, 1000),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
