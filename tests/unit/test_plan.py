"""`core/plan`: rates, shards, functions and bills, each against numbers computed by hand."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckstream.core.errors import InvalidSetting
from truckstream.core.plan import (
    FunctionCost,
    Line,
    Measured,
    Plan,
    Planned,
    Price,
    PriceList,
    Question,
    checked,
    cost_by_fleet,
    plan,
)
from truckstream.core.plan.lines import number
from truckstream.core.plan.prices import NAMES

FUNCTION = FunctionCost(
    invocation_ms=10.0,
    record_us=0.0,
    position_us=10.0,
    truck_us=1_000.0,
    unwritten_truck_us=100.0,
    start_ms=500.0,
    resident_mib=70.0,
)
ROUND = Measured(
    measured="2026-11-27",
    command="by hand",
    machine="none",
    functions={"dashboard": FUNCTION, "geofence": FUNCTION, "archive": FUNCTION},
    item_bytes={"positions": 400, "presence": 400},
    record_bytes=214.0,
    frame_bytes_per_position=[(1, 200.0), (100, 40.0), (10_000, 30.0)],
    file_bytes_per_position=[(1, 3_000.0), (1_000, 20.0), (100_000, 10.0)],
    settled_bytes_per_position=5.0,
    statistics_us_per_position=1.0,
    compaction_us_per_position=0.5,
)


def _listed(usd: float, per: int = 1) -> Price:
    return Price(usd, "things", "by hand", "2024-01-01", per)


PRICES = PriceList(
    "us-east-1",
    "2026-11-27",
    {name: _listed(1.0) for name in NAMES}
    | {
        "kinesis_shard_hour": _listed(0.015),
        "kinesis_put_unit": _listed(0.014, 1_000_000),
        "kinesis_extended_shard_hour": _listed(0.02),
        "kinesis_long_term_gb_month": _listed(0.023),
        "kinesis_fan_out_shard_hour": _listed(0.015),
        "kinesis_fan_out_gb": _listed(0.013),
        "kinesis_on_demand_stream_hour": _listed(0.04),
        "kinesis_on_demand_in_gb": _listed(0.08),
        "kinesis_on_demand_out_gb": _listed(0.04),
        "lambda_request": _listed(0.2, 1_000_000),
        "lambda_arm_gb_s": _listed(0.0000133334),
        "dynamodb_write_request": _listed(0.625, 1_000_000),
        "dynamodb_read_request": _listed(0.125, 1_000_000),
        "dynamodb_wcu_hour": _listed(0.00065),
        "dynamodb_rcu_hour": _listed(0.00013),
        "s3_put": _listed(0.005, 1_000),
        "s3_get": _listed(0.0004, 1_000),
        "firehose_gb": _listed(0.029),
        "location_tracker_update": _listed(0.05, 1_000),
    },
)


def made(trucks: int, measured: Measured = ROUND, **asked: object) -> Plan:
    question = {"record_bytes": 214.0} | asked
    return plan(Question(trucks, **question), measured, PRICES)  # type: ignore[arg-type]


def line(planned: Planned, item: str) -> Line:
    (found,) = [line for line in planned.lines if line.item == item]
    return found


def stream_usd(planned: Planned) -> float:
    return planned.by_component["stream"]


# --- the table that was measured first: its assumptions, its sums --------------------------------------------

FLAT_FRAMES = msgspec.structs.replace(ROUND, frame_bytes_per_position=[(1, 27.7), (10_000, 27.7)])


@pytest.mark.parametrize(("trucks", "shards", "usd"), [(10_000, 4, 117), (100_000, 40, 1_174)])
def test_one_record_per_position_with_half_of_each_shard_free(trucks: int, shards: int, usd: float) -> None:
    own = made(trucks, format="json", headroom_pct=50.0).own
    assert own.capacity.shards == shards
    assert own.capacity.binding == "1,000 records/s in"
    assert round(stream_usd(own)) == usd


@pytest.mark.parametrize(("trucks", "usd"), [(1_000, 11.0), (10_000, 11.1), (100_000, 11.8)])
def test_frames_of_one_second_fit_one_shard_up_to_a_hundred_thousand_trucks(trucks: int, usd: float) -> None:
    own = made(trucks, FLAT_FRAMES, buckets=1, headroom_pct=20.0, fan_out=3, cpu_factor=0.1).own
    assert own.capacity.shards == 1
    assert round(line(own, "shard hours").usd + line(own, "PUT payload units").usd, 1) == usd


@pytest.mark.parametrize(
    ("trucks", "each", "full", "own", "firehose", "location"),
    [
        (1_000, 328, 95, 55, 78, 26_280),
        (10_000, 3_285, 949, 548, 780, 262_800),
        (100_000, 32_850, 9_490, 5_475, 7_804, 2_628_000),
    ],
)
def test_writes_firehose_and_trackers_cost_what_the_first_table_says(
    trucks: int, each: float, full: float, own: float, firehose: float, location: float
) -> None:
    asked = made(trucks, capacity="on-demand")
    provisioned = made(trucks, capacity_used_pct=100.0)
    assert line(asked.shape("plain"), "positions writes").usd == pytest.approx(each, abs=0.6)
    assert line(provisioned.shape("plain"), "positions writes").usd == pytest.approx(full, abs=0.6)
    assert line(asked.own, "positions writes").usd == pytest.approx(own, abs=0.6)
    assert line(asked.shape("firehose"), "Firehose").usd == pytest.approx(firehose, abs=0.6)
    assert line(asked.shape("location"), "tracker updates").usd == pytest.approx(location)


# --- rates ----------------------------------------------------------------------------------------------------


def test_a_frame_holds_what_a_bucket_sends_while_it_is_gathered() -> None:
    load = made(1_000, frame_s=2.0, buckets=4).own.load
    assert load.positions_per_s == 200
    assert load.positions_per_record == 100  # 200 a second, for 2 s, over 4 buckets
    assert load.record_bytes == 100 * 40 + 9
    assert load.records_per_s == 2
    assert load.bytes_per_s == 2 * 4_009


def test_a_frame_between_two_measured_sizes_lies_between_their_bytes() -> None:
    assert ROUND.frame_bytes(1, 214.0) == 200
    assert ROUND.frame_bytes(50.5, 214.0) == (200 + 4_000) / 2
    assert ROUND.frame_bytes(20_000, 214.0) == 600_000
    assert ROUND.frame_bytes(0.2, 214.0) == 200
    assert ROUND.frame_bytes(100, 428.0) == 8_000  # records twice as long


def test_a_gateway_that_gathers_less_than_one_position_sends_each_alone() -> None:
    load = made(10, frame_s=0.1).own.load
    assert load.positions_per_record == 1
    assert load.records_per_s == 2


def test_a_frame_never_outgrows_a_record() -> None:
    load = made(1_000_000, record_bytes=2_140.0, buckets=1).own.load
    assert load.record_bytes <= 1_000_009
    assert load.record_bytes > 980_000


def test_kpl_fills_a_record_of_fifty_kib() -> None:
    load = made(100_000, format="kpl", buckets=1).own.load
    assert load.positions_per_record == 51_200 // 234
    assert load.record_bytes == (51_200 // 234) * 234 + 9


def test_a_truck_is_read_and_written_once_per_batch_however_often_it_sends() -> None:
    load = made(1_000, write_every_s=30.0, alert_window_s=10.0).own.load
    assert load.dashboard_visits_per_s == pytest.approx(1_000 / 30)
    assert load.dashboard_writes_per_s == pytest.approx(1_000 / 30)
    assert load.geofence_visits_per_s == 100
    rarely = made(1_000, every_s=60.0).own.load
    assert rarely.dashboard_writes_per_s == pytest.approx(1_000 / 60)


def test_beyond_the_longest_window_writes_wait_for_a_whole_number_of_batches() -> None:
    load = made(1_000, write_every_s=700.0).own.load
    assert load.dashboard_visits_per_s == pytest.approx(1_000 / 300)
    assert load.dashboard_writes_per_s == pytest.approx(1_000 / 900)


def test_parked_trucks_are_written_once_a_minute() -> None:
    load = made(1_000, moving_pct=25.0).own.load
    assert load.dashboard_writes_per_s == pytest.approx(250 / 30 + 750 / 60)
    assert load.dashboard_visits_per_s == pytest.approx(1_000 / 30)


def test_the_plain_shape_writes_every_position_in_both_stores() -> None:
    plain = made(1_000, capacity="on-demand").shape("plain")
    assert line(plain, "positions writes").quantity == 200 * 2_628_000
    assert line(plain, "presence writes").quantity == 200 * 2_628_000
    assert line(plain, "presence reads").quantity == 200 * 2_628_000
    assert not [line for line in plain.lines if line.item == "positions reads"]


# --- shards and the limit that binds --------------------------------------------------------------------------


def shards(trucks: int, **asked: object) -> tuple[int, str]:
    asked = {"format": "json", "headroom_pct": 0.0} | asked
    capacity = made(trucks, ROUND, **asked).own.capacity
    return capacity.shards, capacity.binding


def test_a_shard_takes_exactly_a_thousand_records_a_second() -> None:
    assert shards(5_000) == (1, "1,000 records/s in")
    assert shards(5_001) == (2, "1,000 records/s in")
    assert shards(5_000, headroom_pct=20.0)[0] == 2
    assert shards(4_000, headroom_pct=20.0)[0] == 1


def test_a_shard_takes_exactly_a_megabyte_a_second_keys_included() -> None:
    # 491 bytes and a key of 9, 2,000 a second; three consumers read 3 MB/s, so all of them get fan-out
    assert shards(10_000, record_bytes=491.0, fan_out=3) == (2, "1,000 records/s in")
    assert shards(5_000, record_bytes=991.0, fan_out=3)[0] == 1
    assert shards(5_000, record_bytes=992.0, fan_out=3) == (2, "1 MB/s in")


def test_consumers_that_share_two_megabytes_a_second_need_more_shards_than_the_producer() -> None:
    assert shards(5_000, record_bytes=991.0, consumers=4, fan_out=2)[0] == 1
    assert shards(5_000, record_bytes=991.0, consumers=4, fan_out=1) == (2, "2 MB/s out")
    assert shards(5_000, record_bytes=991.0, consumers=5) == (3, "2 MB/s out")


def test_no_number_of_shards_mends_more_than_five_shared_readers() -> None:
    five, six = made(1_000, consumers=5), made(1_000, consumers=6)
    assert not five.notes
    assert six.own.capacity.binding == "5 reads/s shared"
    assert "--fan-out 1" in six.notes[0]
    assert not made(1_000, consumers=6, fan_out=1).notes


def test_consumers_that_cannot_keep_up_need_more_shards() -> None:
    # 100,000 trucks every 30 s: 3,333 a second at 2 ms of a slower CPU each, in batches 70 % busy, ten of them a shard
    own = made(100_000, fan_out=1).own
    assert own.capacity.binding == "handler time"
    dashboard = own.capacity.functions[0]
    cpu_s = (100_000 / 30 * 1_000 + 20_000 * 10) / 1e6 * 2
    waiting_s = 100_000 / 30 * 0.008 * (1 / 16 + 1 / 100)
    assert dashboard.lanes == 13
    assert dashboard.lanes - 1 < (cpu_s + waiting_s) / (0.7 - 0.02 / 30) <= dashboard.lanes
    assert dashboard.busy == pytest.approx(cpu_s + waiting_s + 13 / 30 * 0.02)
    assert own.capacity.shards == 2
    assert own.capacity.parallelization == 7


def test_every_chosen_stream_stays_below_every_limit() -> None:
    for trucks in (1, 999, 12_345, 700_000):
        for form in ("json", "frames", "kpl"):
            planned = made(trucks, format=form).own
            for limit in planned.capacity.limits:
                assert limit.shards <= planned.capacity.shards + 1e-9, (trucks, form, limit)


# --- functions ------------------------------------------------------------------------------------------------


def test_less_memory_takes_longer_and_costs_the_same_cpu() -> None:
    whole, half = (made(1_000, memory_mb=mb).own.capacity.functions[0] for mb in (1_769, 1_769 // 2))
    waiting_s = 1_000 * 0.008 * (1 / 16 + 1 / 100)
    assert whole.invocation_s == pytest.approx((1_000 * 1_000 + 6_000 * 10 + 10_000) / 1e6 * 2 + waiting_s)
    assert half.invocation_s == pytest.approx((whole.invocation_s - waiting_s) * 1_769 / 884 + waiting_s)
    assert half.gb_s_per_s * 30 * 1_024 == pytest.approx(half.invocation_s * 884)


def test_a_window_is_shared_by_as_many_batches_as_events_it_fills() -> None:
    # 1,000 records/s of 214 bytes and a key: 887 bytes each in an event, so 6,763 fill its 6 MB
    dashboard, _, archive = made(5_000, format="json", headroom_pct=0.0).own.capacity.functions
    assert dashboard.lanes == 5  # 30,000 in 30 s
    assert dashboard.invocations_per_s == pytest.approx(5 / 30)
    assert archive.lanes == 1  # nothing there is done once per truck: batches close when they are full
    assert archive.invocations_per_s == pytest.approx(1_000 / 6_763, rel=1e-3)


def test_aws_default_batches_hold_a_hundred_records() -> None:
    functions = made(10_000).shape("plain").capacity.functions
    assert [function.invocations_per_s for function in functions] == [20.0, 20.0, 20.0]
    assert functions[0].positions_per_invocation == 100


def test_a_fleet_too_slow_for_its_window_is_not_invoked_for_nothing() -> None:
    functions = made(1, every_s=3_600.0, write_every_s=5.0).own.capacity.functions
    assert functions[0].invocations_per_s == pytest.approx(1 / 3_600)


# --- lines ----------------------------------------------------------------------------------------------------


def test_provisioned_capacity_is_whole_units_that_are_so_much_used() -> None:
    writes = line(made(1_000).own, "positions writes")
    assert writes.formula == "48 WCU x 730 h x $0.00065"  # 33.3 writes/s at 70 %
    assert writes.usd == pytest.approx(22.776)


def test_items_beyond_a_kilobyte_cost_more_units() -> None:
    large = msgspec.structs.replace(ROUND, item_bytes={"positions": 1_025, "presence": 4_097})
    own = made(1_000, large, capacity="on-demand", alerts_per_truck_day=0.0).own
    assert line(own, "positions writes").quantity == pytest.approx(2 * 1_000 / 30 * 2_628_000)
    assert line(own, "presence writes").quantity == pytest.approx(5 * 1_000 / 30 * 2_628_000)
    assert line(own, "presence reads").quantity == pytest.approx(2 * 1_000 / 30 * 2_628_000)


def test_an_alert_takes_seventeen_write_units_and_one_message() -> None:
    own = made(86_400, capacity="on-demand", alerts_per_truck_day=10.0).own
    batches_per_s = own.capacity.functions[1].invocations_per_s  # each with alerts: who sends takes the lease
    assert batches_per_s < 10
    assert line(own, "alerts writes").quantity == pytest.approx((10 * 13 + batches_per_s * 3) * 2_628_000)
    assert line(own, "index writes").quantity == pytest.approx(10 * 4 * 2_628_000)
    assert line(own, "alerts sent").quantity == pytest.approx(10 * 2_628_000)


def test_provisioned_indexes_have_units_of_their_own() -> None:
    few, many = made(1_000).own, made(86_400, alerts_per_truck_day=10.0).own
    assert line(few, "index writes").quantity == 2 * 5 * 730
    assert line(few, "index reads").quantity == 2 * 5 * 730
    assert line(many, "index writes").quantity == 2 * 29 * 730  # 10 alerts/s, 2 writes each, at 70 %


@pytest.mark.parametrize(
    ("hours", "extended", "long_term"), [(24, 0, 0), (25, 14.6, 0), (168, 14.6, 0), (169, 14.6, 1)]
)
def test_retention_is_charged_beyond_a_day_and_beyond_a_week(hours: int, extended: float, long_term: float) -> None:
    own = made(1_000, retention_hours=hours).own
    found = {line.item: line.usd for line in own.lines if "retention" in line.item}
    assert found.get("extended retention", 0) == pytest.approx(extended)  # 730 h of a shard at $0.02
    kept_gb = own.load.bytes_per_s * 3_600 * long_term / 1e9
    assert found.get("long-term retention", 0) == pytest.approx(kept_gb * 0.023)


def test_fan_out_is_charged_per_consumer_shard_and_gigabyte() -> None:
    own = made(1_000, fan_out=2).own
    assert line(own, "enhanced fan-out").usd == pytest.approx(2 * 1 * 730 * 0.015)
    read_gb = own.load.bytes_per_s * 2_628_000 / 1e9
    assert line(own, "enhanced fan-out data").usd == pytest.approx(2 * read_gb * 0.013)


def test_an_on_demand_stream_rounds_every_record_up_to_whole_kilobytes() -> None:
    found = made(1_000, frame_s=2.0, buckets=4).shape("on-demand")
    assert line(found, "stream hours").usd == pytest.approx(29.2)
    assert line(found, "data in").quantity == pytest.approx(2 * 4 * 1_024 * 2_628_000 / 1e9)  # 4,009 bytes: 4 KB
    assert line(found, "data out").quantity == pytest.approx(3 * 2 * 4_009 * 2_628_000 / 1e9)


def test_the_archive_pays_for_files_reads_and_the_tiers_of_a_year() -> None:
    own = made(1_000).own
    month_gb = 200 * 2_628_000 * 5 / 1e9
    assert line(own, "files written").quantity == pytest.approx(2_628_000 / 60)
    assert line(own, "files read").quantity == pytest.approx(2_628_000 / 60 * 7 / 6)
    kept = {line.item: line.quantity for line in own.lines if line.item.startswith("kept")}
    assert kept == pytest.approx(
        {
            "kept, frequent tier": month_gb,
            "kept, infrequent tier": 2 * month_gb,
            "kept, archive instant tier": 9 * month_gb,
        }
    )


def test_an_archive_of_two_months_is_never_cold() -> None:
    kept = {line.item for line in made(1_000, archive_months=2).own.lines if line.item.startswith("kept")}
    assert kept == {"kept, frequent tier", "kept, infrequent tier"}


def test_statistics_take_the_news_since_the_settled_hours_and_half_a_day_where_none_are() -> None:
    month_days = 2_628_000 / 86_400
    day_s = 200 * 86_400 * 1e-6 * 2
    statistics = line(made(1_000).own, "hourly statistics")
    assert statistics.quantity == pytest.approx(day_s * 70 / 1_440 * 24 * 2_048 / 1_024 * month_days)
    whole = line(made(1_000).shape("firehose"), "hourly statistics")
    assert whole.quantity == pytest.approx(day_s * 0.5 * 24 * 2_048 / 1_024 * month_days)
    compaction = line(made(1_000).own, "compaction")
    assert compaction.quantity == pytest.approx(day_s / 2 * 2_048 / 1_024 * month_days)


def test_every_invocation_is_traced_up_to_one_a_second_of_each_function_and_a_twentieth_beyond() -> None:
    few, many = made(1_000).own, made(10_000).shape("plain")
    assert line(few, "traces").quantity == pytest.approx((1 / 30 + 1 / 30 + 1 / 60 + 1 / 60) * 2_628_000)
    assert line(many, "traces").quantity == pytest.approx(
        (3 * (1 + 19 * 0.05) + 1 / 60) * 2_628_000
    )  # 20 a second each


def test_capacity_that_scales_pays_for_the_alarms_that_scale_it() -> None:
    assert line(made(1_000).own, "alarms of auto scaling").quantity == 24
    assert not [each for each in made(1_000, capacity="on-demand").own.lines if "scaling" in each.item]


def test_keys_are_asked_for_anew_every_five_minutes() -> None:
    assert line(made(1_000).own, "uses of keys").quantity == 9 * 2 * 730 * 12


def test_variables_give_the_indexes_of_alerts_what_the_bill_pays_for() -> None:
    units = made(86_400, alerts_per_truck_day=10.0).terraform_variables["tables_units"]
    assert isinstance(units, dict)
    assert (units["indexes_read"], units["indexes_write"]) == (5, 29)
    assert units["geofences_write"] == 4_302  # 2,880 visits, 130 for alerts, 0.3 for leases: a second, 70 % used


def test_athena_is_not_there_until_asked_for() -> None:
    assert made(1_000).own.by_component["queries"] == 0
    assert line(made(1_000, athena_gb_per_day=100.0).own, "Athena scans").quantity == pytest.approx(0.1 * 730 / 24)


def test_a_sum_is_the_sum_of_its_lines() -> None:
    for planned in made(12_345, athena_gb_per_day=1.0, fan_out=1, retention_hours=200).shapes:
        assert planned.usd == pytest.approx(sum(line.usd for line in planned.lines))
        assert sum(planned.by_component.values()) == pytest.approx(planned.usd)


def computed(formula: str) -> float:
    """Compute a printed formula as its reader would: numbers, times and divided by."""
    first, *others = re.split(r" (x|/) ", formula)

    def value(text: str) -> float:
        return float(text.removeprefix("$").split()[0].replace(",", ""))

    result = value(first)
    for sign, text in zip(others[::2], others[1::2], strict=True):
        result = result * value(text) if sign == "x" else result / value(text)
    return result


@given(
    trucks=st.integers(1, 2_000_000),
    every_s=st.floats(0.5, 600),
    form=st.sampled_from(["json", "frames", "kpl"]),
    capacity=st.sampled_from(["provisioned", "on-demand"]),
    retention_hours=st.integers(24, 8_760),
    fan_out=st.integers(0, 3),
)
def test_every_printed_formula_gives_its_sum_again(
    trucks: int, every_s: float, form: str, capacity: str, retention_hours: int, fan_out: int
) -> None:
    found = made(
        trucks, every_s=every_s, format=form, capacity=capacity, retention_hours=retention_hours, fan_out=fan_out
    )
    for planned in found.shapes:
        for each in planned.lines:
            assert computed(each.formula) == pytest.approx(each.usd, rel=5e-4, abs=1e-9), each


# --- what must hold for every fleet ---------------------------------------------------------------------------

fleets = st.integers(1, 3_000_000)
forms = st.sampled_from(["json", "frames", "kpl"])


@given(one=fleets, other=fleets, form=forms, capacity=st.sampled_from(["provisioned", "on-demand"]))
def test_a_larger_fleet_never_costs_less(one: int, other: int, form: str, capacity: str) -> None:
    few, many = sorted((one, other))
    small, large = made(few, format=form, capacity=capacity), made(many, format=form, capacity=capacity)
    for planned in small.shapes:
        assert planned.usd <= large.shape(planned.shape.name).usd + 1e-6, planned.shape.name


@given(trucks=fleets, form=forms, one=st.floats(0, 80), other=st.floats(0, 80))
def test_more_headroom_never_means_fewer_shards(trucks: int, form: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    few = made(trucks, format=form, headroom_pct=low).own.capacity.shards
    assert few <= made(trucks, format=form, headroom_pct=high).own.capacity.shards


@given(trucks=fleets, one=st.integers(24, 8_760), other=st.integers(24, 8_760))
def test_longer_retention_never_costs_less(trucks: int, one: int, other: int) -> None:
    short, long = sorted((one, other))
    assert made(trucks, retention_hours=short).own.usd <= made(trucks, retention_hours=long).own.usd + 1e-9


def test_writing_less_often_costs_less_and_shows_older_positions() -> None:
    intervals = made(50_000).intervals
    assert [each.write_every_s for each in intervals] == [5, 10, 30, 60]
    assert [each.staleness_s for each in intervals] == [11, 16, 36, 66]  # 5 s apart, 1 s in a frame
    assert [each.alert_delay_s for each in intervals] == [11, 16, 36, 66]
    costs = [each.usd for each in intervals]
    assert costs == sorted(costs, reverse=True)
    assert intervals[2].usd == pytest.approx(made(50_000).own.usd)


def test_costs_of_other_fleets_are_those_of_their_plans() -> None:
    question = Question(1_000, record_bytes=214.0)
    costs = cost_by_fleet(question, (1_000, 5_000), ROUND, PRICES)
    assert costs["truckstream"] == (made(1_000).own.usd, made(5_000).own.usd)
    assert set(costs) == {"plain", "truckstream", "on-demand", "firehose", "location"}


def test_jobs_that_outgrow_an_invocation_are_named_with_the_fleet_that_still_fits() -> None:
    notes = made(1_000_000).notes  # 1.73e10 positions a day at 2 us and 1 us
    assert "an hour's run takes 1,680 s" in notes[0]
    assert "535,714 trucks" in notes[0]
    assert not [note for note in made(535_000).notes if "900 s" in note]


def test_jobs_are_given_the_memory_of_an_hour_and_of_its_files() -> None:
    """10,000 trucks: 7.2 million rows at 275 bytes, 8.4 million positions in files at 10 bytes each, a quarter more."""
    own = made(10_000)
    assert own.terraform_variables["jobs_memory_mb"] == 2_816
    assert f"x {number(2_816 / 1_024)} GB x" in line(own.own, "compaction").formula
    assert made(1_000).terraform_variables["jobs_memory_mb"] == 2_048
    assert not own.notes
    large = made(42_000)
    assert large.terraform_variables["jobs_memory_mb"] == 10_240
    assert any("Lambda has 10,240 MB at most" in note for note in large.notes)


def test_a_batch_that_outlasts_the_deployed_function_is_named() -> None:
    """Trucks that report every five minutes are in a batch with one position each: 70 % of 300 s at most."""
    assert not [note for note in made(100_000).notes if "deployed function" in note]
    notes = made(150_000, every_s=300.0, frame_s=60.0, buckets=4, write_every_s=300.0, alert_window_s=300.0).notes
    assert any("s, and the deployed function ends after 180 s" in note for note in notes), notes


# --- questions and prices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trucks", 0),
        ("trucks", -5),
        ("every_s", 0.0),
        ("every_s", float("nan")),
        ("every_s", float("inf")),
        ("record_bytes", 1.0),
        ("retention_hours", 23),
        ("retention_hours", 8_761),
        ("consumers", 2),
        ("headroom_pct", 100.0),
        ("moving_pct", 101.0),
        ("buckets", 0),
        ("memory_mb", 64),
        ("alert_window_s", 301.0),
    ],
)
def test_a_question_out_of_range_names_its_option(field: str, value: float) -> None:
    with pytest.raises(InvalidSetting) as caught:
        checked(Question(**({"trucks": 10} | {field: value})))  # type: ignore[arg-type]
    assert caught.value.message.startswith("--")
    assert caught.value.hint.startswith("Give ")


def test_fan_out_is_for_consumers_there_are() -> None:
    with pytest.raises(InvalidSetting, match="--fan-out 4 with --consumers 3"):
        checked(Question(10, fan_out=4))


def test_a_price_list_with_a_gap_is_refused() -> None:
    with pytest.raises(ValueError, match="no price of s3_put"):
        PriceList("us-east-1", "2026-11-27", {name: _listed(1) for name in NAMES if name != "s3_put"})


def test_a_price_reads_as_its_source_prints_it() -> None:
    assert Price(0.014, "PUT units", "by hand", "2024-01-01", 1_000_000).text == "$0.014 per 1,000,000 PUT units"
    assert Price(3.0, "dashboards", "by hand", "2024-01-01").text == "$3 per dashboards"
    with pytest.raises(ValueError, match="a price of -1"):
        Price(-1, "things", "by hand", "2024-01-01")


def test_a_bucket_of_trucks_stays_in_one_batch() -> None:
    assert Question(1_000).bucket_count == 4
    assert Question(100_000).bucket_count == 200
    few = made(20_000, buckets=2)
    assert "3 batches have to be worked on at once, but the trucks are in 2 buckets" in few.notes[0]
    assert "--buckets 6" in few.notes[0].replace(" to ", " ")
    assert not [note for note in made(20_000).notes if "buckets" in note]


def test_a_plan_is_deployed_with_what_it_computed() -> None:
    variables = made(100_000, fan_out=1, write_every_s=600.0, alert_window_s=10.0).terraform_variables
    own = made(100_000, fan_out=1, write_every_s=600.0, alert_window_s=10.0).own
    assert variables["shard_count"] == own.capacity.shards
    assert variables["parallelization"] == own.capacity.parallelization
    assert variables["dashboard_window_s"] == 300
    assert variables["position_at_most_every_s"] == 600
    assert variables["geofence_window_s"] == 10
    assert variables["tables_units"] == {
        "positions_read": 477,  # 100,000 every 300 s, at 70 %
        "positions_write": 239,
        "geofences_read": 14_286,
        "geofences_write": 14_517,  # and 11.57 alerts/s at 13, and a lease for each of 4.6 batches/s
        "indexes_read": 5,
        "indexes_write": 34,
    }
    assert "tables_units" not in made(10, capacity="on-demand").terraform_variables
