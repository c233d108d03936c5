"""The handlers on moto while everything goes wrong: throttled and expired calls, lost answers, poison, batches
delivered up to five times in any split, two invocations of one shard at once. Compared with one undisturbed pass
over in-memory ports: nothing is lost, no position goes backwards, no event has two alert ids.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from tests.support.aws_crashes import before_next
from tests.support.aws_faults import AwsFaults
from tests.support.aws_parts import SETTINGS, moto_session, session
from tests.support.dynamodb import GEOFENCES_TABLE, POSITIONS_TABLE
from tests.support.lambda_poller import Context, event_of

from truckstream.aws import handlers
from truckstream.aws.alerts import AwsAlerts
from truckstream.aws.archive import S3Archive
from truckstream.aws.notifiers import SnsNotifier
from truckstream.aws.outbox import LEASE_MS, Outbox
from truckstream.aws.parts import Parts
from truckstream.aws.positions import AwsPositions
from truckstream.aws.rejected import S3Rejected
from truckstream.aws.session import AwsSession
from truckstream.config import Settings
from truckstream.consumers import history
from truckstream.consumers.archive import ArchiveConsumer
from truckstream.consumers.dashboard import DashboardConsumer
from truckstream.consumers.geofence import GeofenceConsumer
from truckstream.core.errors import TruckstreamError
from truckstream.core.geofences import parse_geofences
from truckstream.core.outliers import Track
from truckstream.core.presence import alert_to_json
from truckstream.core.records import Position, encode_position
from truckstream.core.wire import gzip_frame
from truckstream.parquet import ParquetFormat
from truckstream.ports import Batch, StreamRecord
from truckstream.testing import (
    MemoryArchive,
    MemoryGeofences,
    MemoryPositions,
    MemoryPresence,
    MemoryRejected,
    MovableClock,
)

T0 = 1_705_314_600_000  # 2024-01-15T10:30:00Z
SHARD = "shardId-000000000000"
FIRST = 2**185  # sequence numbers of Kinesis' size
LIMIT_KMH = 200.0
FENCES = parse_geofences(
    b"""[{"geofence_id":"depot","name":"Depot","type":"circle","center":{"latitude":47.0,"longitude":8.0},
    "radius_meters":250,"alert_on":"both"}]"""
).geofences
FUNCTIONS = ("dashboard_consumer", "geofence_consumer", "archive_consumer")

POISON = {
    "not JSON": b"poison",
    "a number too large": b'{"truck_id":"TRK-0","timestamp":"2024-01-15T10:30:00.000Z","latitude":99,"longitude":8}',
    "from the future": b'{"truck_id":"TRK-0","timestamp":"2034-01-15T10:30:00.000Z","latitude":47,"longitude":8}',
    "null island": b'{"truck_id":"TRK-0","timestamp":"2024-01-15T10:30:00.000Z","latitude":0,"longitude":0}',
    "torn gzip": gzip_frame([b"{}"] * 9)[:-9],
    "damaged aggregate": b"\xf3\x89\x9a\xc2" + b"x" * 40,
    "empty": b"",
    "not text": b"\xff\xfe\x00",
}


def drive(truck: int, count: int, rng: random.Random) -> list[Position]:
    """Return a truck's way through the depot and back, again and again: 100 m every 5 s."""
    start = rng.randrange(16)
    place = [abs((start + n) % 16 - 8) - 4 for n in range(count)]
    return [Position(f"TRK-{truck}", T0 + n * 5000 + truck, 47.0 + place[n] * 0.0009, 8.0, 72.0) for n in range(count)]


def stream_of(rng: random.Random, trucks: int = 3, count: int = 24) -> list[StreamRecord]:
    """Return a shard's records: in order per truck, with duplicates, late ones and poison between."""
    positions = sorted((p for truck in range(trucks) for p in drive(truck, count, rng)), key=lambda p: p.timestamp_ms)
    sent = [(position.timestamp_ms, encode_position(position)) for position in positions]
    for _ in range(6):
        place = rng.randrange(len(sent))
        sent.insert(min(len(sent), place + rng.randrange(1, 12)), sent[place])
    for data in POISON.values():
        sent.insert(rng.randrange(len(sent)), (T0, data))
    return [
        StreamRecord(SHARD, FIRST + number, max(T0, at_ms) + 1000, "k", data)
        for number, (at_ms, data) in enumerate(sent)
    ]


class Environment:
    """One Lambda environment: its own clients, which can be made to fail. `attempts` 1: every failure gets through."""

    def __init__(self, clock: MovableClock) -> None:
        self.failures = 0
        made = session(attempts=1)
        dynamodb = made.client("dynamodb")
        self.clients = {"dynamodb": dynamodb, "s3": made.client("s3"), "sns": made.client("sns")}
        self.faults = {name: AwsFaults(client) for name, client in self.clients.items()}
        self.parts = Parts(SETTINGS, outlier_limit_kmh=LIMIT_KMH)
        # One call at a time: moto undoes a failed transaction by putting all tables back.
        alerts = AwsAlerts(dynamodb, "geofences", at_once=1, pause=lambda seconds: None)
        self.parts.__dict__ |= {
            "session": made,
            "positions": AwsPositions(dynamodb, "truck-positions", at_once=1),
            "_alerts": alerts,
            "outbox": Outbox(alerts, SnsNotifier(self.clients["sns"], SETTINGS.topic_arn), clock),
        }

    def invoke(self, function: str, records: Sequence[StreamRecord]) -> int | None:
        """Return the sequence number Lambda goes on from; None: the batch is done."""
        handlers.connect(function, self.parts, Settings(log_level="ERROR"))
        try:
            answer = getattr(handlers, function)(event_of(Batch(SHARD, records)), Context())
        except TruckstreamError:
            self.failures += 1
            return records[0].sequence_number  # Lambda tries the whole batch again
        failures = answer["batchItemFailures"]
        self.failures += len(failures)
        return int(failures[0]["itemIdentifier"]) if failures else None


REQUESTS: dict[str, Sequence[tuple[str, str]]] = {
    "dashboard_consumer": [("dynamodb", "BatchGetItem"), ("dynamodb", "PutItem"), ("s3", "PutObject")],
    "geofence_consumer": [
        ("dynamodb", "BatchGetItem"), ("dynamodb", "PutItem"), ("dynamodb", "TransactWriteItems"),
        ("dynamodb", "Query"), ("sns", "PublishBatch"), ("dynamodb", "UpdateItem"), ("dynamodb", "DeleteItem"),
    ],
    "archive_consumer": [("s3", "PutObject"), ("s3", "HeadObject")],
}  # fmt: skip
"""What a function asks of AWS, most of the time."""

CODES = {
    "dynamodb": (
        ("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500), ("ExpiredTokenException", 400),
    ),
    "s3": (("SlowDown", 503), ("InternalError", 500), ("ExpiredToken", 403)),
    "sns": (("Throttled", 429), ("InternalError", 500), ("ExpiredToken", 403)),
}  # fmt: skip


def plan_faults(environment: Environment, function: str, rng: random.Random) -> None:
    for _ in range(rng.choice((0, 1, 2, 3))):
        service, operation = rng.choice(REQUESTS[function])
        faults = environment.faults[service]
        faults.pass_on(operation, times=rng.choice((0, 0, 1, 2)))
        way = rng.randrange(4)
        if way == 0:
            faults.time_out(operation)
        elif way == 1:
            faults.lose_answer(operation)
        else:
            code, status = rng.choice(CODES[service])
            faults.fail(operation, code, status=status, times=rng.choice((1, 1, 5)))


class World:
    """moto with the deployed parts, and an undisturbed look at what they hold."""

    def __init__(self, made: AwsSession) -> None:
        self.clock = MovableClock(T0 + 600_000)
        self.look = session()
        dynamodb = made.client("dynamodb")
        dynamodb.create_table(TableName="truck-positions", **POSITIONS_TABLE)
        dynamodb.create_table(TableName="geofences", **GEOFENCES_TABLE)
        made.client("sns").create_topic(Name="alerts")
        sqs = made.client("sqs")
        self.queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        made.client("sns").subscribe(
            TopicArn=SETTINGS.topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )
        self.dynamodb = self.look.client("dynamodb")
        self.environments = [Environment(self.clock), Environment(self.clock)]
        self.environments[0].parts.geofences.put(FENCES)
        self._seen: dict[str, int] = {}

    def positions(self) -> Sequence[Track]:
        """Return the latest positions, having looked that none went backwards."""
        tracks = AwsPositions(self.dynamodb, "truck-positions").list()
        for track in tracks:
            assert track.seen_ms >= self._seen.get(track.truck_id, 0), "a position went backwards"
            self._seen[track.truck_id] = track.seen_ms
        return tracks

    def received(self) -> list[str]:
        """Return what a receiver that keeps ids has got, in order."""
        sqs = self.look.client("sqs")
        texts: dict[str, str] = {}
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                alert_id = json.loads(message["Body"])["alert_id"]
                assert texts.setdefault(alert_id, message["Body"]) == message["Body"], "one id, two alerts"
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return sorted(texts.values())

    def send_rest(self) -> None:
        """Let the scheduled function send what is left, once leases of the dead have run out."""
        for environment in self.environments:
            for faults in environment.faults.values():
                faults.clear()
        self.clock.advance(LEASE_MS + 1)
        handlers.connect("send_outbox", self.environments[0].parts, Settings(log_level="ERROR"))
        handlers.send_outbox({}, Context())


@pytest.fixture
def world() -> Iterator[World]:
    with moto_session(bucket=True) as made:
        yield World(made)
    handlers.disconnect()


class Undisturbed:
    """What one pass over in-memory ports leaves behind."""

    def __init__(self, records: Sequence[StreamRecord]) -> None:
        self.positions, self.presence = MemoryPositions(), MemoryPresence()
        self.archive, self.rejected = MemoryArchive(), MemoryRejected()
        geofences = MemoryGeofences(FENCES)
        for consumer in (
            DashboardConsumer(self.positions, self.rejected, outlier_limit_kmh=LIMIT_KMH),
            GeofenceConsumer(self.presence, geofences, self.rejected, outlier_limit_kmh=LIMIT_KMH),
            ArchiveConsumer(self.archive, ParquetFormat(), self.rejected),
        ):
            assert consumer(Batch(SHARD, records)).failed_sequence is None


def rows(archive: Any) -> list[Position]:
    return [row for part in history.iterate(archive, ParquetFormat()) for row in part.to_positions()]


def check(world: World, records: Sequence[StreamRecord]) -> None:
    """Compare everything with the undisturbed pass."""
    wanted = Undisturbed(records)
    assert world.positions() == wanted.positions.list()
    assert rows(S3Archive(world.look)) == rows(wanted.archive)
    log = list(AwsAlerts(world.dynamodb, "geofences").list())
    assert log == list(wanted.presence.list())
    assert len(log) > 5
    assert world.received() == sorted(alert_to_json(alert).decode() for alert in log)
    set_aside = list(S3Rejected(world.look).list())
    assert [entry.payload for entry in set_aside] == [entry.payload for entry in wanted.rejected.list()]
    assert len({(entry.sequence_number, entry.index) for entry in set_aside}) == len(set_aside) == len(POISON)
    events = {(alert.truck_id, alert.geofence_id, alert.alert_type, alert.timestamp_ms) for alert in log}
    assert len(events) == len(log), "one event, two ids"


def deliver(world: World, function: str, records: Sequence[StreamRecord], rng: random.Random) -> None:
    """Bring a shard to a function as Lambda may: again and again, in any split, past its own checkpoint never."""
    place = 0
    for attempt in range(10_000):
        if place == len(records):
            return
        calm = attempt > 400  # the end of trouble: nothing may be left undone then
        end = min(len(records), place + rng.choice((1, 3, 8, 15)))
        begin = place if rng.random() < 0.7 else rng.randrange(place + 1)  # after a crash: from an older checkpoint
        for again in reversed(range(rng.randrange(1, 6))):
            environment = rng.choice(world.environments)
            for faults in environment.faults.values():
                faults.clear()
            if not calm:
                plan_faults(environment, function, rng)
            cuts = sorted({begin, end, *(rng.randrange(begin, end) for _ in range(0 if calm else rng.randrange(3)))})
            reached = run_splits(environment, function, records, cuts)
            world.positions()
            if not again:
                place = max(place, reached) if begin <= place else place
    raise AssertionError(f"{function} never got to the end")


def run_splits(environment: Environment, function: str, records: Sequence[StreamRecord], cuts: Sequence[int]) -> int:
    """Invoke for each part until one fails; return how far it came."""
    for begin, end in pairwise(cuts):
        failed = environment.invoke(function, records[begin:end])
        if failed is not None:
            return failed - FIRST
    return cuts[-1]


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_or_doubled_whatever_fails_and_however_batches_are_cut(world: World, seed: int) -> None:
    rng = random.Random(seed)
    records = stream_of(rng)
    for function in FUNCTIONS:
        deliver(world, function, records, rng)
    assert sum(environment.failures for environment in world.environments) > 20
    world.send_rest()
    check(world, records)


@pytest.mark.parametrize("seed", range(2))
def test_two_invocations_of_one_shard_at_once_do_no_harm(world: World, seed: int) -> None:
    """The first stalls before one of its requests; the shard goes on elsewhere; then the first wakes up."""
    rng = random.Random(100 + seed)
    records = stream_of(rng)
    zombie, living = world.environments
    for function in FUNCTIONS:
        place = 0
        while place < len(records):
            end = min(len(records), place + rng.choice((5, 12, 25)))
            further = min(len(records), end + rng.choice((0, 6, 15)))
            service, operation = rng.choice(REQUESTS[function])
            reached = [place]

            def go_on(begin: int = place, cut: int = end, to: int = further, to_note: list[int] = reached) -> None:
                to_note[0] = run_splits(living, function, records, sorted({begin, cut, to}))  # noqa: B023
                world.positions()

            before_next(zombie.clients[service], operation, go_on, service)
            zombie.invoke(function, records[place:end])  # its answer reaches nobody
            world.positions()
            if reached[0] == place:  # it never came to the stall
                reached[0] = run_splits(living, function, records, [place, end])
            place = reached[0]
            zombie = Environment(world.clock)  # a stalled environment is not used again
            world.environments[0] = zombie
    world.send_rest()
    check(world, records)


def test_batches_of_one_shard_worked_on_at_once_do_no_harm(world: World) -> None:
    """ParallelizationFactor above 1: Lambda deals a shard out by partition key, and each part keeps its order."""
    rng = random.Random(200)
    records = stream_of(rng)
    for function in FUNCTIONS:
        lanes: list[list[StreamRecord]] = [[], [], []]
        for record in records:
            truck = re.search(rb'"TRK-(\d)"', record.data)
            lanes[int(truck[1]) if truck else rng.randrange(3)].append(record)
        overlapped = 0
        while any(lanes):
            first, second = Environment(world.clock), world.environments[1]
            begun, *others = rng.sample([lane for lane in lanes if lane], k=sum(bool(lane) for lane in lanes))
            between = others[:1]

            def work_meanwhile(between: list[list[StreamRecord]] = between, second: Environment = second) -> None:
                nonlocal overlapped
                for lane in between:
                    assert second.invoke(function, lane[:7]) is None  # noqa: B023
                    del lane[:7]
                    overlapped += 1

            service, operation = REQUESTS[function][0]
            before_next(first.clients[service], operation, work_meanwhile, service)
            assert first.invoke(function, begun[:9]) is None
            del begun[:9]
            world.positions()
        assert overlapped >= 3
    world.send_rest()
    check(world, records)


def test_poison_at_any_place_of_a_batch_holds_up_no_neighbour(world: World) -> None:
    set_aside: list[int] = []
    for number, (kind, poison) in enumerate(POISON.items()):
        way = drive(number, 4, random.Random(0))
        for place in range(len(way) + 1):
            data = [encode_position(position) for position in way]
            data.insert(place, poison)
            first = FIRST + 1000 * number + 100 * place
            records = [StreamRecord(SHARD, first + n, T0 + 60_000, "k", each) for n, each in enumerate(data)]
            for function in FUNCTIONS:
                assert world.environments[0].invoke(function, records) is None, kind
            set_aside.append(first + place)
            assert world.positions()[number].last == way[-1], kind
        assert rows(S3Archive(world.look))[-len(way) :] == way, kind
    assert [entry.sequence_number for entry in S3Rejected(world.look).list()] == set_aside


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("dynamodb", "PutItem", "ProvisionedThroughputExceededException", 400),
        ("dynamodb", "BatchGetItem", "ThrottlingException", 400),
        ("s3", "PutObject", "SlowDown", 503),
        ("dynamodb", "PutItem", "ExpiredTokenException", 400),
    ],
)
def test_while_a_service_is_down_the_batch_waits_and_then_is_done(
    world: World, service: str, operation: str, code: str, status: int
) -> None:
    records = stream_of(random.Random(7), trucks=2, count=16)
    environment = world.environments[0]
    for function in FUNCTIONS:
        environment.faults[service].fail(operation, code, status=status, times=1000)
        failed = [environment.invoke(function, records) for _ in range(3)]
        environment.faults[service].clear()
        touches = {"dynamodb": ("dashboard_consumer", "geofence_consumer"), "s3": FUNCTIONS}[service]
        assert all(each is not None for each in failed) == (function in touches)
        assert environment.invoke(function, records) is None
    world.send_rest()
    check(world, records)


def test_alerts_that_sns_refuses_are_sent_once_it_recovers_in_order(world: World) -> None:
    records = stream_of(random.Random(3))
    environment = world.environments[0]
    environment.faults["sns"].fail("PublishBatch", "InternalError", status=500, times=1000)
    assert environment.invoke("geofence_consumer", records) is None  # the batch is done, its alerts are safe
    assert world.received() == []
    world.send_rest()
    log = list(AwsAlerts(world.dynamodb, "geofences").list())
    assert world.received() == sorted(alert_to_json(alert).decode() for alert in log)
    assert log
