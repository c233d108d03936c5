"""`truckstream web`: the live dashboard and the HTTP API, beside a running pipeline or alone."""

from typing import Annotated

import typer

from truckstream.cli.backends import backend_of
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption
from truckstream.cli.serving import Address, HostOption, ListenerOption, StyleOption, TilesOption, place_of
from truckstream.core.truck_state import OFFLINE_AFTER_MS
from truckstream.local.directory import DataDirectory

EXAMPLE = "Example: truckstream web --data truckstream-data --port 8080"
DEFAULT_PORT = 8080


def web(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free port.")] = DEFAULT_PORT,
    host: HostOption = "127.0.0.1",
    offline_after: Annotated[
        float, typer.Option("--offline-after", min=5, metavar="S", help="A truck is offline when silent for so long.")
    ] = OFFLINE_AFTER_MS / 1000,
    map_style: StyleOption = None,
    map_tiles: TilesOption = None,
    reports_url: Annotated[
        str | None, typer.Option("--reports-url", metavar="URL", help="Where the reporting application is, for a link.")
    ] = None,
    listener: ListenerOption = None,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Serve the live dashboard and the HTTP API. Ctrl-C stops.

    On 127.0.0.1 it is open to this machine; on any other address everyone needs a token: truckstream tokens create.
    """
    from truckstream.cli.web_sources import web_sources
    from truckstream.local.tokens import TokenFile
    from truckstream.web.application import WebApplication
    from truckstream.web.sources import WebOptions

    with web_sources(data, backend) as sources:
        address = Address(host, port, listener)
        options = WebOptions(
            offline_after_ms=round(offline_after * 1000),
            map_style_url=map_style,
            map_tiles_url=map_tiles,
            reports_url=reports_url,
        )
        known_ids = TokenFile(DataDirectory(data).tokens).trucks
        application = WebApplication(sources, options, address.door(data), known_ids=known_ids)
        place = place_of(data, backend_of(backend))
        address.serve(application.asgi, "web", place, before_end=application.streams.stop)
