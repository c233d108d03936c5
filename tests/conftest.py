"""Fixtures and rules for all tests: the real data sets, hypothesis profiles, and no missing parts in CI."""

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("TRUCKSTREAM_CI") == "1"

# A skip whose reason begins so says that this machine lacks something; in CI everything must be there.
MISSING = ("missing part", "could not import")

if str(ROOT) not in sys.path:  # for `bench.harness`
    sys.path.insert(0, str(ROOT))

# A busy machine is no reason to fail: no deadline, no complaint about slow generation.
settings.register_profile(
    "local", deadline=None, database=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "local")


class ByShare(LoadScopeScheduling):  # type: ignore[misc]
    """Spreads tests over the processes one by one, but keeps together what shares something dear.

    The files of APPLIED share one applied Terraform stack, those of a page test file a browser and a server. (xdist's
    own groups do nothing with pytest 9.2: it no longer lets a plugin rename a test.)
    """

    APPLIED = ("terraform_stack", "terraform_policies", "terraform_running", "terraform_watching", "athena_tables")

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith("tests/e2e/pages/"):
            return file
        if file in {f"tests/integration/test_{name}.py" for name in self.APPLIED}:
            return "the applied stack"
        return nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByShare | None:
    return ByShare(config, log) if config.getvalue("dist") == "load" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the deployment: it mostly waits, for minutes, and would be what all others wait for at the end."""
    items.sort(key=lambda item: "test_deploy_script" not in item.nodeid)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of the real data sets, from TRUCKSTREAM_TEST_DATA."""
    folder = os.environ.get("TRUCKSTREAM_TEST_DATA", "")
    if not folder:
        pytest.skip("missing part: the real data sets; set TRUCKSTREAM_TEST_DATA to their folder")
    if not (Path(folder) / "expected").is_dir():
        pytest.skip(f"missing part: TRUCKSTREAM_TEST_DATA={folder} holds no data sets")
    return Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _failed_when_missing((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _failed_when_missing((yield))


def _failed_when_missing[Report: (pytest.TestReport, pytest.CollectReport)](report: Report) -> Report:
    """Turn the skip of a missing part into a failure in CI."""
    if IN_CI and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.startswith(MISSING):
            report.outcome = "failed"
            report.longrepr = f"In CI nothing may be missing: {reason}"
    return report
