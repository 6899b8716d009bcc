"""Where `login` keeps a token, and which one is used afterwards."""

import json
import stat

import pytest


@pytest.fixture
def token(here):
    """A token of the local state."""
    return json.loads(here("token", "create", "-ttl=1h", "-format=json").out)["auth"]["client_token"]


def test_the_local_token_lies_beside_the_state(here, token):
    """On the local state a login writes `token` in the data folder, for its owner alone."""
    before = here.data.joinpath("root-token").read_text()
    assert here("login", "-no-print", token).code == 0
    kept = here.data / "token"
    assert kept.read_text().strip() == token
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert here.data.joinpath("root-token").read_text() == before
    assert not here.home.joinpath(".vault-token").exists()


def test_the_token_of_a_cluster_is_left_alone(here, token):
    """A login to the local state never touches what a cluster's client keeps at home."""
    home = here.home / ".vault-token"
    home.write_text("a cluster's")
    assert here("login", token).code == 0
    assert home.read_text() == "a cluster's"


def test_later_commands_use_the_token(here, token):
    """The token that was kept is the one in use, until another takes its place."""
    here("login", "-no-print", token)
    assert here("print", "token").out.strip() == token
    assert here("token", "lookup", "-field=creation_ttl").out == "3600"


def test_a_token_that_ended_says_what_to_do(here, token):
    """Where the kept token is good no more, stderr names its file."""
    here("login", "-no-print", token)
    assert here("token", "revoke", "-self").code == 0
    refused = here("secrets", "list")
    assert refused.code == 2
    assert f"{here.data / 'token'}, and is good no more" in refused.err


@pytest.mark.parametrize("flags", [["-no-store"], ["-token-only"]])
def test_what_is_not_to_be_kept_is_not(here, token, flags):
    """With -no-store or -token-only nothing is written."""
    assert here("login", *flags, token).code == 0
    assert not here.data.joinpath("token").exists()


def test_a_refused_login_keeps_nothing(here):
    """A token that is none is not kept, and the one before it stays in use."""
    assert here("login", "s.NoTokenOfThisState").code == 2
    assert not here.data.joinpath("token").exists()
    assert here("secrets", "list").code == 0


def test_a_remote_token_is_kept_where_bao_keeps_it(bao, fresh):
    """On a remote a login writes ~/.vault-token as bao does: 0600, and no newline."""
    env = {name: value for name, value in bao.env.items() if name == "BAO_ADDR"}
    assert fresh("login", "-no-print", "root", env=env).code == 0
    kept = fresh.home / ".vault-token"
    assert kept.read_text() == "root"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert fresh("secrets", "list", env=env).code == 0
    assert not fresh.data.exists()


def test_a_remote_token_goes_to_the_helper_that_is_named(bao, fresh):
    """A program that ~/.bao names gets the token on its stdin, and the file is left alone."""
    helper, kept = fresh.home / "helper", fresh.home / "kept"
    helper.write_text(f'#!/bin/sh\ncase "$1" in store) cat > {kept};; get) cat {kept} 2>/dev/null || true;; esac\n')
    helper.chmod(0o700)
    fresh.home.joinpath(".bao").write_text(f'token_helper = "{helper}"\n')
    env = {name: value for name, value in bao.env.items() if name == "BAO_ADDR"}
    assert fresh("login", "-no-print", "root", env=env).code == 0
    assert kept.read_text() == "root"
    assert not fresh.home.joinpath(".vault-token").exists()


def test_a_link_in_the_place_of_the_token_stays_one(bao, fresh):
    """A token file that is a link is written where the link leads."""
    real = fresh.home / "elsewhere"
    real.write_text("old")
    fresh.home.joinpath(".vault-token").symlink_to(real)
    env = {name: value for name, value in bao.env.items() if name == "BAO_ADDR"}
    assert fresh("login", "-no-print", "root", env=env).code == 0
    assert fresh.home.joinpath(".vault-token").is_symlink()
    assert real.read_text() == "root"


def test_bao_reads_what_was_kept(bao, fresh):
    """The real client goes on with the token that a login of ours kept."""
    env = {name: value for name, value in bao.env.items() if name == "BAO_ADDR"}
    fresh("login", "-no-print", "root", env=env)
    found = bao.run("token", "lookup", "-field=id", env={"BAO_TOKEN": "", "HOME": str(fresh.home)})
    assert (found.code, found.out) == (0, "root")
