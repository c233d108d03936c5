"""Requests made from the reports' own OpenAPI document: no failure inside, no answer it does not describe."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.integration.test_reports_api import sources
from tests.support.http_server import running

from truckstream.core.instants import parse_instant
from truckstream.reports.application import ReportApplication
from truckstream.reports.sources import ReportOptions

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)
# What no generator guesses: then requests get behind the parsing of their parameters.
REAL = """
[parameters]
"query.from" = "2024-03-30"
"query.to" = "2024-03-31T22:30:00Z"
"query.tz" = "Asia/Kolkata"
"query.other_from" = "2024-03-29"
"query.other_to" = "2024-03-30"
"query.truck" = "A"
"path.file_name" = "FILE"
"""


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    options = ReportOptions(clock=lambda: parse_instant("2024-04-02T00:00:00Z"))
    with running(ReportApplication(sources(), options).asgi) as address:
        yield address


@pytest.mark.parametrize("file_name", ["trips.geojson", ""])
def test_every_answer_is_one_that_the_document_describes(url: str, tmp_path: Path, file_name: str) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(REAL.replace("FILE", file_name) if file_name else "")
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{url}/schema/openapi.json",
        "--checks", CHECKS, "--max-examples", "5", "--seed", "1", "--phases", "coverage,fuzzing", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert "Tested: 17" in done.stdout, done.stdout[-2000:]
