"""What the contract tests of several ports share."""

from collections.abc import Iterator

import pytest
from tests.support.dynamodb import Tables, moto_tables


@pytest.fixture(scope="module")
def moto() -> Iterator[Tables]:
    """DynamoDB in process, where backend "aws" has its tables."""
    with moto_tables() as tables:
        yield tables
