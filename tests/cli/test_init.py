"""`operator init`, `unseal` and `seal` on the local state: a state by hand, and where its key is kept."""

import json
import os
import subprocess

import pytest
from support.shamir_bao import shamir_bao
from support.shamir_state import init, unseal

SEALED = "* Vault is sealed\n\nrun: vaultctl operator unseal\n"


@pytest.fixture
def made(fresh, runtime):
    """A new shamir state of three shares, two of which open."""
    return init(fresh, "-key-shares=3", "-key-threshold=2")


@pytest.fixture
def unsealed(fresh, made, monkeypatch):
    """The program on that state, unsealed, with its root token."""
    assert unseal(fresh, made, 2)["sealed"] is False
    monkeypatch.setenv("VAULT_TOKEN", made.root_token)
    monkeypatch.setenv("VAULTCTL_LOCAL", "1")
    return fresh


# --- init ---


def test_the_root_token_is_as_that_of_bao(unsealed, tmp_path_factory):
    """All that a lookup tells of it, but for what is another one's in each state; and it is not renewed."""
    with shamir_bao(tmp_path_factory.mktemp("bao")) as bao:
        bao.initialise(1, 1)
        theirs = bao.ask("GET", "auth/token/lookup-self")[1]["data"]
        refused = bao.ask("POST", "auth/token/renew-self")[1]["errors"]
    ours = json.loads(unsealed("read", "-format=json", "auth/token/lookup-self").out)["data"]
    own = ("accessor", "creation_time", "id")
    assert {**ours, **{name: theirs[name] for name in own}} == theirs
    assert refused == ["invalid lease ID"]
    assert f"* {refused[0]}" in unsealed("token", "renew").err


def test_init_makes_a_state_without_secret(unsealed):
    """A state by hand has the built-in mounts alone, and no root token in a file."""
    mounts = json.loads(unsealed("secrets", "list", "-format=json").out)
    assert sorted(mounts) == ["cubbyhole/", "identity/", "sys/"]
    assert sorted(path.name for path in unsealed.data.iterdir()) == ["seal.key.lock", "state.json", "state.json.lock"]


def test_init_says_where_the_state_is(fresh, runtime):
    """One line on stderr names the state and its seal."""
    ran = fresh("operator", "init")
    assert ran.err == f"vaultctl: made an encrypted state at {fresh.data}/state.json, sealed by shamir\n"
    assert ran.out.startswith("Unseal Key 1: ")
    assert "5 key shares and a key threshold of 3" in ran.out


def test_init_does_not_make_a_state_twice(fresh, made):
    """A state that is there stays as it is."""
    before = (fresh.data / "state.json").read_bytes()
    ran = fresh("operator", "init")
    assert (ran.code, ran.err.count("* Vault is already initialized")) == (2, 1)
    assert (fresh.data / "state.json").read_bytes() == before


@pytest.mark.parametrize(
    "args",
    [
        ["init", "-field=root_token"],
        ["rotate-keys", "-init", "-field=keys"],
        ["rekey", "-init", "-field=keys"],
        ["generate-root", "-init", "-field=otp"],
        ["seal-migrate", "-to=shamir", "-field=key_id"],
    ],
    ids=lambda args: args[0],
)
def test_what_is_shown_once_is_shown_whole(fresh, bao, args):
    """No single field can be asked for of what nobody can show again: it is refused, as bao does, and nothing made."""
    ran = fresh("operator", *args)
    assert ran == (1, "", "flag provided but not defined: -field\n")
    assert not (fresh.data / "state.json").exists()
    if args[0] != "seal-migrate":
        assert bao.run("operator", *args) == ran


@pytest.mark.parametrize("seal", ["shamir", "static"])
def test_who_could_not_be_shown_the_shares_starts_over(vaultctl, runtime, seal):
    """Where stdout takes nothing more, the first message names the file that goes, and without it init works again."""
    with open("/dev/full", "wb") as full:
        lost = subprocess.run(
            vaultctl.argv("operator", "init", f"-seal={seal}"),
            check=False, env={**vaultctl.env, "XDG_RUNTIME_DIR": str(runtime)}, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert lost.returncode == 2
    state = vaultctl.data / "state.json"
    hint = f"remove {state}, and run vaultctl operator init again\n"
    _made, message, _blank, start_over = lost.stderr.decode().splitlines(keepends=True)
    assert (message, start_over.endswith(hint)) == ("cannot write to stdout: no space left on device\n", True)
    again = vaultctl("operator", "init")
    assert (again.code, again.err.endswith(start_over)) == (2, True)
    state.unlink()
    assert init(vaultctl, f"-seal={seal}").root_token
    assert vaultctl("operator", "init").err.endswith("* Vault is already initialized\n")


def test_nothing_is_made_where_nobody_reads(vaultctl):
    """With a closed stdout no state is made, whose shares nobody would get."""
    argv = " ".join(map(str, vaultctl.argv("operator", "init")))
    ran = subprocess.run(["sh", "-c", f"exec {argv} >&-"], check=False, env=vaultctl.env, stderr=subprocess.PIPE)
    assert (ran.returncode, ran.stderr) == (1, b"stdout is closed: nothing was asked\n")
    assert not (vaultctl.data / "state.json").exists()


def test_init_status(fresh, runtime):
    """It tells by its exit code whether there is a state, and makes none."""
    assert fresh("operator", "init", "-status") == (2, "Vault is not initialized\n", "")
    assert not (fresh.data / "state.json").exists()
    init(fresh)
    assert fresh("operator", "init", "-status") == (0, "Vault is initialized\n", "")


def test_init_of_a_static_seal_has_recovery_keys(fresh, runtime):
    """Under a seal that opens by itself the shares are those of a recovery key, and nobody has to unseal."""
    ran = fresh("operator", "init", "-seal=static", "-recovery-shares=3", "-recovery-threshold=2")
    assert (ran.code, ran.out.count("Recovery Key "), "Unseal Key" in ran.out) == (0, 3, False)
    status = json.loads(fresh("status", "-format=json").out)
    assert [status[name] for name in ("type", "sealed", "recovery_seal", "recovery_seal_type", "t", "n")] == [
        "static", False, True, "shamir", 2, 3,
    ]  # fmt: skip
    assert (fresh.data / "seal.key").exists()


def test_the_seal_may_be_a_setting(fresh, runtime, monkeypatch):
    """With VAULTCTL_SEAL=shamir the first command makes no state, and says how one is made."""
    monkeypatch.setenv("VAULTCTL_SEAL", "shamir")
    ran = fresh("secrets", "list")
    assert (ran.code, ran.err.endswith("there is no state yet; make it with: vaultctl operator init\n")) == (2, True)
    status = fresh("status", "-format=json")
    assert (status.code, json.loads(status.out)["initialized"]) == (2, False)
    assert not (fresh.data / "state.json").exists()


def test_an_unknown_seal_is_named(fresh):
    """A seal that there is not is an error before anything is made."""
    ran = fresh("operator", "init", "-seal=wax")
    assert (ran.code, ran.err) == (1, "Error: there is no seal wax\n\nit is one of static, shamir, pkcs11, transit\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-key-shares=2", "-key-threshold=3"], "invalid seal configuration: threshold cannot be larger than shares"),
        (["-key-shares=256", "-key-threshold=3"], "invalid seal configuration: shares must be less than 256"),
        (["-seal=static", "-key-shares=2"], "parameters secret_shares not applicable to seal type static"),
        (
            ["-seal=static", "-recovery-shares=2", "-recovery-threshold=1"],
            "invalid recovery configuration: threshold must be greater than one for multiple shares",
        ),
    ],
)
def test_numbers_that_cannot_be_make_no_state(fresh, runtime, flags, message):
    """Shares that cannot be are refused in OpenBao's words, and nothing is made."""
    ran = fresh("operator", "init", *flags)
    assert (ran.code, f"* {message}\n" in ran.err) == (2, True)
    assert not (fresh.data / "state.json").exists()


def test_shares_are_encrypted_for_their_holders(fresh, runtime):
    """With PGP keys, armoured or not, each share and the root token are for the holder of a key alone."""
    pysequoia = pytest.importorskip("pysequoia")
    holder = pysequoia.Tsk.generate("holder <holder@example.org>")
    certificate = holder.extract_certificate()
    (fresh.home / "key.asc").write_text(str(certificate))
    (fresh.home / "key.bin").write_bytes(bytes(certificate))
    made = init(fresh, "-key-shares=2", "-key-threshold=2", "-pgp-keys=key.asc,key.bin", "-root-token-pgp-key=key.asc")
    from base64 import b64decode

    def opened(text: str) -> str:
        return pysequoia.decrypt(b64decode(text), decryptor=holder.decryptor()).bytes.decode()

    for share in made.shares:
        fresh("operator", "unseal", opened(share))
    env = {"VAULT_TOKEN": opened(made.root_token), "VAULTCTL_LOCAL": "1"}
    assert fresh("secrets", "list", env=env).code == 0


def test_recovery_keys_of_a_shamir_seal_are_for_nobody(fresh):
    """PGP keys of those who would hold shares that are not made are refused, in OpenBao's words."""
    (fresh.home / "key").write_text("QUJD")
    ran = fresh("operator", "init", "-recovery-pgp-keys=key", "-recovery-shares=1", "-recovery-threshold=1")
    why = "* parameters recovery_pgp_keys not applicable to seal type shamir\n"
    assert (ran.code, ran.out, ran.err.endswith("Code: 400. Errors:\n\n" + why)) == (2, "", True)
    assert not (fresh.data / "state.json").exists()


@pytest.mark.parametrize(
    ("seal", "numbers"), [("shamir", (5, 3, 0, 0)), ("static", (0, 0, 5, 3))], ids=["shamir", "static"]
)
def test_the_request_is_shown_and_not_sent(fresh, seal, numbers):
    """What init would ask for hangs on the seal, as of a real bao beside servers with such seals."""
    ran = fresh("operator", "init", f"-seal={seal}", "-output-curl-string")
    shares, threshold, recovery_shares, recovery_threshold = numbers
    body = (
        f'{{"secret_shares":{shares},"secret_threshold":{threshold},"pgp_keys":null,"recovery_shares":{recovery_shares}'
        f',"recovery_threshold":{recovery_threshold},"recovery_pgp_keys":null,"root_token_pgp_key":""}}'
    )
    assert ran == (0, f"""curl -X PUT -H "X-Vault-Request: true" -d '{body}' "$VAULT_ADDR/v1/sys/init"\n""", "")
    assert not (fresh.data / "state.json").exists()


def test_a_pipe_is_read_where_somebody_writes(vaultctl):
    """A key may come through a pipe, as of <(gpg --export); one that nobody writes to is not waited for."""
    key, name = b"no key\n", vaultctl.home / "pipe"
    os.mkfifo(name)
    flags = ["operator", "init", "-key-shares=1", "-key-threshold=1", "-root-token-pgp-key"]
    ran = vaultctl(*flags, str(name))
    why = f'invalid value "{name}" for flag -root-token-pgp-key: read {name}: nobody writes to this pipe\n'
    assert ran == (1, "", why)
    reading, writing = os.pipe()
    os.write(writing, key)
    os.close(writing)
    ran = vaultctl(*flags, f"/dev/fd/{reading}", pass_fds=[reading])
    os.close(reading)
    (vaultctl.home / "file").write_bytes(key)
    assert ran == vaultctl(*flags, "file")
    assert "local:/v1/sys/init" in ran.err
    assert not (vaultctl.data / "state.json").exists()


@pytest.mark.parametrize("name", [".", "nosuch", "/dev/full"])
def test_what_is_no_file_holds_no_pgp_key(fresh, bao, name):
    """A folder, or a device, is refused before anything is asked."""
    ran = fresh("operator", "init", f"-pgp-keys={name}")
    assert (ran.code, ran.out, ran.err.startswith(f'invalid value "{name}" for flag -pgp-keys: ')) == (1, "", True)
    if name != "/dev/full":  # which never ends
        assert bao.run("operator", "init", f"-pgp-keys={name}") == ran


# --- unseal and seal ---


def test_shares_are_entered_by_one_command_each(fresh, made):
    """Each command adds its share, and the nonce stays the same until it is open."""
    first = unseal(fresh, made, 1)
    assert (first["progress"], first["sealed"]) == (1, True)
    assert json.loads(fresh("status", "-format=json").out)["nonce"] == first["nonce"]
    assert fresh("operator", "unseal", made.shares[1]).out.splitlines()[4] == "Sealed          false"


def test_a_reset_forgets_what_was_entered(fresh, made, runtime):
    """The shares that were entered are gone from the runtime folder."""
    unseal(fresh, made, 1)
    assert len(list((runtime / "vaultctl").glob("*.shares"))) == 1
    assert "Unseal Progress    0/2" in fresh("operator", "unseal", "-reset").out
    assert list((runtime / "vaultctl").glob("*.shares")) == []


def test_a_sealed_state_is_told_of(fresh, made):
    """Every command ends with exit code 2 and says what to do; the status says how far it is."""
    for args in (["secrets", "list"], ["kv", "get", "secret/a"], ["token", "lookup"]):
        ran = fresh(*args)
        assert (ran.code, ran.out, ran.err.endswith(SEALED)) == (2, "", True)
    ran = fresh("status")
    assert (ran.code, ran.err, "Unseal Progress    0/2" in ran.out) == (2, "", True)


@pytest.mark.parametrize(
    "args",
    [
        ["operator", "check"],
        ["operator", "check", "-salvage=saved.json"],
        ["operator", "migrate", "-to=sqlite"],
        ["operator", "snapshot", "save", "saved.json"],
    ],
    ids=" ".join,
)
def test_work_on_the_whole_state_needs_it_unsealed(fresh, made, args):
    """What reads the whole state says that it is sealed, and changes nothing."""
    ran = fresh(*args)
    assert (ran.code, ran.out, ran.err) == (2, "", "Error: Vault is sealed\n\nrun: vaultctl operator unseal\n")
    assert sorted(path.name for path in fresh.data.glob("state.*")) == ["state.json", "state.json.lock"]


def test_sealing_removes_the_key(unsealed, runtime):
    """A command seals for all that follow, and leaves no key behind."""
    assert unsealed("operator", "seal") == (0, "Success! Vault is sealed.\n", "")
    assert [path.name for path in (runtime / "vaultctl").iterdir()] == ["lock"]
    assert unsealed("secrets", "list").code == 2


def test_a_key_of_an_older_epoch_is_removed(unsealed, runtime):
    """A key that was put back after a seal opens nothing, and goes."""
    kept = next(path for path in (runtime / "vaultctl").iterdir() if path.name != "lock")
    old = kept.read_bytes()
    unsealed("operator", "seal")
    kept.touch(0o600)
    kept.write_bytes(old)
    assert unsealed("secrets", "list").code == 2
    assert not kept.exists()


def test_what_cannot_be_marked_is_not_said_to_be_sealed(fresh, made):
    """Without the key the mark cannot be set, and a server may be unsealed: so that is said."""
    ran = fresh("operator", "seal")
    assert (ran.code, "a server that is unsealed stays so" in ran.err) == (2, True)


def test_the_key_is_the_owners_alone(unsealed, runtime):
    """The folder is 0700 and its files 0600; no share is left in it."""
    folder = runtime / "vaultctl"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert list(folder.glob("*.shares")) == []


def test_no_key_and_no_share_is_anywhere_else(unsealed, made, runtime):
    """Neither the data folder nor the home holds the root key or a share, in any spelling."""
    from base64 import b64decode

    kept = json.loads(next(path for path in (runtime / "vaultctl").iterdir() if path.name != "lock").read_text())
    secrets = [b64decode(text) for text in [*made.shares, *(key["root_key"] for key in kept.values())]]
    stored = b"".join(path.read_bytes() for path in unsealed.home.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret not in stored
        assert secret.hex().encode() not in stored


# --- where no key can be kept ---


def refusal(ran) -> str:
    """Give why a command kept no key; it named the choices."""
    assert ran.code == 2
    first, choices = ran.err.split("\n\n")
    assert "VAULTCTL_UNSEAL_KEY" in choices
    assert "vaultctl server" in choices
    return first.partition("there is no place to keep the key of this state in: ")[2]


def test_without_a_runtime_folder_unsealing_is_refused(fresh, made):
    """No folder, no key: and the choices are named."""
    assert refusal(fresh("operator", "unseal", made.shares[0], env={"XDG_RUNTIME_DIR": ""})) == (
        "XDG_RUNTIME_DIR names no folder"
    )


def test_a_runtime_folder_on_a_disk_is_refused(fresh, made, tmp_path):
    """A folder that is not in memory keeps no key, and nothing is made in it."""
    folder = tmp_path / "run"
    folder.mkdir(0o700)
    assert "is on a disk" in refusal(fresh("operator", "unseal", made.shares[0], env={"XDG_RUNTIME_DIR": str(folder)}))
    assert list(folder.iterdir()) == []


def test_a_runtime_folder_that_others_can_enter_is_refused(fresh, made, runtime):
    """A folder that others may look into keeps no key."""
    runtime.chmod(0o755)
    assert "is not its owner's alone (mode 755)" in refusal(fresh("operator", "unseal", made.shares[0]))


def test_a_link_is_no_runtime_folder(fresh, made, runtime, tmp_path):
    """A link in the place of our own folder is refused: it may lead anywhere."""
    (runtime / "vaultctl").symlink_to(tmp_path)
    assert "is no folder" in refusal(fresh("operator", "unseal", made.shares[0]))


def test_a_key_that_others_could_read_is_not_used(unsealed, runtime):
    """A folder that was opened to others after the key was put there makes the state sealed."""
    (runtime / "vaultctl").chmod(0o755)
    assert unsealed("secrets", "list").code == 2


def shares_file(program, made, number: int) -> str:
    """Write so many shares into a file of the owner's."""
    path = program.home / "shares"
    path.touch(0o600)
    path.write_text("\n".join(made.shares[:number]) + "\n")
    return f"file:{path}"


def test_the_shares_may_be_named_for_each_command(fresh, made):
    """With VAULTCTL_UNSEAL_KEY=file:PATH a command opens the state by itself, and keeps nothing."""
    env = {"XDG_RUNTIME_DIR": "", "VAULTCTL_UNSEAL_KEY": shares_file(fresh, made, 2), "VAULT_TOKEN": made.root_token}
    assert fresh("secrets", "list", env={**env, "VAULTCTL_LOCAL": "1"}).code == 0
    assert fresh("secrets", "list", env={"XDG_RUNTIME_DIR": ""}).code == 2


def test_the_shares_may_come_from_a_descriptor(vaultctl):
    """With VAULTCTL_UNSEAL_KEY=fd:NUMBER they are read from an open file."""
    made = init(vaultctl, "-key-shares=3", "-key-threshold=2")
    shares_file(vaultctl, made, 2)
    with open(vaultctl.home / "shares", "rb") as file:
        env = {"VAULTCTL_UNSEAL_KEY": f"fd:{file.fileno()}", "VAULT_TOKEN": made.root_token}
        assert vaultctl("secrets", "list", env=env, pass_fds=[file.fileno()]).code == 0


def test_named_shares_take_the_mark_away(unsealed, made):
    """A state that was sealed stays so until somebody says unseal, whose shares are at hand."""
    unsealed("operator", "seal")
    env = {"XDG_RUNTIME_DIR": "", "VAULTCTL_UNSEAL_KEY": shares_file(unsealed, made, 2)}
    assert unsealed("secrets", "list", env=env).code == 2
    assert unsealed("operator", "unseal", env=env).code == 0
    assert unsealed("secrets", "list", env=env).code == 0


@pytest.mark.parametrize("number", [0, 1])
def test_too_few_named_shares_are_counted(fresh, made, number):
    """The message says how many there are and how many open, and shows none."""
    ran = fresh("secrets", "list", env={"VAULTCTL_UNSEAL_KEY": shares_file(fresh, made, number)})
    assert (ran.code, f"has {number} shares, and 2 of 3 open the state" in ran.err) == (2, True)


def test_shares_of_another_state_are_told_of(fresh, made):
    """Shares that make another key open nothing, and are not shown."""
    path = shares_file(fresh, made, 1)
    other = "ab" * 32 + "ff"
    with open(path.removeprefix("file:"), "a") as file:
        file.write(other + "\n")
    ran = fresh("secrets", "list", env={"VAULTCTL_UNSEAL_KEY": path})
    assert (ran.code, "are not those of this state" in ran.err, other in ran.err) == (2, True, False)


@pytest.mark.parametrize("source", ["env:HOME", "ab" * 33, "file:/nosuch/key", "fd:99"])
def test_a_source_that_gives_no_share_is_an_error(fresh, made, source):
    """Shares never come from the environment itself; what may be one is not shown."""
    ran = fresh("secrets", "list", env={"VAULTCTL_UNSEAL_KEY": source})
    assert (ran.code, "ab" * 33 in ran.err) == (2, False)


# --- a seal that opens by itself ---


def test_the_first_use_can_be_sealed_and_unsealed(here):
    """A state that made itself is sealed for all, and its owner unseals it without a share."""
    assert here("operator", "seal").code == 0
    assert here("secrets", "list").code == 2
    status = here("status", "-format=json")
    assert (status.code, json.loads(status.out)["n"], json.loads(status.out)["recovery_seal"]) == (2, 0, True)
    assert here("operator", "unseal").code == 0
    assert here("secrets", "list").code == 0


def test_a_share_for_a_state_without_shares_is_told_so(here):
    """Who brings a share to a state that made itself is told that there are none."""
    here("operator", "seal")
    ran = here("operator", "unseal", "ab" * 33)
    assert (ran.code, "* this state has no recovery shares" in ran.err) == (2, True)


def test_a_sealed_state_is_not_restored_over(here):
    """A snapshot takes the place of a state that is unsealed alone; what it was saved as does not matter."""
    here("operator", "snapshot", "save", "saved.json")
    here("operator", "seal")
    assert here("operator", "snapshot", "restore", "saved.json").err.startswith("Error: Vault is sealed\n")
    here("operator", "unseal")
    assert here("operator", "snapshot", "restore", "saved.json").code == 0
    assert here("secrets", "list").code == 0


def test_a_sealed_state_can_be_salvaged(here):
    """What a seal that opens by itself wraps can be saved from a sealed state, which stays sealed."""
    here("operator", "seal")
    assert here("operator", "check", "-salvage=saved.json").code == 0
    env = {"VAULTCTL_STORAGE": f"json:{here.home}/saved.json"}
    assert here("secrets", "list", env=env).code == 2
    assert here("operator", "unseal", env=env).code == 0
    assert here("secrets", "list", env=env).code == 0


def test_an_unsealed_shamir_seal_is_healthy_and_wraps_nothing(unsealed):
    """Its key is at hand; entries are wrapped by seals that open by themselves alone."""
    told = json.loads(unsealed("read", "-format=raw", "sys/seal-backend-status").out)
    assert (told["healthy"], told["fully_wrapped"]) == (True, True)
    assert [(each["name"], each["wraps"]) for each in told["backends"]] == [("shamir", False)]
    row = next(line for line in unsealed("sealwrap", "status").out.splitlines() if line.startswith("shamir"))
    assert row.split()[2:4] == ["true", "false"]


def test_a_shamir_state_is_saved_and_restored(unsealed):
    """A copy is restored over its own state, which stays unsealed."""
    assert unsealed("operator", "snapshot", "save", "saved.json").code == 0
    unsealed("secrets", "enable", "-path=later", "kv")
    assert unsealed("operator", "snapshot", "restore", "saved.json").code == 0
    assert "later/" not in unsealed("secrets", "list").out


def test_a_shamir_state_moves_to_another_backend(unsealed):
    """It stays unsealed on its way."""
    assert unsealed("operator", "migrate", "-to=sqlite").code == 0
    assert unsealed("secrets", "list").code == 0
    assert unsealed("operator", "check").code == 0


# --- damaged ---


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"threshold":2', '"threshold":"2"'),
        ('"threshold":2', '"threshold":null'),
        ('"threshold":2', '"threshold":-1'),
        ('"type":"shamir",', ""),
        ('"key_id":"', '"key":"'),
    ],
)
def test_a_header_that_somebody_changed_is_said_to_be_damaged(fresh, made, before, after):
    """Nothing proves it before there is a key: whoever unseals is told what it is, and what to do."""
    path = fresh.data / "state.json"
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    for words in (["unseal", made.shares[0]], ["seal-migrate", "-to=static", "-"], ["seal"]):
        ran = fresh("operator", *words, stdin="\n".join(made.shares).encode())
        assert (ran.code, "has a header without a good seal" in ran.err) == (2, True), ran.err
        assert "restore a backup" in ran.err
