"""The ports of a backend that the web applications read."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

from truckstream.cli.backends import aws_stores, backend_of, local_directory
from truckstream.local.acknowledgements import LocalAcknowledgements
from truckstream.local.alert_feed import LocalAlertFeed
from truckstream.local.directory import DataDirectory
from truckstream.local.stores import LocalStores
from truckstream.web.sources import WebSources


def web_sources(data: Path, backend: str | None) -> AbstractContextManager[WebSources]:
    """Return the ports over the chosen backend, to be used as a context manager.

    Raises InvalidSetting when the data directory holds nothing, MissingPart naming what AWS lacks.
    """
    if backend_of(backend) == "aws":
        return aws_sources()
    return local_sources(local_directory(data, backend))


@contextmanager
def aws_sources() -> Iterator[WebSources]:
    """Yield the ports over the deployed system that the environment names."""
    with aws_stores() as stores:
        yield WebSources(
            backend="aws",
            positions=stores.positions,
            presence=stores.alerts,
            geofences=stores.geofences,
            alerts=stores.alert_feed,
            acknowledgements=stores.acknowledgements,
            archive=stores.archive,
            format=stores.format,
            recent=stores.recent,
            stream=stores.stream,
            rejected=stores.rejected,
            health=stores.health,
            outlier_limit_kmh=stores.outlier_limit_kmh,
        )


@contextmanager
def local_sources(directory: DataDirectory) -> Iterator[WebSources]:
    """Yield the ports over a data directory, beside whoever writes to it."""
    from truckstream.local.health import LocalHealth
    from truckstream.local.recent import LocalRecent

    with ExitStack() as stack:
        stores = stack.enter_context(LocalStores(directory, keep_for_readers=False))
        stream = stores.stream
        yield WebSources(
            backend="local",
            positions=stores.positions,
            presence=stores.alerts,
            geofences=stores.geofences,
            alerts=stack.enter_context(closing(LocalAlertFeed(directory.alerts))),
            acknowledgements=stack.enter_context(closing(LocalAcknowledgements(directory.acknowledgements))),
            archive=stores.archive,
            format=stores.format,
            recent=LocalRecent(stream),
            stream=stream,
            rejected=stores.rejected,
            health=LocalHealth(stores),
            outlier_limit_kmh=stores.settings.outlier_speed_kmh,
        )
