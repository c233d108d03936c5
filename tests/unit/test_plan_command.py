"""`truckstream plan`: its data files, what it must show, its texts and its picture."""

import json
import re
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from truckstream.cli import plan_data
from truckstream.cli.main import execute
from truckstream.cli.plan_svg import draw
from truckstream.cli.plan_view import show
from truckstream.core.plan import Plan, Question, plan

ROOT = Path(__file__).resolve().parents[2]


def answer(trucks: int, **asked: Any) -> Plan:
    return plan(Question(trucks, **asked), plan_data.measured(), plan_data.prices())


# --- the data files -------------------------------------------------------------------------------------------


def test_every_price_has_a_unit_a_source_and_a_date_no_later_than_the_list() -> None:
    prices = plan_data.prices()
    compiled = date.fromisoformat(prices.compiled)
    assert prices.region == "us-east-1"
    for name, price in prices.prices.items():
        assert price.unit, name
        assert len(price.source) > 4, name
        assert date.fromisoformat(price.as_of) <= compiled, name
    assert not prices["location_tracker_update"].verified


def test_measured_figures_name_their_day_and_the_command_that_made_them() -> None:
    measured = plan_data.measured()
    date.fromisoformat(measured.measured)
    script, bench, *_ = measured.command.split()
    assert (ROOT / script).exists()
    assert (ROOT / "bench" / f"{bench}.py").exists()
    for function in measured.functions.values():
        assert 0 < function.invocation_ms < 100
        assert 0 < function.position_us < 1_000
    for table in (measured.frame_bytes_per_position, measured.file_bytes_per_position):
        assert [count for count, _ in table] == sorted({count for count, _ in table})
        totals = [count * each for count, each in table]
        assert totals == sorted(totals)


# --- what it must show ----------------------------------------------------------------------------------------


def test_a_thousand_trucks_cost_under_120_dollars_a_month_alarms_and_logs_included() -> None:
    own = answer(1_000).own
    assert own.usd < 120
    assert {"alarms", "logs", "metrics", "dashboard", "traces"} <= {line.item for line in own.lines}


@pytest.mark.parametrize("capacity", ["provisioned", "on-demand"])
def test_a_hundred_thousand_moving_trucks_cost_a_fifth_of_the_plain_shape(capacity: str) -> None:
    made = answer(100_000, capacity=capacity)
    assert made.shape("plain").usd >= 5 * made.own.usd
    without_geofences = [
        each.usd - each.by_component["geofences and alerts"] for each in (made.shape("plain"), made.own)
    ]
    assert without_geofences[0] >= 5 * without_geofences[1]


# --- the command ----------------------------------------------------------------------------------------------


def test_the_bill_is_shown_by_component_with_every_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["plan", "--trucks", "1000", "--every", "5"]) == 0
    shown = capsys.readouterr().out
    own = answer(1_000, record_bytes=plan_data.measured().record_bytes).own
    text = re.sub(r"\s+", " ", shown)
    for line in own.lines:
        assert re.sub(r"\s+", " ", line.formula).split(" x ")[0] in text, line
    for part in ("1,000 records/s in", "5 reads/s shared", "the limit that binds", "Location", "36 s old", "total"):
        assert part in text
    assert "location_tracker_update" in text  # unverified, and said so


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("truckstream.cli.plan_view._PIPE_WIDTH", width)
    for trucks in (1, 1_000, 1_000_000):
        show(answer(trucks), plan_data.measured(), plan_data.prices(), ["plain", "truckstream"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if "…" in line]  # nothing cut off


def test_json_holds_everything_prices_and_measured_figures_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["plan", "--trucks", "1000", "--consumers", "6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["shape"]["name"] for each in found["shapes"]] == [
        "plain",
        "truckstream",
        "on-demand",
        "firehose",
        "location",
    ]
    own = found["shapes"][1]
    assert own["usd"] == pytest.approx(sum(line["usd"] for line in own["lines"]))
    for line in own["lines"]:
        assert found["prices"]["prices"][line["price"]]["source"]
    assert found["measured"]["command"]
    assert [each["write_every_s"] for each in found["intervals"]] == [5, 10, 30, 60]
    assert "--fan-out 1" in found["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trucks", "0"], "--trucks 0"),
        (["--trucks", "-5"], "--trucks -5"),
        (["--trucks", "1000", "--every", "0"], "--every 0"),
        (["--trucks", "1000", "--every", "nan"], "--every nan"),
        (["--trucks", "1000", "--retention", "12"], "--retention 12"),
        (["--trucks", "1000", "--format", "xml"], "--format 'xml'"),
        (["--trucks", "1000", "--capacity", "free"], "--capacity 'free'"),
        (["--trucks", "1000", "--formulas", "ours"], "--formulas 'ours'"),
        (["--trucks", "1000", "--fan-out", "9"], "--fan-out 9 with --consumers 3"),
    ],
)
def test_what_it_cannot_plan_is_two_lines(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["plan", *arguments]) == 1
    said = capsys.readouterr()
    error, hint = said.err.splitlines()
    assert error.startswith(f"error: {message}")
    assert hint.startswith("hint: ")
    assert said.out == ""


def test_a_picture_that_cannot_be_written_is_two_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["plan", "--trucks", "10", "--svg", str(tmp_path / "no" / "plan.svg")]) == 1
    assert capsys.readouterr().err.splitlines()[1].startswith("hint: ")


# --- the picture ----------------------------------------------------------------------------------------------


def test_the_picture_in_the_docs_is_what_the_command_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = tmp_path / "scaling.svg"
    assert execute(["plan", "--trucks", "10000", "--every", "5", "--svg", str(drawn)]) == 0
    assert f"drawn: {drawn}" in capsys.readouterr().out
    assert drawn.read_text() == (ROOT / "docs" / "scaling.svg").read_text(), "draw docs/scaling.svg again"


@pytest.mark.parametrize("trucks", [1, 100, 5_000_000, 100_000_000])
def test_a_picture_stays_within_its_frame_whatever_the_fleet(trucks: int) -> None:
    picture = draw(answer(trucks), plan_data.measured(), plan_data.prices())
    root = ElementTree.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    lines = root.findall(f"{space}polyline")
    assert len(lines) == 5
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 960
            assert 100 <= y <= 510
    labels = sorted(float(label.attrib["y"]) for label in root.findall(f"{space}text[@class='name']"))
    assert all(below - above >= 30 for above, below in pairwise(labels))
    assert "prefers-color-scheme: dark" in picture


def test_scaling_quotes_what_the_commands_say(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command in docs/scaling.md is run; the amounts of its block must be in what it prints."""
    page = (ROOT / "docs" / "scaling.md").read_text()
    blocks = re.findall(r"```text\n\$ truckstream (plan [^\n]+)\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 3
    for command, quoted in blocks:
        assert execute(command.split()) == 0
        said = capsys.readouterr().out.splitlines()
        for line in quoted.splitlines():
            if line.strip() and line.strip() != "...":
                assert line in said, (command, line)


def test_every_terraform_variable_it_prints_is_one_of_the_stack() -> None:
    stack = (ROOT / "terraform" / "variables.tf").read_text()
    for name, value in answer(1_000).terraform_variables.items():
        assert f'variable "{name}" {{' in stack, name
        if isinstance(value, dict):
            for part in value:
                assert re.search(rf"\b{part} +=", stack), part
