"""`/api/v1/reports/export/...` and `/api/v1/reports/links`: files of tables, and saved links."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Router, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import OpenAPIMediaType, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import Stream

from truckstream.core.errors import InvalidInput
from truckstream.http.access import need
from truckstream.http.problems import problems
from truckstream.reports import answers, exports, place_exports
from truckstream.reports.links import LinkStore, NewLink
from truckstream.reports.period import parse_period
from truckstream.reports.reader import Filter, Reader
from truckstream.reports.routes import filter_of
from truckstream.reports.tables import TABLES, WITH_PLACES, Table, Wish, make_table

MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "gpx": "application/gpx+xml",
    "geojson": "application/geo+json",
}
_PATTERN: Final = f"^({'|'.join(TABLES)})\\.({'|'.join(MEDIA_TYPES)})$"

FileName = Annotated[
    str, PathParameter(pattern=_PATTERN, max_length=40, description="A table and a format, such as trips.csv.")
]
_Truck = Annotated[str | None, QueryParameter(min_length=1, max_length=64, description="The truck of a route.")]
_Geofence = Annotated[str | None, QueryParameter(max_length=200, description="Only visits of this geofence.")]
_Other = Annotated[str | None, QueryParameter(name="other_from", max_length=64, description="The compared begin.")]
_OtherEnd = Annotated[str | None, QueryParameter(name="other_to", max_length=64, description="The compared end.")]
_Sort = Annotated[str | None, QueryParameter(max_length=60, description="A column; `-` before it: largest first.")]
LinkId = Annotated[str, PathParameter(max_length=64, description="A link's id.")]


@dataclass
class ExportOperation(Operation):
    """Says in the OpenAPI document which kinds of file come back."""

    def __post_init__(self) -> None:
        """Replace the one media type that a handler may have."""
        if self.responses and "200" in self.responses:
            file, features = (
                Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
                Schema(type=OpenAPIType.OBJECT),
            )
            kinds = {
                kind: OpenAPIMediaType(schema=features if form == "geojson" else file)
                for form, kind in MEDIA_TYPES.items()
            }
            self.responses["200"].content = kinds  # type: ignore[union-attr]


def file_router(reader: Reader) -> Router:
    """Return the routes of exports and saved links."""
    links = LinkStore(reader.sources.archive)

    @get(
        "/export/{file_name:str}",
        summary="Export a table",
        guards=[need("viewer")],
        responses=problems(),
        operation_class=ExportOperation,
        sync_to_thread=True,
    )
    def export(
        file_name: FileName,
        wanted: NamedDependency[Filter],
        truck: _Truck = None,
        geofence: _Geofence = None,
        other_from: _Other = None,
        other_to: _OtherEnd = None,
        sort: _Sort = None,
    ) -> Stream:
        """A table as a file: exactly what is shown, with zone and filter in it."""
        name, _, form = file_name.partition(".")
        other = None
        if other_from is not None and other_to is not None:
            other = parse_period(other_from, other_to, wanted.period.tz)
        if form in ("gpx", "geojson") and name not in WITH_PLACES:
            raise InvalidInput(
                f"file_name: {name} has no places",
                hint=f"Export it as csv, xlsx or parquet; {form}: route, trips, stops.",
            )
        table = make_table(name, reader, wanted, Wish(truck, geofence, other, sort))
        parts = _parts(form, table, reader, wanted)
        # What is wrong shows before the first part is sent, as an error in words.
        first = next(parts, b"")
        days = wanted.period.days
        shown = f"{name}_{days[0].date}_{days[-1].date}_{wanted.period.tz.replace('/', '-')}.{form}"
        return Stream(
            itertools.chain([first], parts),
            media_type=MEDIA_TYPES[form],
            headers={"Content-Disposition": f'attachment; filename="{shown}"', "Cache-Control": "no-store"},
        )

    @get("/links", summary="Saved links", guards=[need("viewer")], responses=problems(), sync_to_thread=True)
    def list_links() -> answers.Links:
        """All saved links by name."""
        return answers.Links(items=links.list())

    @post(
        "/links",
        summary="Save a link",
        guards=[need("dispatcher")],
        responses=problems(409, 413, 415),
        sync_to_thread=True,
    )
    def add_link(data: JSONBody[NewLink]) -> answers.Link:
        """Keep a view of the pages under a name."""
        return links.add(data, reader.clock())

    @delete(
        "/links/{link_id:str}",
        summary="Delete a link",
        guards=[need("dispatcher")],
        responses=problems(404),
        sync_to_thread=True,
    )
    def remove_link(link_id: LinkId) -> None:
        """Delete a saved link."""
        links.remove(link_id)

    return Router(
        "/api/v1/reports",
        route_handlers=[export, list_links, add_link, remove_link],
        dependencies={"wanted": Provide(filter_of, sync_to_thread=False)},
        tags=["reports"],
    )


def _parts(form: str, table: Table, reader: Reader, wanted: Filter) -> Iterator[bytes]:
    if form == "csv":
        return exports.csv_parts(table)
    if form == "xlsx":
        return exports.xlsx_parts(table)
    if form == "parquet":
        return exports.parquet_parts(table)
    paths: dict[int, list[list[float]]] = {}
    if table.name == "trips":
        held: list[list[Any]] = [row for part in table.parts for row in part]
        names = [column.name for column in table.columns]
        paths = reader.travel.paths([dict(zip(names, row, strict=True)) for row in held], wanted.trucks)
        table = table._replace(parts=iter([held]))
    if form == "gpx":
        return place_exports.gpx_parts(table, paths)
    if table.name == "route":
        return place_exports.route_geojson_parts(table)
    return place_exports.geojson_parts(table, paths)
