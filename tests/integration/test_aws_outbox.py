"""Alerts to SNS (moto): attributes, order, and every way a sending can fail. An SQS queue is the receiver."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pytest
from tests.support.aws_crashes import Crashes
from tests.support.aws_faults import THROTTLED, AwsFaults
from tests.support.aws_parts import session
from tests.support.dynamodb import Tables, moto_tables

from truckstream.aws.alert_feed import AwsAlertFeed
from truckstream.aws.alerts import AwsAlerts
from truckstream.aws.notifiers import SnsNotifier
from truckstream.aws.outbox import LEASE_MS, MAXIMUM_AGE_MS, Outbox
from truckstream.aws.table import Item
from truckstream.core.errors import Denied, InvalidSetting, Unavailable
from truckstream.core.plan.bill import ALERT_BYTES, ALERT_WRITES, LEASE_WRITES
from truckstream.core.presence import Alert, TruckPresence
from truckstream.ports import PresenceChange
from truckstream.testing import MovableClock, RecordingNotifier, SimulatedCrash

T0 = 1_705_312_800_000


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with moto_tables() as made:
        yield made


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(T0)


@pytest.fixture
def log(tables: Tables, clock: MovableClock) -> AwsAlerts:
    return AwsAlerts(tables.client, tables.geofences(), clock=clock, at_once=1, pause=lambda _: None)


class Topic:
    """A topic with a queue behind it."""

    def __init__(self, name: str = "alerts", **attributes: str) -> None:
        made = session()
        self.sns, self.sqs = made.client("sns"), made.client("sqs")
        self.arn: str = self.sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        self._queue = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        queue_arn = f"arn:aws:sqs:eu-central-1:123456789012:{name}"
        self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue_arn)

    def received(self) -> list[dict[str, Any]]:
        bodies: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def ids(self) -> list[str]:
        return [json.loads(body["Message"])["alert_id"] for body in self.received()]


@pytest.fixture
def topic(tables: Tables) -> Topic:
    made = Topic()
    made.received()
    return made


def alert(number: int, truck_id: str = "TRK-1") -> Alert:
    return Alert(f"a{number:03d}", truck_id, "A", "Ünï", "exit", T0 + number, 47.0, 8.0, 1)


def raise_alerts(log: AwsAlerts, *numbers: int) -> None:
    stored = log.load(["TRK-1"]).get("TRK-1")
    expected = stored.sequence_number if stored else None
    step = PresenceChange(expected, TruckPresence("TRK-1", (expected or 0) + 1), tuple(map(alert, numbers)))
    assert log.commit([step]) == frozenset()


def names(numbers: Sequence[int] | range) -> list[str]:
    return [f"a{number:03d}" for number in numbers]


def test_subscriptions_can_filter_by_the_attributes(topic: Topic) -> None:
    late = Alert("a1", "TRK-9", "warehouse-001", "Lager Zürich", "dwell", T0, 47.0, 8.0, 1, late=True)
    assert SnsNotifier(topic.sns, topic.arn).send([late]) == ["a1"]
    (body,) = topic.received()
    assert json.loads(body["Message"])["geofence_name"] == "Lager Zürich"
    assert body["Subject"] == "TRK-9 stays in warehouse-001"
    assert {name: (value["Type"], value["Value"]) for name, value in body["MessageAttributes"].items()} == {
        "truck_id": ("String", "TRK-9"),
        "geofence_id": ("String", "warehouse-001"),
        "alert_type": ("String", "dwell"),
        "late": ("String", "true"),
    }


def test_fifo_topic_gets_group_and_deduplication() -> None:
    notifier = SnsNotifier(session().client("sns"), "arn:aws:sns:eu-central-1:1:alerts.fifo")
    ((_, entry),) = next(notifier._parts([alert(1)]))
    assert (entry["MessageGroupId"], entry["MessageDeduplicationId"]) == ("TRK-1", "a001")


def test_bill_of_a_plan_counts_what_an_alert_writes(log: AwsAlerts, topic: Topic, clock: MovableClock) -> None:
    """From the commit to the number in the feed; AWS charges a transaction's writes twice, which no test part does."""
    writes: list[int] = []

    def note(params: dict[str, Any], **_: object) -> None:
        writes.append(2 * len(params["TransactItems"]) if "TransactItems" in params else 1)

    raise_alerts(log, 1)  # the day is noted
    AwsAlertFeed(log).number_news()
    events = log.table._client.meta.events
    for operation in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
        events.register(f"provide-client-params.dynamodb.{operation}", note, unique_id=operation)
    Outbox(log, SnsNotifier(topic.sns, topic.arn), clock).pump()
    writes.clear()
    raise_alerts(log, 2)
    Outbox(log, SnsNotifier(topic.sns, topic.arn), clock).pump()
    AwsAlertFeed(log).number_news()
    for operation in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
        events.unregister(f"provide-client-params.dynamodb.{operation}", unique_id=operation)
    assert sum(writes) == 1 + ALERT_WRITES + LEASE_WRITES  # 1: the state itself, which the bill counts as presence


def test_an_alert_is_kept_in_as_many_bytes_as_a_plan_says(log: AwsAlerts, clock: MovableClock) -> None:
    raise_alerts(log, 1)
    AwsAlertFeed(log).number_news()
    kept = [item for item in log.table.scan() if item["pk"]["S"] in ("alert#a001", "feed")]
    sizes = [sum(len(name) + len(next(iter(value.values()))) for name, value in _texts(item)) for item in kept]
    overhead = 100  # of an item, and of one in an index (DynamoDB Developer Guide)
    assert len(sizes) == 2
    assert 0.5 * ALERT_BYTES < sum(sizes) + 2 * max(sizes) + 4 * overhead < 1.2 * ALERT_BYTES


def _texts(item: Item) -> list[tuple[str, dict[str, str]]]:
    return [(name, {kind: str(each) for kind, each in value.items()}) for name, value in item.items()]


def test_pending_alerts_are_sent_in_order_ten_to_a_call(log: AwsAlerts, topic: Topic, clock: MovableClock) -> None:
    faults = AwsFaults(topic.sns)
    raise_alerts(log, *range(23))
    outbox = Outbox(log, SnsNotifier(topic.sns, topic.arn), clock)
    assert outbox.pump() == 23
    assert faults.calls == ["PublishBatch"] * 3
    assert topic.ids() == names(range(23))
    assert (log.pending_count(), outbox.pump(), topic.ids()) == (0, 0, [])


def test_nothing_is_lost_or_repeated_when_sns_fails(log: AwsAlerts, topic: Topic, clock: MovableClock) -> None:
    faults = AwsFaults(topic.sns)
    outbox = Outbox(log, SnsNotifier(topic.sns, topic.arn), clock)
    raise_alerts(log, *range(15))
    for code, status in (("InternalError", 500), (THROTTLED, 400), ("ServiceUnavailable", 503)):
        faults.fail("PublishBatch", code, status=status)
        assert outbox.pump() == 0
        assert code in outbox.last_error
    faults.pass_on("PublishBatch")
    faults.time_out("PublishBatch")
    assert outbox.pump() == 10
    assert outbox.last_error
    assert outbox.pump() == 5
    assert topic.ids() == names(range(15))
    assert outbox.last_error == ""


def fail_entry(sns: Any, message: str, *, code: str, sender_fault: bool) -> None:
    """Let SNS refuse the entry whose message holds this text, whenever it comes."""
    entries: list[dict[str, Any]] = []

    def take_out(params: dict[str, Any], **_: object) -> None:
        entries[:] = params["PublishBatchRequestEntries"]
        params["PublishBatchRequestEntries"] = [each for each in entries if message not in each["Message"]] or entries

    def put_back(parsed: dict[str, Any], **_: object) -> None:
        out = [each["Id"] for each in entries if message in each["Message"]]
        parsed["Successful"] = [each for each in parsed["Successful"] if each["Id"] not in out]
        parsed["Failed"] = [{"Id": each, "Code": code, "SenderFault": sender_fault} for each in out]

    sns.meta.events.register("before-parameter-build.sns.PublishBatch", take_out)
    sns.meta.events.register("after-call.sns.PublishBatch", put_back)


def test_entries_refused_for_now_are_sent_again_alone(log: AwsAlerts, topic: Topic, clock: MovableClock) -> None:
    raise_alerts(log, *range(12))
    troubled = session().client("sns")
    fail_entry(troubled, "a003", code="InternalError", sender_fault=False)
    notifier = SnsNotifier(troubled, topic.arn)
    outbox = Outbox(log, notifier, clock)
    assert outbox.pump() == 9
    assert "InternalError" in outbox.last_error
    assert [each.alert_id for each in log.pending(10)] == ["a003", "a010", "a011"]
    assert Outbox(log, SnsNotifier(topic.sns, topic.arn), clock).pump() == 3
    assert sorted(topic.ids()) == names(range(12))


def test_alert_refused_for_good_holds_up_no_other(log: AwsAlerts, topic: Topic, clock: MovableClock) -> None:
    raise_alerts(log, *range(12))
    fail_entry(topic.sns, "a003", code="InvalidParameter", sender_fault=True)
    outbox = Outbox(log, SnsNotifier(topic.sns, topic.arn), clock)
    assert outbox.pump() == 11
    assert (outbox.buried, outbox.age_ms()) == (1, 0)
    assert [each.alert_id for each in outbox.dead_letters()] == ["a003"]
    assert (log.pending_count(), log.count()) == (0, 12)


def test_alert_unaccepted_for_a_day_becomes_a_dead_letter(log: AwsAlerts, clock: MovableClock) -> None:
    receiver = RecordingNotifier()
    receiver.down = True
    outbox = Outbox(log, receiver, clock)
    raise_alerts(log, 1, 2)
    outbox.pump()
    clock.advance(MAXIMUM_AGE_MS - 1)
    outbox.pump()
    assert list(outbox.dead_letters()) == []
    assert (outbox.buried, outbox.age_ms()) == (0, MAXIMUM_AGE_MS - 1)
    clock.advance(1)
    outbox.pump()
    assert [each.alert_id for each in outbox.dead_letters()] == ["a001"]
    receiver.down = False
    assert outbox.pump() == 1


def test_missing_topic_and_permission_are_raised(log: AwsAlerts, topic: Topic, clock: MovableClock) -> None:
    raise_alerts(log, 1)
    with pytest.raises(InvalidSetting, match="SNS_TOPIC_ARN"):
        Outbox(log, SnsNotifier(topic.sns, topic.arn + "-gone"), clock).pump()
    AwsFaults(topic.sns).fail("PublishBatch", "AuthorizationError", status=403)
    with pytest.raises(Denied, match="sns:Publish"):
        Outbox(log, SnsNotifier(topic.sns, topic.arn), clock).pump()
    assert Outbox(log, SnsNotifier(topic.sns, topic.arn), clock).pump() == 1


class Meanwhile:
    """A receiver in whose first sending something else happens."""

    def __init__(self, receiver: RecordingNotifier, act: Any) -> None:
        self._receiver, self._act = receiver, [act]

    def send(self, alerts: Sequence[Alert]) -> Collection[str]:
        if self._act:
            self._act.pop()()
        return self._receiver.send(alerts)


def test_two_pumps_at_once_send_each_alert_once(log: AwsAlerts, clock: MovableClock) -> None:
    receiver = RecordingNotifier()
    other = Outbox(log, receiver, clock)

    def overlap() -> None:
        raise_alerts(log, 3)
        assert other.pump() == 0

    raise_alerts(log, 1, 2)
    assert Outbox(log, Meanwhile(receiver, overlap), clock).pump() == 3
    assert ([each.alert_id for each in receiver.received], receiver.duplicates) == (names([1, 2, 3]), [])


def test_pump_that_dies_anywhere_loses_nothing(tables: Tables, clock: MovableClock) -> None:
    client = session().client("dynamodb")
    crashes, at = Crashes(client), 0
    while True:
        at += 1
        receiver = RecordingNotifier()
        name = tables.geofences()
        log = AwsAlerts(tables.client, name, clock=clock, at_once=1)
        raise_alerts(log, 1, 2)
        crashes.crash(at, after_effect=at % 2 == 0)
        try:
            Outbox(AwsAlerts(client, name, clock=clock, at_once=1), receiver, clock).pump()
            break
        except SimulatedCrash:
            pass
        clock.advance(LEASE_MS + 1)
        Outbox(log, receiver, clock).pump()
        assert sorted(each.alert_id for each in receiver.received) == names([1, 2])
        assert (log.pending_count(), log.count()) == (0, 2)
    assert at > 8


def test_pump_begins_nothing_after_its_time(log: AwsAlerts, clock: MovableClock) -> None:
    raise_alerts(log, 1)
    receiver = RecordingNotifier()
    assert Outbox(log, receiver, clock).pump(until_ms=clock()) == 0
    assert Outbox(log, receiver, clock).pump(until_ms=clock() + 1) == 1


def test_sent_alerts_that_could_not_be_marked_come_again(tables: Tables, clock: MovableClock) -> None:
    client = session().client("dynamodb")
    log = AwsAlerts(client, tables.geofences(), clock=clock, at_once=1, pause=lambda _: None)
    raise_alerts(log, 1, 2)
    receiver = RecordingNotifier()
    AwsFaults(client).fail("UpdateItem", THROTTLED)
    with pytest.raises(Unavailable, match="1 sent alert"):
        Outbox(log, receiver, clock).pump()
    assert Outbox(log, receiver, clock).pump() == 1
    assert ([each.alert_id for each in receiver.received], receiver.duplicates) == (names([1, 2]), ["a001"])
