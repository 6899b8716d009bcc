"""Any sequence of requests on mounts and secrets, through the core, beside a plain model of what it should hold."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.replay import raw_outcome
from support.soak import times
from support.states import ROOT_TOKEN, make_core

from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

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

    def newest_is_deleted(self, key: str) -> bool:
        """Tell whether a secret's newest version is deleted."""
        return (key, len(self.secrets[key])) in self.deleted


class MountsAndSecrets(RuleBasedStateMachine):
    """The core, and the model."""

    def __init__(self) -> None:
        super().__init__()
        self.core = make_core(Memory())
        self.model: dict[str, Mount] = {"secret": Mount(2)}
        self.model["secret"].description = "key/value secret storage"

    def ask(self, operation: Operation, path: str, data: Any = None, **query: str) -> dict[str, Any]:
        """Ask the core."""
        return raw_outcome(self.core, Request(operation, path, data=data or {}, query=query, token=ROOT_TOKEN))

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

    @precondition(lambda self: any(mount.version == 2 and mount.secrets for mount in self.model.values()))
    @rule(choice=st.data())
    def read_an_older_version(self, choice: st.DataObject) -> None:
        """Read any version of a secret that was ever written."""
        path = choice.draw(st.sampled_from(sorted(p for p, m in self.model.items() if m.version == 2 and m.secrets)))
        mount = self.model[path]
        key = choice.draw(st.sampled_from(sorted(mount.secrets)))
        number = choice.draw(st.integers(1, len(mount.secrets[key])))
        came = self.ask(Operation.READ, f"{path}/data/{key}", version=str(number))
        if number <= len(mount.secrets[key]) - KEPT or (key, number) in mount.deleted:
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
                if mount.newest_is_deleted(key):
                    assert (came["status"], data["data"]) == (404, None)
                else:
                    assert (data["data"] if mount.version == 2 else data) == versions[-1]
            below = f"{path}/metadata" if mount.version == 2 else path
            listed = (self.ask(Operation.LIST, below).get("data") or {}).get("keys", [])
            firsts = {key.partition("/")[0] + ("/" if "/" in key else "") for key in mount.secrets}
            assert listed == sorted(firsts)


TestMountsAndSecrets = MountsAndSecrets.TestCase
TestMountsAndSecrets.settings = settings(max_examples=times(40, 2000), stateful_step_count=25, deadline=None)
