"""The plugin in pytest runs of people: what it imports, how long its vaults live, and where their seeds come from."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "test_with_a_vault.py"

MODULES = """\
import json, pathlib, sys
def test_it():
    pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def run(pytester):
    """Run pytest as a user does, on files that are given by their names."""

    def run(*args, **files):
        for name, text in files.items():
            pytester.makefile(".py", **{name: text})
        pytester.makeini("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *args)

    return run


def modules_of(run, pytester, *args):
    """Give the modules that are imported when a test runs that asks for no vault."""
    run(*args, test_modules=MODULES).assert_outcomes(passed=1)
    return set(json.loads((pytester.path / "modules.json").read_text()))


def test_nothing_is_imported_before_a_vault_is_asked_for(run, pytester):
    """A run in which no test asks for a vault imports the plugin itself, and nothing that was not there."""
    without = modules_of(run, pytester, "-p", "no:vaultctl")
    with_it = modules_of(run, pytester)
    assert with_it - without == {"vaultctl", "vaultctl.testing", "vaultctl.testing.plugin"}


def test_no_server_is_imported_before_an_address_is_asked_for(run, pytester):
    """A test that stays in the process imports no HTTP server."""
    text = MODULES.replace("def test_it():", "def test_it(vault):\n    vault.kv_put('secret/a', k='v')")
    run(test_modules=text).assert_outcomes(passed=1)
    modules = set(json.loads((pytester.path / "modules.json").read_text()))
    before = modules_of(run, pytester, "-p", "no:vaultctl")
    servers = {"vaultctl.http.threads", "http.server", "asyncio", "h11", "tomllib", "rich", "click"}
    assert (modules - before) & servers == set()


def test_each_test_has_a_vault_of_its_own(run):
    """What one test writes the next does not find, and the address of the first is closed by then."""
    text = """\
    import socket, threading, pytest
    addresses = []

    @pytest.mark.parametrize("number", range(3))
    def test_alone(vault, number):
        for address in addresses:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
        assert vault.kv_get("secret/a") is None
        vault.kv_put("secret/a", number=number)
        host, port = vault.address.removeprefix("http://").split(":")
        socket.create_connection((host, int(port))).close()
        addresses.append((host, int(port)))

    def test_no_thread_is_left():
        assert [thread.name for thread in threading.enumerate() if "vault" in thread.name] == []
    """
    run(test_alone=text).assert_outcomes(passed=4)


def test_a_vault_of_a_module_or_of_a_session_lives_as_long(run):
    """Modules share the vault of the session, and have one each of their own."""
    text = """\
    def test_write(vault_module, vault_session, vault):
        assert vault_module.kv_get("secret/a") is None
        vault_module.kv_put("secret/a", k="v")
        vault_session.kv_put(f"secret/{__name__}", k="v")

    def test_read(vault_module, vault_session, vault):
        assert vault_module.kv_get("secret/a") == {"k": "v"}
        assert "test_one" in vault_session.keys("secret/metadata")
        assert len({vault_module.token, vault_session.token, vault.token}) == 3
    """
    run(test_one=text, test_two=text).assert_outcomes(passed=4)


def test_what_went_wrong_in_a_test_is_mended_behind_it(run):
    """A fault does not outlive the test that it was meant for, even on a vault that does."""
    text = """\
    import pytest
    from vaultctl.logical.errors import VaultError

    def test_first(vault_session):
        vault_session.fail()
        vault_session.seal()
        with pytest.raises(VaultError):
            vault_session.client.call("GET", "sys/mounts")

    def test_second(vault_session):
        vault_session.client.call("GET", "sys/mounts")

    @pytest.fixture(scope="module")
    def failing(vault_session):
        with vault_session.fail(path="sys/*"):
            yield

    @pytest.mark.parametrize("number", range(2))
    def test_held_by_a_fixture(failing, vault_session, number):
        with pytest.raises(VaultError):
            vault_session.client.call("GET", "sys/mounts")
    """
    run(test_faults=text).assert_outcomes(passed=4)


def test_several_vaults_in_one_test(run):
    """The factory makes as many as are wanted, and ends them with the test."""
    text = """\
    import socket, pytest
    ended = []

    def test_two(vault_factory):
        one, two = vault_factory(), vault_factory({"secrets": {"secret/a": {"k": "two"}}})
        assert (one.kv_get("secret/a"), two.kv_get("secret/a")) == (None, {"k": "two"})
        assert one.address != two.address
        ended.extend([one.address, two.address])

    def test_ended():
        for address in ended:
            host, port = address.removeprefix("http://").split(":")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, int(port)))
    """
    run(test_several=text).assert_outcomes(passed=2)


def test_processes_do_not_get_in_each_others_way(run):
    """With xdist each process has vaults and addresses of its own."""
    text = """\
    import pytest, urllib.request

    @pytest.mark.parametrize("number", range(24))
    def test_it(vault, vault_session, number):
        for each in (vault, vault_session):
            each.kv_put(f"secret/{number}", n=number)
            asked = urllib.request.Request(
                f"{each.address}/v1/secret/data/{number}", headers={"X-Vault-Token": each.token}
            )
            with urllib.request.urlopen(asked) as answer:
                assert f'"n":{number}'.encode() in answer.read()
        assert vault.keys("secret/metadata") == [str(number)]
    """
    run("-p", "xdist", "-n", "3", test_many=text).assert_outcomes(passed=24)


def test_fixtures_of_ones_own_have_their_way(run, pytester):
    """A test suite with a fixture called vault keeps it, and can still ask for ours by the other names."""
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef vault():\n    return 'mine'")
    text = """\
    def test_mine(vault, vault_factory, vault_module):
        assert vault == "mine"
        assert vault_factory().kv_get("secret/a") is vault_module.kv_get("secret/a") is None
    """
    run(test_mine=text).assert_outcomes(passed=1)


def test_seeds_come_from_the_settings_and_from_markers(run, pytester):
    """The seed of the settings is in every vault, markers add theirs, and a file is found below the test's folder."""
    folder = pytester.mkdir("below")
    (pytester.path / "all.toml").write_text('[secrets."secret/all"]\nk = "all"\n')
    (folder / "some.json").write_text('{"secrets": {"secret/some": {"k": "some"}}}')
    (folder / "test_seeds.py").write_text("""\
import pytest

pytestmark = pytest.mark.vault_seed("some.json")

@pytest.mark.vault_seed({"secrets": {"secret/one": {"k": "one"}, "secret/some": {"k": "last"}}})
def test_all(vault, vault_module, vault_session, vault_factory):
    found = [vault.kv_get(f"secret/{name}") for name in ("all", "some", "one")]
    assert found == [{"k": "all"}, {"k": "last"}, {"k": "one"}]
    assert vault_module.keys("secret/metadata") == ["all", "some"]
    assert vault_session.keys("secret/metadata") == ["all"]
    assert vault_factory().keys("secret/metadata") == []
    assert vault_factory("some.json").keys("secret/metadata") == ["some"]
""")
    run("-o", "vault_seed=all.toml").assert_outcomes(passed=1)


def test_a_seed_that_is_no_good_is_named(run):
    """The report of a test whose seed is no good names the file and the key."""
    text = """\
    import pytest

    @pytest.mark.vault_seed({"mounts": {"a": {"typ": "kv"}}})
    def test_it(vault):
        pass
    """
    result = run(test_seed=text)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['E*SeedError: seed: mounts."a".typ: there is no such key*'])


def blocks(language):
    """Give the blocks of the guide that are in one language."""
    guide = (ROOT / "docs" / "testing.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", guide, flags=re.DOTALL | re.MULTILINE)


def test_each_example_of_the_documents_runs(run, pytester):
    """The README's example and all of the guide pass as they stand, beside the seed that the guide shows."""
    (pytester.path / "vault.toml").write_text(blocks("toml")[0])
    examples = {f"test_guide_{number}": text for number, text in enumerate(blocks("python"))}
    outcomes = run(test_example=EXAMPLE.read_text(), **examples).parseoutcomes()
    assert outcomes.keys() == {"passed"}
    assert outcomes["passed"] >= 1 + len(examples) > 5


def test_the_readme_shows_the_example():
    """The README shows it word for word."""
    assert f"```python\n{EXAMPLE.read_text()}```" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("mark", ["vault_seed(typo=1)", "vault_seed()"])
def test_a_marker_without_a_seed_is_an_error(run, mark):
    """A marker that names no seed, or something by a name, does not pass for one."""
    text = f"import pytest\n@pytest.mark.{mark}\ndef test_it(vault):\n    assert vault\n"
    result = run(test_marked=text)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*vault_seed takes files or dicts, at least one*"])
