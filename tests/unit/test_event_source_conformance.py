"""The rules of AWS Lambda for Kinesis, one row each, and the page of the AWS documentation that states it.

Not in the table because the emulator does not have them: tumbling windows, filters, and a ParallelizationFactor
above 1 (it delivers one batch per shard at a time, which keeps a truck's positions in order as Lambda does).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.event_source import (
    OK,
    Answer,
    Observed,
    always_ok,
    answers_first,
    fails_first,
    fails_then_progresses_then_fails,
    latest,
    number_of,
    points_at,
    points_once_at,
    points_retryably_at,
    poison,
    put,
)

from truckstream.core.errors import StorageDamaged, StorageFull
from truckstream.local.event_source import MappingSettings
from truckstream.local.stream import LocalStream
from truckstream.ports import BatchResult

# Pages of the AWS Lambda Developer Guide, docs.aws.amazon.com/lambda/latest/dg/<page>.html.
BATCHING = "invocation-eventsourcemapping"  # batching behavior
KINESIS = "with-kinesis"  # polling and batching streams, scaling
CREATE = "services-kinesis-create"  # polling and stream starting positions
PARAMETERS = "services-kinesis-parameters"
PARTIAL = "services-kinesis-batchfailurereporting"
RETAIN = "kinesis-on-failure-destination"  # retries, age, bisecting, discarded records
OURS = ""  # a deviation on purpose; local/event_source.py and local/mapping.py say why


class Rule(NamedTuple):
    """What a consumer sees, and when, of records put at once, and of `more` of them put at later instants."""

    name: str
    page: str
    records: int
    mapping: MappingSettings
    consumer: Answer
    invocations: list[list[int]]
    rejected: Sequence[int] = ()
    more: Sequence[tuple[int, int]] = ()
    times_ms: list[int] | None = None
    arrivals_ms: Sequence[int] = ()
    size: int = 0
    from_ms: int = 0
    before: int = 0


WHOLE = latest(bisect_on_error=False)
RULES = [
    Rule(
        "a batch holds at most batch_size records", BATCHING, 5, latest(batch_size=2), always_ok, [[1, 2], [3, 4], [5]]
    ),
    Rule(
        "a failed batch is tried again as it was",
        KINESIS,
        3,
        WHOLE,
        fails_first(2, ValueError()),
        [[1, 2, 3], [1, 2, 3], [1, 2, 3]],
    ),
    Rule(
        "after the retries the whole batch is given up and the shard moves on",
        RETAIN,
        5,
        latest(bisect_on_error=False, batch_size=3, retry_attempts=1),
        poison(2),
        [[1, 2, 3], [1, 2, 3], [4, 5]],
        [1, 2, 3],
    ),
    Rule(
        "no retries: one try",
        PARAMETERS,
        2,
        latest(bisect_on_error=False, retry_attempts=0),
        poison(1),
        [[1, 2]],
        [1, 2],
    ),
    Rule(
        "bisecting leaves only the bad record behind",
        RETAIN,
        8,
        latest(),
        poison(6),
        [[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4], [5, 6, 7, 8], [5, 6], [5], [6], [6], [6], [6], [7, 8]],
        [6],
    ),
    Rule(
        "splitting does not use up retries",
        RETAIN,
        4,
        latest(retry_attempts=0),
        poison(2),
        [[1, 2, 3, 4], [1, 2], [1], [2], [3, 4]],
        [2],
    ),
    Rule(
        "two bad records in one batch are both found",
        RETAIN,
        4,
        latest(retry_attempts=0),
        poison(1, 4),
        [[1, 2, 3, 4], [1, 2], [1], [2], [3, 4], [3], [4]],
        [1, 4],
    ),
    Rule(
        "a partial answer delivers again from the failed record on",
        PARTIAL,
        4,
        latest(),
        points_once_at(3),
        [[1, 2, 3, 4], [3, 4]],
    ),
    Rule(
        "a partial answer that persists is pinned on its record when bisecting",
        PARTIAL,
        4,
        latest(retry_attempts=1),
        points_at(3),
        [[1, 2, 3, 4], [3, 4], [3], [3], [4]],
        [3],
    ),
    Rule(
        "a partial answer that persists gives up the rest when not bisecting",
        PARTIAL,
        4,
        latest(bisect_on_error=False, retry_attempts=1),
        points_at(3),
        [[1, 2, 3, 4], [3, 4], [3, 4]],
        [3, 4],
    ),
    Rule(
        "progress starts the count of tries anew",
        PARTIAL,
        3,
        latest(bisect_on_error=False, retry_attempts=1),
        fails_then_progresses_then_fails,
        [[1, 2, 3], [1, 2, 3], [2, 3], [2, 3]],
    ),
    Rule(
        "an answer that names no record of the batch fails the whole batch",
        PARTIAL,
        2,
        latest(bisect_on_error=False),
        answers_first(BatchResult(10**12)),
        [[1, 2], [1, 2]],
    ),
    Rule(
        "partial answers switched off fail the whole batch",
        OURS,
        2,
        latest(bisect_on_error=False, partial_answers=False),
        points_once_at(2),
        [[1, 2], [1, 2]],
    ),
    Rule(
        "an answer of a wrong type fails the whole batch",
        OURS,
        2,
        latest(bisect_on_error=False),
        lambda batch, invocation: None if invocation == 1 else OK,  # type: ignore[arg-type,return-value]
        [[1, 2], [1, 2]],
    ),
    Rule(
        "endless retries never give up",
        PARAMETERS,
        2,
        latest(bisect_on_error=False, retry_attempts=-1),
        fails_first(12, ValueError()),
        [[1, 2]] * 13,
    ),
    Rule(
        "a retryable error is waited out, unsplit and uncounted",
        OURS,
        2,
        latest(retry_attempts=0),
        fails_first(12, StorageFull("full")),
        [[1, 2]] * 13,
    ),
    Rule(
        "a retryable error counts when told to, as on Lambda",
        RETAIN,
        2,
        latest(retry_attempts=1, give_up_on_retryable=True, bisect_on_error=False),
        fails_first(12, StorageFull("full")),
        [[1, 2]] * 2,
        [1, 2],
    ),
    Rule(
        "a partial answer that is retryable is waited out, uncounted",
        OURS,
        3,
        latest(retry_attempts=0),
        points_retryably_at(2, times=12),
        [[1, 2, 3]] + [[2, 3]] * 12,
    ),
    Rule(
        "an error that is not retryable counts",
        RETAIN,
        1,
        latest(retry_attempts=2),
        fails_first(12, StorageDamaged("torn")),
        [[1]] * 3,
        [1],
    ),
    Rule(
        "a batch waits for the window, which opens with its first record",
        BATCHING,
        2,
        latest(batch_size=9, window_ms=1_000),
        always_ok,
        [[1, 2, 3], [4]],
        more=((999, 1), (5_000, 1)),
        times_ms=[1_000, 6_000],
    ),
    Rule(
        "a batch that is full does not wait for the window",
        BATCHING,
        2,
        latest(batch_size=3, window_ms=1_000),
        always_ok,
        [[1, 2, 3]],
        more=((400, 1),),
        times_ms=[400],
    ),
    Rule(
        "without a window a batch goes as soon as there is a record",
        BATCHING,
        1,
        latest(batch_size=100),
        always_ok,
        [[1], [2, 3]],
        more=((50, 2),),
        times_ms=[0, 50],
    ),
    Rule(
        "a batch ends before its payload grows too large, and does not wait then",
        BATCHING,
        5,
        latest(max_batch_bytes=250, window_ms=1_000),
        always_ok,
        [[1, 2], [3, 4], [5]],
        size=100,
        times_ms=[0, 0, 1_000],
    ),
    Rule(
        "a record as large as the limit goes alone",
        BATCHING,
        3,
        latest(max_batch_bytes=100),
        always_ok,
        [[1], [2], [3]],
        size=150,
    ),
    Rule(
        "one batch of a shard is in flight: later records wait for a failing one",
        KINESIS,
        2,
        latest(batch_size=1, retry_attempts=2, backoff_ms=(100, 100)),
        fails_first(2, ValueError()),
        [[1], [1], [1], [2], [3]],
        more=((10, 1),),
        times_ms=[0, 100, 200, 200, 200],
    ),
    Rule(
        "records above their age are given up without a try",
        RETAIN,
        5,
        latest(max_record_age_ms=500),
        always_ok,
        [[2, 4, 5]],
        [1, 3],
        arrivals_ms=(100, 900, 499, 500, 1_000),
        from_ms=1_000,
    ),
    Rule(
        "a failing record is given up when it comes of age, whatever the retries",
        RETAIN,
        2,
        latest(max_record_age_ms=1_000, retry_attempts=-1, backoff_ms=(300, 300)),
        poison(1),
        [[1, 2], [1], [1], [1], [1]],
        [1, 2],
        times_ms=[0, 0, 300, 600, 900],
    ),
    Rule(
        "age is not limited when it is -1",
        PARAMETERS,
        1,
        latest(max_record_age_ms=-1),
        always_ok,
        [[1]],
        from_ms=10**12,
    ),
    Rule(
        "LATEST begins with what arrives after the mapping was made",
        CREATE,
        2,
        latest(),
        always_ok,
        [[1, 2]],
        before=3,
    ),
    Rule(
        "AT_TIMESTAMP begins with the first record of that time",
        CREATE,
        0,
        latest(starting_position="AT_TIMESTAMP", starting_timestamp_ms=10**9 + 1),
        always_ok,
        [[2, 3]],
        before=3,
        arrivals_ms=(10**9, 10**9 + 1, 10**9 + 2),
    ),
    Rule(
        "TRIM_HORIZON begins with the oldest record there is",
        CREATE,
        2,
        latest(starting_position="TRIM_HORIZON"),
        always_ok,
        [[1, 2, 3, 1, 2]],
        before=3,
    ),
]


def drive(observed: Observed, rule: Rule) -> None:
    """Put what comes later at its time, and poll whenever something is due."""
    later, placed = list(rule.more), rule.records
    while True:
        due_ms = observed.source.next_due_ms()
        if later and (due_ms is None or later[0][0] <= max(due_ms, observed.now_ms)):
            observed.now_ms, more = later.pop(0)
            put(observed.stream, more, size=rule.size, first=placed + 1)
            placed += more
            observed.poll()
        elif later:
            observed.now_ms = max(observed.now_ms, due_ms or 0)
            observed.poll()
        else:
            observed.run()
            return


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.page or 'ours'}: {rule.name}" for rule in RULES])
def test_delivery_follows_the_rule(rule: Rule, tmp_path: Path) -> None:
    stream = LocalStream(tmp_path / "stream.db", shard_count=1, clock=lambda: 0)
    put(stream, rule.before, arrivals_ms=rule.arrivals_ms)
    observed = Observed(stream, rule.consumer, rule.mapping)
    observed.now_ms = rule.from_ms
    put(stream, rule.records, arrivals_ms=rule.arrivals_ms, size=rule.size)
    drive(observed, rule)
    assert observed.invocations == rule.invocations
    assert rule.times_ms in (None, observed.times_ms)
    assert [number_of(record) for record in observed.rejected] == list(rule.rejected)
    assert observed.restart().drained
    assert observed.source.last_error is None
    stream.close()


def test_every_setting_of_a_mapping_is_in_the_table() -> None:
    default = MappingSettings(starting_position="LATEST")
    varied = {
        field
        for field in default.__struct_fields__
        for rule in RULES
        if getattr(rule.mapping, field) != getattr(default, field)
    }
    assert varied == set(default.__struct_fields__)
