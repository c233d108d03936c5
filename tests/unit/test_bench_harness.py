"""The benchmarks' harness: honest figures, fair comparisons, memory of the child and not of the parent."""

import io
import json
import sys

import pytest
from bench.harness import Peer, Report, alternate, run_child, seconds


def printed(report: Report) -> tuple[int, str, list[dict[str, object]]]:
    stream = io.StringIO()
    code = report.print(stream)
    text = stream.getvalue()
    return code, text, [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_each_figure_is_one_line_of_json() -> None:
    report = Report("decode")
    report.add("rate", 61_234.56, "positions/s", goal=60_000, peer=Peer("json.loads", 30_000.0))
    report.add("memory", 412.345, "MiB", goal=500, better="lower")
    code, text, lines = printed(report)
    assert code == 0
    assert "61,235" in text
    assert lines == [
        {
            "bench": "decode",
            "figure": "rate",
            "value": 61_235,
            "unit": "positions/s",
            "ratio": 2.041,
            "peer": "json.loads",
            "goal": 60_000,
            "met": True,
        },
        {
            "bench": "decode",
            "figure": "memory",
            "value": 412.3,
            "unit": "MiB",
            "ratio": None,
            "peer": None,
            "goal": 500,
            "met": True,
        },
    ]


def test_missed_goal_fails_the_benchmark() -> None:
    report = Report("decode")
    report.add("rate", 59_999.9, "positions/s", goal=60_000)
    code, text, lines = printed(report)
    assert code == 1
    assert lines[0]["met"] is False
    assert "NO" in text


def test_ratio_above_one_is_better_either_way() -> None:
    report = Report("decode")
    assert report.add("rate", 200.0, "1/s", peer=Peer("slow", 100.0)).ratio == 2.0
    assert report.add("time", 1.0, "s", better="lower", peer=Peer("slow", 2.0)).ratio == 2.0
    assert report.add("time", 0.0, "s", better="lower", peer=Peer("slow", 2.0)).ratio is None


def test_figure_without_a_goal_neither_meets_nor_misses() -> None:
    report = Report("decode")
    assert report.add("rate", 1.0, "1/s").met is None
    assert report.all_met


def test_runs_alternate_and_swap_their_order() -> None:
    order: list[str] = []

    def run(name: str, value: float) -> float:
        order.append(name)
        return value

    compared = alternate(lambda: run("a", 3.0), lambda: run("b", 2.0), rounds=3, warm_up=1)
    assert "".join(order) == "abbaabba"
    assert (compared.a, compared.b, compared.ratio) == (3.0, 2.0, 1.5)
    assert len(compared.runs_a) == len(compared.runs_b) == 3


def test_one_slow_round_does_not_move_the_medians() -> None:
    a, b = iter([1.0, 9.0, 1.0, 1.0, 1.0]), iter([2.0, 18.0, 2.0, 2.0, 2.0])
    compared = alternate(lambda: next(a), lambda: next(b), rounds=5, warm_up=0)
    assert (compared.a, compared.b, compared.ratio) == (1.0, 2.0, 0.5)


def test_seconds_are_positive() -> None:
    assert seconds(lambda: sum(range(1000))) > 0.0


def test_memory_is_the_childs_and_not_the_parents() -> None:
    ballast = bytearray(b"x") * (150 * 1024 * 1024)
    idle = run_child([sys.executable, "-I", "-S", "-c", "import time; time.sleep(0.1); print('done')"])
    assert (idle.exit_code, idle.stdout) == (0, "done\n")
    assert 1.0 < idle.resident_mib < 60.0
    assert len(ballast) > 0
    code = "import time; b = bytearray(b'x') * (80 << 20); time.sleep(0.1)"
    assert 80.0 < run_child([sys.executable, "-I", "-S", "-c", code]).resident_mib < 140.0


def test_child_may_say_more_than_a_pipe_holds() -> None:
    child = run_child([sys.executable, "-I", "-S", "-c", "print('x' * 1_000_000)"])
    assert len(child.stdout) == 1_000_001


def test_failing_child_is_an_error_unless_asked_for() -> None:
    command = [sys.executable, "-I", "-S", "-c", "raise SystemExit(3)"]
    with pytest.raises(RuntimeError, match="exit 3"):
        run_child(command)
    assert run_child(command, check=False).exit_code == 3
