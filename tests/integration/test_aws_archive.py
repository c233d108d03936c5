"""S3 as archive and rejected store: what the contract tests, equal for all backends, cannot say."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.aws_faults import EXPIRED, AwsFaults
from tests.support.aws_parts import BUCKET, moto_session, session

from truckstream.aws.archive import S3Archive, checksum
from truckstream.aws.rejected import REDRIVEN, WAITING, S3Rejected
from truckstream.aws.session import AwsSession
from truckstream.core.errors import Denied, InvalidSetting, MissingPart, Throttled, Unavailable
from truckstream.ports import RejectedRecord

KEY = "positions/date=2024-01-15/shard-0-1-2.parquet"
ARRIVAL_MS = 1_705_312_800_000  # 2024-01-15T10:00:00Z
RECORD = RejectedRecord("shardId-000000000001", 10**55 + 7, 3, "not JSON", b"\x00\xff{", ARRIVAL_MS, "TRK-1")


@pytest.fixture
def made() -> Iterator[AwsSession]:
    with moto_session(bucket=True) as made:
        yield made


@pytest.fixture
def client(made: AwsSession) -> Any:
    return made.client("s3")


@pytest.fixture
def faults(client: Any) -> AwsFaults:
    return AwsFaults(client)


def stored(client: Any) -> list[str]:
    return sorted(entry["Key"] for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()))


# --- archive ---


def test_files_go_to_intelligent_tiering_with_their_checksum(made: AwsSession, client: Any) -> None:
    headers: list[Any] = []
    client.meta.events.register_first("before-send.s3.PutObject", lambda request, **_: headers.append(request.headers))
    S3Archive(made).put(KEY, b"rows")
    assert client.head_object(Bucket=BUCKET, Key=KEY)["StorageClass"] == "INTELLIGENT_TIERING"
    assert headers[0]["x-amz-checksum-sha256"] in (checksum(b"rows"), checksum(b"rows").encode())


def test_listing_and_deleting_take_as_many_calls_as_needed(
    made: AwsSession, client: Any, faults: AwsFaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "4")
    monkeypatch.setattr("truckstream.aws.archive.DELETED_AT_ONCE", 6)
    client.put_object(Bucket=BUCKET, Key="positions/", Body=b"")
    archive = S3Archive(made)
    names = [f"positions/{number:04}" for number in range(10)]
    for name in names:
        archive.put(name, b"")
    assert [file.key for file in archive.list("positions/")] == names
    assert faults.calls.count("ListObjectsV2") == 3
    archive.delete(iter(names))
    assert archive.list("") == []
    assert faults.calls.count("DeleteObjects") == 2


def test_files_a_delete_leaves_behind_are_an_error(made: AwsSession, client: Any) -> None:
    def refuse(parsed: dict[str, Any], **_: object) -> None:
        parsed["Errors"] = [{"Key": KEY, "Code": "SlowDown", "Message": "scripted"}]

    client.meta.events.register("after-call.s3.DeleteObjects", refuse)
    with pytest.raises(Throttled, match="positions/date"):
        S3Archive(made).delete([KEY])


@pytest.mark.parametrize("key", ["../x", "/etc/x", "a//x", "", "a/.hidden", "a\\x", "a/\0"])
def test_keys_are_those_of_a_directory(made: AwsSession, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        S3Archive(made).put(key, b"x")


def test_slow_downs_and_timeouts_are_retryable(made: AwsSession, faults: AwsFaults) -> None:
    archive = S3Archive(made)
    faults.fail("PutObject", "SlowDown", status=503)
    with pytest.raises(Throttled):
        archive.put(KEY, b"rows")
    faults.time_out("PutObject")
    with pytest.raises(Unavailable):
        archive.put(KEY, b"rows")
    archive.put(KEY, b"rows")
    faults.fail("GetObject", "InternalError", status=500)
    with pytest.raises(Unavailable):
        archive.get(KEY)
    assert archive.get(KEY) == b"rows"


def test_missing_rights_buckets_and_names_are_told_apart(made: AwsSession, faults: AwsFaults) -> None:
    archive = S3Archive(made)
    faults.fail("ListObjectsV2", "AccessDenied", status=403)
    with pytest.raises(Denied, match="s3:ListBucket"):
        archive.list("positions/")
    faults.fail("GetObject", EXPIRED, status=400)
    with pytest.raises(Denied, match="expired"):
        archive.get(KEY)
    archive.bucket = "nowhere"
    with pytest.raises(InvalidSetting, match="S3_BUCKET"):
        archive.get(KEY)
    with pytest.raises(MissingPart, match="S3_BUCKET"):
        S3Archive(AwsSession())


# --- rejected ---


def test_an_entry_is_one_json_object_by_date_and_place(made: AwsSession, client: Any) -> None:
    S3Rejected(made).put([RECORD])
    (key,) = stored(client)
    assert key == f"rejected/date=2024-01-15/shardId-000000000001/{10**55 + 7}.3.json"
    entry = json.loads(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert b64decode(entry.pop("payload_base64")) == RECORD.payload
    assert entry == {
        "shard_id": RECORD.shard_id,
        "sequence_number": str(RECORD.sequence_number),
        "index": 3,
        "reason": "not JSON",
        "arrival": "2024-01-15T10:00:00.000Z",
        "arrival_ms": ARRIVAL_MS,
        "partition_key": "TRK-1",
    }
    assert list(S3Rejected(made).list()) == [RECORD]


def test_redriven_entries_move_and_stale_copies_stay_unlisted(made: AwsSession, client: Any) -> None:
    store = S3Rejected(made)
    store.put([RECORD])
    (key,) = stored(client)
    data = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    store.mark_redriven([RECORD])
    assert stored(client) == [key.replace(WAITING, REDRIVEN)]
    client.put_object(Bucket=BUCKET, Key=key, Body=data)  # a redelivery that overlapped with the move
    assert (store.count(), list(store.list())) == (0, [])
    assert list(store.list(include_redriven=True)) == [RECORD]


def test_one_place_with_two_arrival_dates_is_one_entry(made: AwsSession) -> None:
    store = S3Rejected(made)
    again = RejectedRecord(RECORD.shard_id, RECORD.sequence_number, 3, "again", b"", ARRIVAL_MS + 86_400_000)
    store.put([again])
    store.put([RECORD])
    assert store.count() == 1
    assert list(store.list()) == [RECORD]


def test_long_and_odd_source_names_fit_into_a_key(made: AwsSession, client: Any) -> None:
    records = [
        RejectedRecord(f"source:/{'ü' * 500}/{name}", 1, 0, "\ud800", b"x", ARRIVAL_MS, "\ud800")
        for name in ("a.csv", "b.csv")
    ]
    store = S3Rejected(made)
    store.put(records)
    assert all(len(key.encode()) <= 1024 for key in stored(client))
    assert sorted(each.shard_id for each in store.list()) == [each.shard_id for each in records]
    assert {each.reason for each in store.list()} == {"?"}


def test_foreign_objects_beside_the_entries_are_left_alone(made: AwsSession, client: Any) -> None:
    client.put_object(Bucket=BUCKET, Key="rejected/readme.txt", Body=b"hello")
    store = S3Rejected(made)
    assert (store.count(), list(store.list())) == (0, [])


def test_failed_puts_of_entries_are_retryable_as_a_whole(made: AwsSession, faults: AwsFaults) -> None:
    store = S3Rejected(made)
    records = [RejectedRecord("s", number, 0, "bad", b"", ARRIVAL_MS) for number in range(30)]
    faults.fail("PutObject", "SlowDown", status=503)
    with pytest.raises(Throttled):
        store.put(records)
    store.put(records)
    assert store.count() == 30
    faults.fail("HeadObject", "403", status=403)
    with pytest.raises(Denied, match="s3:GetObject"):
        store.put(records[:1])


def test_botocore_tries_a_timed_out_put_again_first(made: AwsSession) -> None:
    patient = session(made.settings, attempts=3)
    faults = AwsFaults(patient.client("s3"))
    faults.time_out("PutObject", times=1)
    S3Archive(patient).put(KEY, b"rows")
    assert faults.calls == ["PutObject"] * 2
