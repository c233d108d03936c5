"""`truckstream reports`: the reporting application, a process of its own over the archive and its statistics."""

from typing import Annotated

import typer

from truckstream.cli.backends import backend_of, open_stores
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption
from truckstream.cli.serving import Address, HostOption, ListenerOption, StyleOption, TilesOption, place_of

EXAMPLE = "Example: truckstream reports --data truckstream-data --port 8081"
DEFAULT_PORT = 8081


def reports(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free port.")] = DEFAULT_PORT,
    host: HostOption = "127.0.0.1",
    map_style: StyleOption = None,
    map_tiles: TilesOption = None,
    web_url: Annotated[
        str | None, typer.Option("--web-url", metavar="URL", help="Where the live dashboard is, for a link.")
    ] = None,
    listener: ListenerOption = None,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Serve the reports, from the archive alone: also while nothing else runs. Ctrl-C stops."""
    from truckstream.reports.application import ReportApplication
    from truckstream.reports.sources import ReportOptions, ReportSources

    with open_stores(data, backend) as stores:
        sources = ReportSources(
            archive=stores.archive,
            format=stores.format,
            geofences=stores.geofences,
            rejected=stores.rejected,
            limit_kmh=stores.outlier_limit_kmh,
            backend=backend_of(backend),
        )
        address = Address(host, port, listener)
        options = ReportOptions(map_style_url=map_style, map_tiles_url=map_tiles, web_url=web_url)
        application = ReportApplication(sources, options, address.door(data))
        address.serve(application.asgi, "reports", place_of(data, sources.backend))
