"""Requests made from the OpenAPI document, right and wrong ones: each answer is a documented one, none is 5xx."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok
from tests.support.web import now_ms, served_directory, system

from truckstream.core.records import Position

ROOT = Path(__file__).resolve().parents[2]
_EXAMPLES = 12
"""Per operation: with some twenty operations a few hundred requests."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("schema") / "data"
    with system(folder) as running:
        running.send(*(Position(f"TRK-{n}", now_ms() - n * 1000, 47.0, 8.0 + n / 1000, 30.0) for n in range(5)))
        running.pipeline.maintain(now_ms(), force=True)
        with served_directory(folder) as client:
            yield client


@pytest.fixture(scope="module")
def document(server: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/schema/openapi.json").json()
    return found


def test_every_operation_is_described_and_says_which_errors_it_answers(document: dict[str, Any]) -> None:
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "put", "post", "delete")
    ]
    assert len(operations) >= 20
    for path, method, operation in operations:
        assert operation.get("summary"), (path, method)
        assert operation.get("description"), (path, method)
        if path != "/healthz":
            assert {"400", "401", "403", "429", "503"} <= set(operation["responses"]), (path, method)
            problem = operation["responses"]["400"]["content"]["application/json"]["schema"]
            assert problem["$ref"].endswith("Problem"), (path, method)


def test_every_operation_has_an_example_in_the_docs(document: dict[str, Any]) -> None:
    called = set()
    for command in re.findall(r"^(?:.*\| )?curl .*$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE):
        path = re.search(r'"\$API(/[^\s?"]*)', command)
        if path is None:
            continue
        method = re.search(r"-X (\w+)", command)
        sends = re.search(r" (-d|--data-binary) ", command)
        called.add((method[1] if method else "POST" if sends else "GET", path[1]))
    for path_name, methods in document["paths"].items():
        pattern = re.compile("/".join("[^/]+" if part.startswith("{") else part for part in path_name.split("/")))
        for name in methods.keys() & {"get", "put", "post", "delete"}:
            if (path_name, name) != ("/api/v1/osmand", "post"):  # the phones' other way, told in words
                assert any(m == name.upper() and pattern.fullmatch(p) for m, p in called), (name, path_name)


def test_no_request_gets_a_server_error_or_an_undocumented_answer(server: httpx.Client) -> None:
    api = schemathesis.openapi.from_url(f"{server.base_url}/schema/openapi.json").exclude(path="/api/v1/live")
    checks = CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_schema_conformance",
        ]
    )
    asked = 0
    for result in api.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @seed(20240115)
        @settings(
            max_examples=_EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=requests_of(operation))
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(base_url=str(server.base_url), checks=checks, timeout=20)

        ask()
    assert asked >= 15 * _EXAMPLES


def requests_of(operation: Any) -> st.SearchStrategy[Any]:
    """Right and wrong requests of one operation."""
    wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    return st.one_of(operation.as_strategy(), wrong)
