"""The lease that keeps two compactions apart: one holder at a time, whatever is lost on the way."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.aws_faults import AwsFaults
from tests.support.aws_parts import BUCKET, moto_session, session

from truckstream.aws.lease import LEASE_MS, BucketLease
from truckstream.core.errors import Denied, Unavailable
from truckstream.testing import MovableClock


@pytest.fixture
def client() -> Iterator[Any]:
    with moto_session(bucket=True) as made:
        yield made.client("s3")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(1_705_314_600_000)


def keys(client: Any) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_one_holds_it_at_a_time_and_gives_it_back(client: Any, clock: MovableClock) -> None:
    with BucketLease(client, BUCKET, "compaction", clock):
        assert keys(client) == ["positions/_compaction.json"]
        with (
            pytest.raises(Unavailable, match="compaction is running elsewhere, until 2024-01-15T10:45"),
            BucketLease(client, BUCKET, "compaction", clock),
        ):
            pass
        with BucketLease(client, BUCKET, "something-else", clock):
            pass
    assert keys(client) == []
    with BucketLease(client, BUCKET, "compaction", clock):
        pass


def test_it_is_given_back_when_the_work_fails(client: Any, clock: MovableClock) -> None:
    with pytest.raises(ZeroDivisionError), BucketLease(client, BUCKET, "compaction", clock):
        raise ZeroDivisionError
    assert keys(client) == []


def test_a_dead_holder_holds_up_nobody_for_long(client: Any, clock: MovableClock) -> None:
    dead = BucketLease(client, BUCKET, "compaction", clock)
    dead.__enter__()
    clock.advance(LEASE_MS)
    with BucketLease(client, BUCKET, "compaction", clock) as lease:
        with pytest.raises(Unavailable, match="another has taken over"):
            dead.renew()
        dead.__exit__()
        assert keys(client) == ["positions/_compaction.json"]  # it was not the dead one's to give back
        lease.renew()


def test_renewing_prolongs_it_and_asks_seldom(client: Any, clock: MovableClock) -> None:
    faults = AwsFaults(client)
    with BucketLease(client, BUCKET, "compaction", clock) as lease:
        for _ in range(10):
            lease.renew()
        assert faults.calls == ["PutObject"]
        for _ in range(6):
            clock.advance(LEASE_MS // 2)
            lease.renew()
            with pytest.raises(Unavailable), BucketLease(session().client("s3"), BUCKET, "compaction", clock):
                pass


def test_a_lost_answer_is_no_other_holder(client: Any, clock: MovableClock) -> None:
    """botocore sends a request again whose answer was lost, and then meets its own write."""
    lease = BucketLease(client, BUCKET, "compaction", clock)
    faults = AwsFaults(client)
    faults.lose_answer("PutObject")
    with pytest.raises(Unavailable):
        lease.__enter__()
    with lease:
        clock.advance(LEASE_MS // 2)
        faults.lose_answer("PutObject")
        with pytest.raises(Unavailable):
            lease.renew()
        lease.renew()
    assert keys(client) == []


def test_a_missing_permission_is_told(client: Any, clock: MovableClock) -> None:
    AwsFaults(client).fail("PutObject", "AccessDenied", status=403)
    with pytest.raises(Denied, match="s3:PutObject"), BucketLease(client, BUCKET, "compaction", clock):
        pass
