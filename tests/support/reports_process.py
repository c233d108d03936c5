"""`truckstream reports` as its user starts it: a process of its own on a free port, asked over HTTP."""

import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx


class Reports:
    """The running application."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=60)

    def get(self, name: str, **query: Any) -> dict[str, Any]:
        """Return the answer of a report; it must be a good one."""
        answer = self.client.get(f"/api/v1/reports/{name}", params=_query(query))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def items(self, name: str, **query: Any) -> list[dict[str, Any]]:
        """Return all rows of a table, page by page."""
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.get(name, **query, **({"cursor": cursor} if cursor else {}))
            rows += page["items"]
            cursor = page["next"]
            if cursor is None:
                assert len(rows) == page["total"]
                return rows

    def status(self, name: str, **query: Any) -> int:
        """Return the status of an answer."""
        return self.client.get(f"/api/v1/reports/{name}", params=_query(query)).status_code


def _query(query: dict[str, Any]) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in query.items()}


@contextmanager
def reports_of(data: Path, *arguments: str) -> Generator[Reports]:
    """Start the reports of a data directory; Ctrl-C must end them well."""
    command = [sys.executable, "-m", "truckstream", "reports", "--data", str(data), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+:(\d+)", line)
        assert found, line + process.stderr.read()
        reports = Reports(f"http://127.0.0.1:{found[1]}")
        try:
            yield reports
        finally:
            reports.client.close()
            process.send_signal(2)
            said = process.stderr.read()
            assert process.wait(20) == 0, said
        assert said == ""
