"""Where the state is, and which cluster is not meant: the environment and the config file."""

import os
import shlex
import subprocess

import pytest


@pytest.fixture
def config(fresh):
    """Write the config file, and give the variable that names it."""

    def write(text):
        (fresh.home / "config.toml").write_text(text)
        return {"VAULTCTL_CONFIG": str(fresh.home / "config.toml")}

    return write


@pytest.mark.parametrize(("name", "file"), [("json", "state.json"), ("toml", "state.toml"), ("sqlite", "state.sqlite")])
def test_the_storage_is_chosen_by_a_variable(fresh, name, file):
    """VAULTCTL_STORAGE says what the state is kept in, and the next command finds it by itself."""
    assert fresh("kv", "put", "secret/a", "k=v", env={"VAULTCTL_STORAGE": name}).code == 0
    assert ((fresh.data / file).exists(), fresh("kv", "get", "-field=k", "secret/a").out) == (True, "v")


def test_the_storage_may_be_a_file_elsewhere(fresh):
    """A path behind the kind is the file itself."""
    fresh("secrets", "list", env={"VAULTCTL_STORAGE": f"json:{fresh.home}/here.json"})
    assert (fresh.home / "here.json").exists()


@pytest.mark.parametrize("name", ["nosuch", "json:", ":x"])
def test_a_storage_that_is_not_there_is_exit_code_1(fresh, name):
    """A kind of storage that there is not is named with those that there are."""
    ran = fresh("secrets", "list", env={"VAULTCTL_STORAGE": name})
    assert (ran.code, f"there is no storage {name}" in ran.err) == (1, True)


def test_two_states_in_one_folder_are_not_guessed_at(fresh):
    """With two states there, none is taken until one is named."""
    for name in ("json", "sqlite"):
        fresh("secrets", "list", env={"VAULTCTL_STORAGE": name})
    ran = fresh("secrets", "list")
    assert (ran.code, "holds more than one state: state.json, state.sqlite" in ran.err) == (1, True)


def test_the_config_file_has_the_settings(fresh, config):
    """The config file says where and what the state is."""
    env = config(f'storage = "toml"\nlock_timeout = 5\nseal_key = "file:{fresh.home}/key"\n')
    (fresh.home / "key").touch(0o600)
    (fresh.home / "key").write_text("00" * 32)
    ran = fresh("secrets", "list", env=env)
    assert (
        ran.code,
        (fresh.data / "state.toml").exists(),
        (fresh.data / "seal.key").exists(),
    ) == (0, True, False)


def test_the_environment_goes_before_the_config_file(fresh, config):
    """A variable is heeded rather than the file."""
    fresh("secrets", "list", env={**config('storage = "toml"'), "VAULTCTL_STORAGE": "sqlite"})
    assert (fresh.data / "state.sqlite").exists()


@pytest.mark.parametrize(
    "text", ["nosuch = 1", "storage = 1", "lock_timeout = true", 'lock_timeout = "5"', "= x", "\xff"]
)
def test_a_wrong_config_file_is_exit_code_1(fresh, config, text):
    """A config file with a wrong setting is named."""
    ran = fresh("secrets", "list", env=config(text))
    assert (ran.code, "config.toml" in ran.err, fresh.data.exists()) == (1, True, False)


def test_a_config_file_that_is_named_must_be_there(fresh):
    """A config file that VAULTCTL_CONFIG names and that is not there is an error."""
    ran = fresh("secrets", "list", env={"VAULTCTL_CONFIG": "/nosuch/config.toml"})
    assert (ran.code, "cannot read the config file /nosuch/config.toml" in ran.err) == (1, True)


def test_the_config_file_of_the_user_is_found(fresh):
    """Without a name the config file is the one in the user's config folder."""
    folder = fresh.home / ".config" / "vaultctl"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('storage = "toml"\n')
    fresh("secrets", "list")
    assert (fresh.data / "state.toml").exists()


@pytest.mark.parametrize("name", ["VAULT_ADDR", "BAO_ADDR"])
def test_an_address_means_a_remote(fresh, name):
    """Nobody who means a cluster works on the local state, even if the cluster cannot be reached."""
    ran = fresh("secrets", "list", env={name: "http://127.0.0.1:1"})
    assert (ran.code, ran.out, "connection refused" in ran.err) == (2, "", True)
    assert not fresh.data.exists()


def test_the_local_state_may_be_meant_with_an_address(here):
    """-local and VAULTCTL_LOCAL mean the local state whatever is set."""
    address = {"VAULT_ADDR": "http://127.0.0.1:1"}
    assert here("secrets", "list", "-local", env=address)[::2] == (0, "")
    assert here("secrets", "list", env={**address, "VAULTCTL_LOCAL": "1"})[::2] == (0, "")
    assert here("secrets", "list", env={**address, "VAULTCTL_LOCAL": "0"}).code == 2


@pytest.mark.parametrize("name", ["VAULT_TOKEN", "BAO_TOKEN", "VAULT_NAMESPACE", "BAO_CACERT"])
def test_a_variable_that_speaks_of_a_cluster_is_told_of(here, name):
    """A variable that hints at a cluster makes one line on stderr."""
    ran = here("status", env={name: "root"})
    assert f"vaultctl: {name} is set: working on the local state all the same (VAULT_ADDR is not set)\n" == ran.err


def test_an_address_may_be_required(here):
    """With VAULTCTL_REQUIRE_ADDR such a variable is exit code 1."""
    ran = here("status", env={"VAULT_TOKEN": "x", "VAULTCTL_REQUIRE_ADDR": "1"})
    assert (ran.code, "VAULT_TOKEN is set, and VAULT_ADDR is not" in ran.err) == (1, True)
    assert here("status", env={"VAULTCTL_REQUIRE_ADDR": "1"}).code == 0


@pytest.mark.parametrize("text", ["lock_timeout = nan", "lock_timeout = " + "9" * 400, "x = " + "[" * 100_000])
def test_a_monstrous_config_file_is_exit_code_1(fresh, config, text):
    """Numbers that are none, or too long, and endless nesting are refused as any other mistake is."""
    ran = fresh("secrets", "list", env=config(text))
    assert (ran.code, ran.err.startswith("Error: the config file")) == (1, True)


def test_an_endless_config_file_is_not_read(fresh):
    """A device or a pipe in the place of the config file is refused at once."""
    os.mkfifo(fresh.home / "pipe")
    for path in ("/dev/zero", str(fresh.home / "pipe")):
        ran = fresh("secrets", "list", env={"VAULTCTL_CONFIG": path})
        assert (ran.code, "not a regular file" in ran.err) == (1, True)


def test_the_config_file_may_be_no_file(fresh):
    """/dev/null stands for: no config file."""
    assert fresh("secrets", "list", env={"VAULTCTL_CONFIG": "/dev/null"}).code == 0


@pytest.mark.parametrize("home", ["/dev/null", "relative"])
def test_without_a_home_the_folder_must_be_named(vaultctl, home):
    """A home that is no folder gives a message, and no folder of an odd name."""
    env = {name: value for name, value in vaultctl.env.items() if name not in ("HOME", "VAULTCTL_DATA_DIR")}
    ran = subprocess.run(
        vaultctl.argv("secrets", "list"),
        check=False,
        env={**env, "HOME": home},
        cwd=vaultctl.home,
        capture_output=True,
        text=True,
    )
    assert ran.returncode in (1, 2)
    assert ran.stderr.startswith("Error: ")
    assert "VAULTCTL_DATA_DIR" in ran.stderr
    assert list(vaultctl.home.iterdir()) == []


def test_a_relative_folder_needs_a_working_directory(vaultctl):
    """In a working directory that is gone, a relative path is told of."""
    gone = vaultctl.home / "gone"
    script = f"cd {gone} && rmdir {gone} && exec {shlex.join(vaultctl.argv('secrets', 'list'))}"
    gone.mkdir()
    env = {**vaultctl.env, "VAULTCTL_DATA_DIR": "here"}
    ran = subprocess.run(["sh", "-c", script], check=False, env=env, capture_output=True, text=True)
    assert (ran.returncode, "a working directory that is gone" in ran.stderr) == (1, True)


@pytest.mark.parametrize("umask", [0, 0o777])
def test_the_umask_decides_nothing(vaultctl, umask):
    """Whatever the umask, folders that are made are their owner's alone, and can be used by that owner."""
    env = {**vaultctl.env, "VAULTCTL_DATA_DIR": str(vaultctl.home / "a" / "b")}
    assert vaultctl("secrets", "list", env=env, umask=umask).code == 0
    assert vaultctl("kv", "put", "secret/a", "k=v", env=env, umask=umask).code == 0
    assert {path.stat().st_mode & 0o777 for path in (vaultctl.home / "a").rglob("*") if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (vaultctl.home / "a", vaultctl.home / "a" / "b")} == {0o700}
