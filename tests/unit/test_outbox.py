"""The outbox: every receiver gets every alert in order, whatever is down and whatever crashes."""

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from truckstream.core.errors import StorageFull
from truckstream.core.presence import Alert, TruckPresence
from truckstream.local.alerts import LocalAlerts
from truckstream.local.outbox import LONGEST_PAUSE_MS, MAXIMUM_AGE_MS, Outbox
from truckstream.local.sending import Sender
from truckstream.ports import PresenceChange
from truckstream.testing import FaultScript, MovableClock, RecordingNotifier, SimulatedCrash

HOUR_MS = 3_600_000
T0 = 1_705_312_800_000


def alert(number: int, *, late: bool = False) -> Alert:
    return Alert(f"alert-{number:04d}", "TRK-1", "A", "Fence A", "exit", T0 + number, 47.0, 8.0, 1, late)


def raise_alerts(log: LocalAlerts, *numbers: int) -> None:
    stored = log.load(["TRK-1"]).get("TRK-1")
    expected = stored.sequence_number if stored else None
    presence = TruckPresence("TRK-1", (expected or 0) + 1)
    log.commit([PresenceChange(expected, presence, tuple(map(alert, numbers)))])


def numbers(alerts: Sequence[Alert]) -> list[int]:
    return [each.timestamp_ms - T0 for each in alerts]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.db"


@pytest.fixture
def log(path: Path) -> LocalAlerts:
    return LocalAlerts(path)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(T0)


def test_pending_alerts_are_sent_in_order_and_marked(log: LocalAlerts, clock: MovableClock) -> None:
    receiver = RecordingNotifier()
    raise_alerts(log, 2, 0, 1)
    outbox = Outbox(log, [receiver], clock)
    assert outbox.pump(clock()) == 3
    assert numbers(receiver.received) == [2, 0, 1]
    assert log.pending_count() == 0
    assert outbox.pump(clock()) == 0
    assert receiver.duplicates == []


def test_long_queues_are_sent_in_parts(log: LocalAlerts, clock: MovableClock) -> None:
    receiver = RecordingNotifier()
    raise_alerts(log, *range(1_100))
    assert Outbox(log, [receiver], clock).pump(clock()) == 1_100
    assert numbers(receiver.received) == list(range(1_100))


def test_pauses_after_failures_double_up_to_a_minute(log: LocalAlerts, clock: MovableClock) -> None:
    receiver = RecordingNotifier()
    receiver.down = True
    raise_alerts(log, 1)
    outbox = Outbox(log, [receiver], clock)
    tried_at_s = []
    for _ in range(300):
        before = len(receiver_calls(receiver))
        outbox.pump(clock())
        if len(receiver_calls(receiver)) > before:
            tried_at_s.append((clock() - T0) // 1000)
        clock.advance(1_000)
    assert tried_at_s == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    assert outbox.errors() == {"recording": "the receiver is down"}
    assert log.attempts("recording") == {"alert-0001": (10, "the receiver is down")}
    receiver.down = False
    assert outbox.pump(clock.advance(LONGEST_PAUSE_MS)) == 1
    assert (outbox.errors(), log.attempts("recording")) == ({}, {})


def receiver_calls(receiver: RecordingNotifier) -> list[str]:
    return receiver._faults.calls


def test_receiver_down_six_hours_and_five_kills_lose_nothing(path: Path, clock: MovableClock) -> None:
    faults = FaultScript()
    receiver = RecordingNotifier(faults=faults)
    receiver.down = True
    log = LocalAlerts(path)
    outbox = Outbox(log, [receiver], clock)
    for number in range(60):
        raise_alerts(log, number)
        outbox.pump(clock.advance(HOUR_MS // 10))
        if number % 10 == 9:  # killed: nothing but the file survives
            log = LocalAlerts(path)
            outbox = Outbox(log, [receiver], clock)
    receiver.down = False
    faults.crash(len(faults.calls) + 1, after_effect=True)  # taken by the receiver, but we die before the answer
    with pytest.raises(SimulatedCrash):
        outbox.pump(clock.advance(LONGEST_PAUSE_MS))
    log = LocalAlerts(path)
    Outbox(log, [receiver], clock).pump(clock.advance(1_000))
    assert numbers(receiver.received) == list(range(60))
    assert len(set(receiver.duplicates)) == 60
    assert log.pending_count() == 0


def test_receiver_that_is_down_delays_no_other(log: LocalAlerts, clock: MovableClock) -> None:
    up, down = RecordingNotifier("up"), RecordingNotifier("down")
    down.down = True
    outbox = Outbox(log, [down, up], clock)
    for number in range(5):
        raise_alerts(log, number)
        outbox.pump(clock.advance(LONGEST_PAUSE_MS))
    assert numbers(up.received) == [0, 1, 2, 3, 4]
    assert log.pending_count() == 5
    down.down = False
    outbox.pump(clock.advance(LONGEST_PAUSE_MS))
    assert numbers(down.received) == [0, 1, 2, 3, 4]
    assert (log.pending_count(), up.duplicates, down.duplicates) == (0, [], [])


def test_only_the_rest_is_sent_after_a_partial_answer(log: LocalAlerts, clock: MovableClock) -> None:
    faults = FaultScript()
    receiver = RecordingNotifier(faults=faults)
    faults.refuse("notifier.send", "alert-0002")
    raise_alerts(log, 0, 1, 2, 3)
    outbox = Outbox(log, [receiver], clock)
    assert outbox.pump(clock()) == 2
    assert [each.alert_id for each in log.pending(10)] == ["alert-0002", "alert-0003"]
    assert outbox.pump(clock.advance(1_000)) == 2
    assert (numbers(receiver.received), receiver.duplicates) == ([0, 1, 2, 3], [])


def test_error_of_a_receiver_is_a_failed_attempt(log: LocalAlerts, clock: MovableClock) -> None:
    class FullDisk:
        name = "file"

        def send(self, alerts: Sequence[Alert]) -> Collection[str]:
            raise StorageFull("no space left")

    raise_alerts(log, 1)
    outbox = Outbox(log, [FullDisk()], clock)
    assert outbox.pump(clock()) == 0
    assert outbox.errors() == {"file": "no space left"}
    assert log.pending_count() == 1


def test_alerts_unaccepted_for_a_day_become_dead_letters(log: LocalAlerts, clock: MovableClock) -> None:
    up, down = RecordingNotifier("up"), RecordingNotifier("down")
    down.down = True
    outbox = Outbox(log, [up, down], clock)
    raise_alerts(log, 0, 1)
    outbox.pump(clock())
    clock.advance(HOUR_MS)
    raise_alerts(log, 2)
    outbox.pump(clock())
    outbox.pump(clock.advance(MAXIMUM_AGE_MS - HOUR_MS - 1))
    assert list(log.dead_letters()) == []
    outbox.pump(clock.advance(LONGEST_PAUSE_MS))
    dead = log.dead_letters()
    assert [(each.receiver, each.alert.alert_id, each.last_error) for each in dead] == [
        ("down", "alert-0000", "the receiver is down"),
        ("down", "alert-0001", "the receiver is down"),
    ]
    assert [each.alert_id for each in log.pending(10)] == ["alert-0002"]
    down.down = False
    outbox.pump(clock.advance(LONGEST_PAUSE_MS))
    assert numbers(down.received) == [2]
    assert numbers(up.received) == [0, 1, 2]
    assert log.pending_count() == 0
    assert numbers(list(log.list())) == [0, 1, 2]


def test_receiver_added_later_gets_what_is_still_pending(log: LocalAlerts, clock: MovableClock) -> None:
    raise_alerts(log, 0)
    Outbox(log, [RecordingNotifier("old")], clock).pump(clock())
    raise_alerts(log, 1)
    new = RecordingNotifier("new")
    Outbox(log, [RecordingNotifier("old"), new], clock).pump(clock())
    assert numbers(new.received) == [1]


def test_two_receivers_of_one_name_are_kept_apart(log: LocalAlerts, clock: MovableClock) -> None:
    twins = [RecordingNotifier(), RecordingNotifier()]
    raise_alerts(log, 0)
    Outbox(log, twins, clock).pump(clock())
    assert [numbers(twin.received) for twin in twins] == [[0], [0]]


def test_without_receivers_alerts_wait(log: LocalAlerts, clock: MovableClock) -> None:
    raise_alerts(log, 0)
    assert Outbox(log, [], clock).pump(clock()) == 0
    assert log.pending_count() == 1


def test_alerts_that_waited_for_another_receiver_are_not_old_to_a_new_one(
    log: LocalAlerts, clock: MovableClock
) -> None:
    down = RecordingNotifier("wrong address")
    down.down = True
    raise_alerts(log, 0, 1)
    Outbox(log, [down], clock).pump(clock())
    clock.advance(2 * MAXIMUM_AGE_MS)  # nothing ran over the week-end, and the address was corrected
    new = RecordingNotifier("right address")
    new.down = True
    outbox = Outbox(log, [new], clock)
    outbox.pump(clock())  # its first attempt, which fails
    assert log.dead_letter_count() == 0
    new.down = False
    outbox.pump(clock.advance(LONGEST_PAUSE_MS))
    assert numbers(new.received) == [0, 1]
    new.down = True
    raise_alerts(log, 2)
    outbox.pump(clock.advance(HOUR_MS))
    outbox.pump(clock.advance(MAXIMUM_AGE_MS - 1))
    assert log.dead_letter_count() == 0  # what it took in between makes its failures count anew
    outbox.pump(clock.advance(LONGEST_PAUSE_MS))
    assert [each.receiver for each in log.dead_letters()] == ["right address"]


def test_the_file_of_an_older_version_is_taken_over(path: Path, clock: MovableClock) -> None:
    log = LocalAlerts(path)
    raise_alerts(log, 0, 1)
    log.note_accepted("up", 1, T0, ["up", "down"])
    log.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE receivers DROP COLUMN failing_since_ms")
        db.execute("PRAGMA user_version=1")
    log = LocalAlerts(path)
    receivers = [RecordingNotifier("up"), RecordingNotifier("down")]
    Outbox(log, receivers, clock).pump(clock())
    assert [numbers(each.received) for each in receivers] == [[1], [0, 1]]
    log.close()


# --- the thread that sends --------------------------------------------------------------------------------


def test_at_the_end_a_person_is_told_what_waits_and_why(path: Path, log: LocalAlerts) -> None:
    raise_alerts(log, 0, 1)
    down = RecordingNotifier("webhook:example.org")
    down.down = True
    with Sender(path, [down]) as sender:
        pass
    assert "2 alerts are not delivered yet" in sender.left
    assert "(webhook: the receiver is down)" in sender.left
    with Sender(path, [up := RecordingNotifier("webhook:example.org")]) as sender:
        pass
    assert sender.left == ""
    assert numbers(up.received) == [0, 1]


def test_alerts_given_up_are_told_once(path: Path, log: LocalAlerts) -> None:
    raise_alerts(log, 0, 1)
    log.note_failed("down", 1, "first attempt", at_ms=T0)  # long ago
    for told in ("2 alerts were given up", ""):
        receiver = RecordingNotifier("down")
        receiver.down = True
        with Sender(path, [receiver]) as sender:
            pass
        assert sender.left.startswith(told)
        assert bool(sender.left) is bool(told)
    assert len(log.dead_letters()) == log.dead_letter_count() == 2
