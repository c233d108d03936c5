"""`truckstream plan`: what a fleet needs and costs on AWS, before anything is deployed."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from truckstream.cli import plan_data
from truckstream.cli.options import JsonOption
from truckstream.core.errors import Denied, InvalidSetting
from truckstream.core.plan import Question, plan

EXAMPLE = "Example: truckstream plan --trucks 1000 --every 5"
_FORMATS = ("frames", "json", "kpl")
_CAPACITIES = ("provisioned", "on-demand")


def plan_command(
    trucks: Annotated[int, typer.Option("--trucks", metavar="N", help="Fleet size.")],
    every: Annotated[
        float, typer.Option("--every", metavar="S", help="Seconds between two positions of one truck.")
    ] = 5.0,
    record_size: Annotated[
        float | None,
        typer.Option("--record-size", metavar="BYTES", help="One position as JSON; default: as measured."),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="|".join(_FORMATS),
            help="How positions travel: gzip NDJSON frames, one JSON record each, or KPL aggregation.",
        ),
    ] = "frames",
    frame: Annotated[float, typer.Option("--frame", metavar="S", help="Seconds a gateway gathers a frame.")] = 1.0,
    buckets: Annotated[
        int | None,
        typer.Option("--buckets", metavar="N", help="Groups of trucks that share frames; default: of 500 trucks."),
    ] = None,
    retention: Annotated[int, typer.Option("--retention", metavar="H", help="Hours the stream keeps records.")] = 24,
    consumers: Annotated[int, typer.Option("--consumers", metavar="N", help="Functions that read the stream.")] = 3,
    fan_out: Annotated[int, typer.Option("--fan-out", metavar="N", help="Of these with enhanced fan-out.")] = 0,
    headroom: Annotated[float, typer.Option("--headroom", metavar="PCT", help="Spare room of each shard.")] = 25.0,
    write_every: Annotated[
        float,
        typer.Option("--write-every", metavar="S", help="Seconds between writes of a moving truck's latest position."),
    ] = 30.0,
    alert_window: Annotated[
        float | None,
        typer.Option("--alert-window", metavar="S", help="Seconds the geofence batch is gathered; default: the same."),
    ] = None,
    archive_window: Annotated[
        float, typer.Option("--archive-window", metavar="S", help="Seconds the archive's batch is gathered.")
    ] = 60.0,
    moving: Annotated[float, typer.Option("--moving", metavar="PCT", help="Trucks that move at any time.")] = 100.0,
    alerts: Annotated[float, typer.Option("--alerts", metavar="N", help="Alerts per truck and day.")] = 10.0,
    capacity: Annotated[
        str, typer.Option("--capacity", metavar="|".join(_CAPACITIES), help="How DynamoDB is paid.")
    ] = "provisioned",
    capacity_used: Annotated[
        float, typer.Option("--capacity-used", metavar="PCT", help="Use that provisioned capacity is scaled to.")
    ] = 70.0,
    memory: Annotated[int, typer.Option("--memory", metavar="MB", help="Memory of the consumers' functions.")] = 1_769,
    cpu_factor: Annotated[
        float,
        typer.Option("--cpu-factor", metavar="X", help="How many times slower Lambda's CPU is than the measured one."),
    ] = 2.0,
    athena: Annotated[float, typer.Option("--athena", metavar="GB", help="GB that Athena scans a day.")] = 0.0,
    archive_months: Annotated[
        int, typer.Option("--archive-months", metavar="N", help="Months of archive and alerts that are kept.")
    ] = 12,
    formulas: Annotated[
        str,
        typer.Option(
            "--formulas",
            metavar="SHAPE|all|none",
            help="Whose formulas: plain, truckstream, on-demand, firehose, location.",
        ),
    ] = "truckstream",
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw the cost against fleet size into a file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a fleet needs on AWS, which limit binds, and what a month costs by component.

    Side by side: the plain shape, truckstream, an on-demand stream, Firehose, Amazon Location. Every line has its
    formula and every price its source. Nothing is looked up or deployed: list prices, without free tiers.
    """
    measured, prices = plan_data.measured(), plan_data.prices()
    question = Question(
        trucks=trucks,
        every_s=every,
        record_bytes=measured.record_bytes if record_size is None else record_size,
        format=_one_of("--format", form, _FORMATS),  # type: ignore[arg-type]
        retention_hours=retention,
        consumers=consumers,
        fan_out=fan_out,
        write_every_s=write_every,
        alert_window_s=min(300.0, write_every) if alert_window is None else alert_window,
        archive_window_s=archive_window,
        moving_pct=moving,
        headroom_pct=headroom,
        frame_s=frame,
        buckets=buckets,
        capacity=_one_of("--capacity", capacity, _CAPACITIES),  # type: ignore[arg-type]
        capacity_used_pct=capacity_used,
        alerts_per_truck_day=alerts,
        athena_gb_per_day=athena,
        archive_months=archive_months,
        memory_mb=memory,
        cpu_factor=cpu_factor,
    )
    made = plan(question, measured, prices)
    names = [each.shape.name for each in made.shapes]
    _one_of("--formulas", formulas, (*names, "all", "none"))
    if svg is not None:
        from truckstream.cli.plan_svg import draw

        try:
            svg.write_text(draw(made, measured, prices))
        except OSError as error:
            raise Denied(f"{svg}: {error.strerror or error}", hint="Choose a file that can be written.") from error
    if as_json:
        print(msgspec.json.encode({**msgspec.to_builtins(made), "prices": prices, "measured": measured}).decode())
        return
    from truckstream.cli.plan_view import show

    show(made, measured, prices, [name for name in names if formulas in (name, "all")])
    if svg is not None:
        print(f"drawn: {svg}")


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidSetting(f"{option} {value!r}", hint=f"Choose one of {', '.join(allowed)}.")
    return value
