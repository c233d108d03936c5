"""The address `/`: the dashboard's page, and, with a truck or a place in the query, a phone that sends its position."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.types import ControllerRouterHandler

from truckstream.http.access import need
from truckstream.http.pages import Pages, index_page, page_files
from truckstream.web.ingest import Ingest, Ingested
from truckstream.web.osmand import take_phone

_may_send = need("device")
_OF_A_PHONE: Final = frozenset({"id", "deviceid", "lat", "location"})


def home_handlers(folder: Path, ingest: Ingest, clock: Callable[[], int]) -> list[ControllerRouterHandler]:
    """Return the handlers of `/` and of the pages' files."""
    pages = Pages(folder)

    @get("/", include_in_schema=False)
    async def home(request: Request[Any, Any, Any]) -> Response[Any]:
        if _OF_A_PHONE & request.query_params.keys():  # a page with status 200 would lose the position
            return await _phone(request)
        return index_page(pages, request)

    @post("/", include_in_schema=False, status_code=200)
    async def phone(request: Request[Any, Any, Any]) -> Response[Ingested]:
        return await _phone(request)

    async def _phone(request: Request[Any, Any, Any]) -> Response[Ingested]:
        _may_send(request, request.route_handler)
        return Response(await take_phone(request, ingest, clock()))

    return [home, phone, page_files(pages)]
