"""Shares of a secret: as other programs make and combine them, and what is none."""

import itertools
import os

import pyshamir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.shamir_bao import shamir_bao

from vaultctl.crypto.shamir import combine, split, wipe
from vaultctl.logical.errors import InvalidRequest

SECRET = bytes(range(32))

NUMBERS = st.integers(2, 12).flatmap(lambda shares: st.tuples(st.just(shares), st.integers(2, shares)))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=48), NUMBERS, st.randoms())
def test_any_shares_that_are_enough_give_the_secret(secret: bytes, numbers: tuple[int, int], chance):
    """Whichever they are, and in whatever order."""
    shares, threshold = numbers
    made = split(secret, shares, threshold, os.urandom)
    assert combine(chance.sample(made, threshold)) == secret
    assert combine(chance.sample(made, shares)) == secret


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=48), NUMBERS, st.randoms())
def test_another_program_combines_our_shares(secret: bytes, numbers: tuple[int, int], chance):
    """A secret that is split here is combined by an implementation of Vault's format that nobody here wrote."""
    made = split(secret, *numbers, os.urandom)
    assert pyshamir.combine([bytearray(share) for share in chance.sample(made, numbers[1])]) == secret


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=48), NUMBERS, st.randoms())
def test_we_combine_the_shares_of_another_program(secret: bytes, numbers: tuple[int, int], chance):
    """A secret that is split there is combined here."""
    made = pyshamir.split(secret, *numbers)
    assert combine(chance.sample(made, numbers[1])) == secret


def test_the_most_shares_there_are():
    """Each of 255 shares has its own x, and none is 0."""
    made = split(b"s", 255, 255, os.urandom)
    assert sorted(share[-1] for share in made) == list(range(1, 256))
    assert combine(made) == b"s"
    assert combine(made[:-1]) != b"s" or combine(made[1:]) != b"s" or combine(made[2:]) != b"s"


def test_a_share_is_one_byte_longer_than_the_secret():
    """The last byte is the share's place, drawn by lot."""
    made = [split(SECRET, 3, 2, os.urandom) for _ in range(20)]
    assert {len(share) for shares in made for share in shares} == {33}
    assert len({tuple(share[-1] for share in shares) for shares in made}) > 1


def test_a_single_share_is_the_secret():
    """Where one share is enough nothing is shared, as in Vault."""
    assert split(SECRET, 1, 1, os.urandom) == [SECRET]
    assert combine([SECRET]) == SECRET


def test_too_few_shares_give_another_secret():
    """Nothing tells it from the right one."""
    made = split(SECRET, 5, 3, os.urandom)
    wrong = [bytes(combine(pair)) for pair in itertools.combinations(made, 2)]
    assert SECRET not in wrong


def test_fewer_shares_than_it_takes_tell_nothing():
    """For a share at hand, every secret is as possible as any other: some second share gives it."""
    share = split(b"\x2a", 2, 2, os.urandom)[0]
    other = share[-1] % 255 + 1
    assert {bytes(combine([share, bytes([y, other])])) for y in range(256)} == {bytes([n]) for n in range(256)}


def test_a_changed_share_gives_another_secret():
    """One bit suffices."""
    one, two, _ = split(SECRET, 3, 2, os.urandom)
    assert combine([one, bytes([two[0] ^ 1]) + two[1:]]) != SECRET


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([], "no share was given"),
        ([b"ab", b"ab"], "duplicate part detected"),
        ([b"a\x01", b"b\x01"], "duplicate part detected"),
        ([b"a\x01", b"ab\x02"], "all parts must be the same length"),
        ([b"a", b"b"], "parts must be at least two bytes"),
        ([b"a\x00", b"b\x01"], "ends in a zero byte"),
    ],
)
def test_what_cannot_be_shares(shares: list[bytes], message: str):
    """Shares that cannot be of one secret are refused."""
    with pytest.raises(InvalidRequest, match=message):
        combine(shares)


@pytest.mark.parametrize(
    ("shares", "threshold", "message"),
    [
        (0, 0, "shares must be at least one"),
        (1, 0, "threshold must be at least one"),
        (2, 1, "threshold must be greater than one for multiple shares"),
        (2, 3, "threshold cannot be larger than shares"),
        (256, 2, "shares must be less than 256"),
    ],
)
def test_numbers_that_cannot_be(shares: int, threshold: int, message: str):
    """Numbers of shares that OpenBao refuses are refused in its words."""
    with pytest.raises(InvalidRequest, match=message):
        split(SECRET, shares, threshold, os.urandom)


def test_nothing_cannot_be_shared():
    """An empty secret is refused."""
    with pytest.raises(InvalidRequest, match="empty"):
        split(b"", 3, 2, os.urandom)


def test_a_buffer_is_wiped():
    """What a buffer held is gone."""
    buffer = bytearray(SECRET)
    wipe(buffer)
    assert buffer == bytes(32)


def test_the_real_bao_and_we_take_each_others_shares(tmp_path):
    """OpenBao's unseal keys are combined here, and OpenBao is unsealed with shares that are made here of the result."""
    with shamir_bao(tmp_path) as bao:
        theirs = [bytes.fromhex(key) for key in bao.initialise(5, 3)]
        secrets = {bytes(combine(some)) for some in itertools.combinations(theirs, 3)}
        assert len(secrets) == 1
        ours = split(secrets.pop(), 7, 3, os.urandom)
        bao.ask("PUT", "sys/seal")
        assert not bao.unseal(*[share.hex() for share in split(SECRET, 5, 3, os.urandom)[:3]])
        assert bao.unseal(*[share.hex() for share in ours[2:5]])
