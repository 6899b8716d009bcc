"""`secrets enable -if-absent` and `-ensure`: a command that can be run twice."""

import json

import pytest
from support.soak import times


@pytest.fixture
def ensure(here):
    """Run `secrets enable -ensure`; give the exit code and the result as JSON, or what stderr says."""

    def run(*args, flag="-ensure"):
        ran = here("secrets", "enable", flag, "-format=json", *args)
        return ran.code, json.loads(ran.out) if ran.code == 0 else ran.err

    return run


def mount(here, path):
    """Give a mount as the API shows it."""
    return json.loads(here("secrets", "list", "-format=json").out)[path]


@pytest.mark.parametrize("flag", ["-if-absent", "-ensure"])
def test_the_second_run_changes_nothing(ensure, here, flag):
    """The first run creates the mount, the second finds it unchanged, with the same accessor."""
    created = ensure("-path=a", "kv-v2", flag=flag)
    before = mount(here, "a/")
    assert [created, ensure("-path=a", "kv-v2", flag=flag)] == [
        (0, {"path": "a/", "type": "kv-v2", "result": "created"}),
        (0, {"path": "a/", "type": "kv-v2", "result": "unchanged"}),
    ]
    assert mount(here, "a/") == before


def test_what_differs_is_tuned(ensure, here):
    """What a tune can change is changed, and named."""
    ensure("-path=a", "-description=old", "-default-lease-ttl=1h", "kv")
    code, answer = ensure("-path=a", "-description=new", "-default-lease-ttl=2h", "-max-lease-ttl=1d", "kv")
    assert (code, answer["result"], sorted(answer["changed"])) == (
        0,
        "tuned",
        ["default_lease_ttl", "description", "max_lease_ttl"],
    )
    shown = mount(here, "a/")
    assert (shown["description"], shown["config"]["default_lease_ttl"], shown["config"]["max_lease_ttl"]) == (
        "new",
        7200,
        86400,
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["-default-lease-ttl=1h"], ["-default-lease-ttl=60m"]),
        (["-default-lease-ttl=86400s"], ["-default-lease-ttl=1d"]),
        (["-default-lease-ttl=system"], ["-default-lease-ttl=-1"]),
        (["-options=a=1", "-options=b=2"], ["-options=b=2", "-options=a=1"]),
        (["-options=a=1", "-options=b=2"], ["-options=b=2"]),
        (
            ["-passthrough-request-headers=X-A,X-B"],
            ["-passthrough-request-headers=X-B", "-passthrough-request-headers=X-A"],
        ),
        (["-description=kept", "-seal-wrap"], []),
        (["-version=2"], ["-options=version=2"]),
        (["-version=1"], []),
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_values_are_compared_and_not_text(ensure, first, second):
    """What means the same is the same, and what is not said is left as it is."""
    ensure("-path=a", *first, "kv")
    code, answer = ensure("-path=a", *second, "kv")
    assert (code, answer["result"]) == (0, "unchanged")


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (["kv"], ["transit"], "type is kv, not transit"),
        (["kv-v2"], ["kv-v1"], "version is 2, not 1"),
        (["kv"], ["-seal-wrap", "kv"], "seal_wrap is false, not true"),
        (["-local", "kv"], ["-local=false", "kv"], "local is true, not false"),
        (["kv"], ["-force-no-cache", "kv"], "force_no_cache is false, not true"),
        (["kv"], ["-external-entropy-access", "-seal-wrap", "kv"], "external_entropy_access is false, not true"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else words,
)
def test_what_only_a_new_mount_could_have_is_refused(ensure, here, first, second, why):
    """The difference is named, with exit code 2, and nothing is changed."""
    ensure("-path=a", *first)
    before = mount(here, "a/")
    code, told = ensure("-path=a", "-description=never", *second)
    assert (code, why in told, mount(here, "a/")) == (2, True, before)


def test_if_absent_leaves_a_mount_of_the_type_alone(ensure, here):
    """Another description is no reason to change a mount that is there, and none to fail."""
    ensure("-path=a", "-description=old", "kv")
    code, answer = ensure("-path=a", "-description=new", "-seal-wrap", "kv", flag="-if-absent")
    assert (code, answer["result"], mount(here, "a/")["description"]) == (0, "unchanged", "old")


@pytest.mark.parametrize("words", [["transit"], ["kv-v1"]])
def test_if_absent_refuses_a_mount_of_another_type(ensure, words):
    """A script that goes on with another engine than it asked for would fail later, and worse."""
    ensure("-path=a", "kv-v2")
    assert ensure("-path=a", *words, flag="-if-absent")[0] == 2


def test_a_mount_above_or_below_is_refused(ensure):
    """A path that another mount is in the way of is refused as ever."""
    ensure("-path=a/b", "kv")
    code, told = ensure("-path=a", "kv")
    assert (code, "path is already in use at a/b/" in told) == (2, True)


def test_a_kv_mount_is_upgraded(ensure, here):
    """A mount of version 1 becomes one of version 2, with what it holds."""
    ensure("-path=a", "kv-v1")
    here("kv", "put", "a/x", "k=v")
    code, answer = ensure("-path=a", "kv-v2")
    assert (code, answer["result"]) == (0, "tuned")
    assert here("kv", "get", "-field=k", "-mount=a", "x").out == "v"


@pytest.mark.parametrize("flags", [[], ["-if-absent"], ["-ensure"]], ids=["plain", "if-absent", "ensure"])
def test_a_path_that_means_a_tuning_is_refused(here, flags):
    """Below sys/mounts a/tune is the tuning of a/, and to enable there would change that mount."""
    here("secrets", "enable", "-path=a", "-description=mine", "kv")
    ran = here("secrets", "enable", *flags, "-path=a/tune", "-description=oops", "kv")
    assert (ran.code, "no mount can be at a/tune" in ran.err, mount(here, "a/")["description"]) == (1, True, "mine")


def test_ensure_outlives_others_who_disable(vaultctl):
    """Where somebody takes the mount away in between, it is made again, and nobody is told that it is gone."""
    vaultctl("secrets", "list")
    ensuring = [
        vaultctl.start("secrets", "enable", "-ensure", "-path=b", f"-description=d{number}", "kv-v2")
        for number in range(times(4, 40))
    ]
    disabling = [vaultctl.start("secrets", "disable", "b") for _ in range(times(2, 20))]
    told = "".join(child.communicate()[1] for child in [*ensuring, *disabling])
    told = "".join(line for line in told.splitlines() if "waiting for the lock" not in line)
    assert (told, {child.returncode for child in [*ensuring, *disabling]}) == ("", {0})


def test_the_two_flags_exclude_each_other(here):
    """Both at once is misuse."""
    assert here("secrets", "enable", "-if-absent", "-ensure", "kv").code == 1


def test_many_at_once_agree(vaultctl):
    """Of many that ensure one mount at once, one creates it and all succeed."""
    vaultctl("secrets", "list")
    children = [vaultctl.start("secrets", "enable", "-if-absent", "-format=json", "-path=a", "kv") for _ in range(6)]
    results = sorted(json.loads(child.communicate()[0])["result"] for child in children)
    assert (results, {child.returncode for child in children}) == (["created"] + ["unchanged"] * 5, {0})
