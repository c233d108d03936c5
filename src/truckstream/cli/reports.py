"""`truckstream reports`: the reporting application, a process of its own over the archive and its statistics."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from truckstream.cli.backends import backend_of, open_stores
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption

EXAMPLE = "Example: truckstream reports --data truckstream-data --port 8081"
DEFAULT_PORT = 8081


def reports(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free port.")] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; any but 127.0.0.1 asks for tokens.")
    ] = "127.0.0.1",
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Serve the reports, from the archive alone: also while nothing else runs. Ctrl-C stops."""
    from truckstream.http.serving import listen, serve, url_of
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
        listener = listen(host, port)

        def ready(stop: Callable[[], None]) -> None:
            del stop
            print(f"truckstream reports: {url_of(listener)}, {_place(data, sources.backend)}; Ctrl-C stops", flush=True)

        serve(ReportApplication(sources, ReportOptions()).asgi, listener, ready=ready)


def _place(data: Path, backend: str) -> str:
    return "data on AWS" if backend == "aws" else f"data in {data}"
