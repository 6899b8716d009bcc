"""The pytest plugin: fixtures that give a vault, a marker and a setting that say what is in it.

It is loaded in every pytest run of the environment, and imports the vault when a test asks for one. No fixture here
hangs on another one of them, so that a test suite can have fixtures of the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike
    from typing import Any

    from vaultctl.testing.vault import Vault

MARKER = SETTING = "vault_seed"


class VaultFactory(Protocol):
    """Makes vaults; all of them end with the test. The arguments are those of `Vault`."""

    def __call__(self, *seeds: str | PathLike[str] | Mapping[str, Any], **options: Any) -> Vault:
        """Make one; a relative path is below the folder of the test's file."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini(SETTING, "files of what the vault of each test holds (TOML or JSON)", type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", f"{MARKER}(*seeds): files, or dicts, of what the vault of a test holds")


@pytest.fixture
def vault(request: pytest.FixtureRequest) -> Iterator[Vault]:
    """A vault for one test."""
    yield from _vault(request)


@pytest.fixture(scope="module")
def vault_module(request: pytest.FixtureRequest) -> Iterator[Vault]:
    """A vault for all tests of a module."""
    yield from _vault(request)


@pytest.fixture(scope="session")
def vault_session(request: pytest.FixtureRequest) -> Iterator[Vault]:
    """A vault for all tests of a process."""
    yield from _vault(request)


@pytest.fixture
def vault_factory(request: pytest.FixtureRequest) -> Iterator[VaultFactory]:
    """A function that makes vaults, which end with the test; each holds what its arguments say, and no more."""
    from contextlib import ExitStack

    from vaultctl.testing.vault import Vault

    folder = request.path.parent
    with ExitStack() as stack:
        yield lambda *seeds, **options: stack.enter_context(Vault(*seeds, folder=folder, **options))


def pytest_runtest_logfinish() -> None:
    """Take away what a test let go wrong, from vaults that live longer than it."""
    import sys

    module = sys.modules.get("vaultctl.testing.vault")
    if module:
        module.end_of_test()


def _vault(request: pytest.FixtureRequest) -> Iterator[Vault]:
    import os

    from vaultctl.testing.vault import Vault

    seeds: list[Any] = [*request.config.getini(SETTING)]
    for mark in reversed(list(request.node.iter_markers(MARKER))):
        if mark.kwargs or not mark.args:
            pytest.fail(f"{MARKER} takes files or dicts, at least one, and nothing by name", pytrace=False)
        folder = request.path.parent
        seeds += [folder / seed if isinstance(seed, str | os.PathLike) else seed for seed in mark.args]
    with Vault(*seeds) as vault:
        yield vault
