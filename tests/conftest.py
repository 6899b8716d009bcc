import os

import pytest
from support import conformance
from support.bao import serving
from support.by_bao import ByBao
from support.program import Here, Program


@pytest.fixture
def vaultctl(tmp_path):
    """The program, run as a child with a home of its own."""
    return Program(tmp_path)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """The program, run in this process with a home of its own, before its first use."""
    return Here(tmp_path, monkeypatch)


@pytest.fixture
def here(fresh):
    """The program, run in this process, after its first use."""
    return fresh.used()


@pytest.fixture(scope="session")
def running_bao(tmp_path_factory):
    """A real OpenBao for all tests of this process."""
    with serving(tmp_path_factory.mktemp("bao")) as bao:
        yield bao


@pytest.fixture
def bao(running_bao):
    """A real OpenBao that holds what a new dev server does."""
    running_bao.reset()
    return running_bao


@pytest.fixture(scope="session")
def running_audited_bao(tmp_path_factory):
    """A real OpenBao that lets clients enable audit devices, for all tests of this process."""
    allowed = "unsafe_allow_api_audit_creation = true\nallow_audit_log_prefixing = true\n"
    with serving(tmp_path_factory.mktemp("audited-bao"), allowed) as bao:
        yield bao


@pytest.fixture
def audited_bao(running_audited_bao):
    """A real OpenBao that lets clients enable audit devices, and holds what a new dev server does."""
    running_audited_bao.disable_audit()
    running_audited_bao.reset()
    yield running_audited_bao
    running_audited_bao.disable_audit()


@pytest.fixture(scope="session")
def by_bao(running_bao, tmp_path_factory):
    """What `bao` says to scripts of command lines on its own server."""
    base = tmp_path_factory.getbasetemp()  # with xdist that of one process, beside those of the others
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "by-bao"
    folder.mkdir(exist_ok=True)
    return ByBao(running_bao, folder)


def pytest_terminal_summary(terminalreporter):
    """Say at the end of a run of the recorded cases how many were counted, and what came of them."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    asked = [report for report in reports if dict(getattr(report, "user_properties", ())).get("transcript")]
    if asked:
        failed = {dict(report.user_properties)["transcript"] for report in asked if report.failed}
        terminalreporter.section("what OpenBao did, and what is the same here")
        for line in conformance.summary(failed):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def hsm_store(tmp_path_factory):
    """Where SoftHSM of this process keeps its tokens; it asks once."""
    folder = tmp_path_factory.mktemp("softhsm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        yield folder
