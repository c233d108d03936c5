"""Which backend a command works on."""

from pathlib import Path

from truckstream.config import read_settings
from truckstream.core.errors import InvalidSetting, MissingPart
from truckstream.local.directory import DataDirectory


def local_directory(data: Path, backend: str | None, *, must_exist: bool = True) -> DataDirectory:
    """Return the data directory of the local backend.

    Raises MissingPart for a backend that is not built in, InvalidSetting when nothing was ever written there.
    """
    chosen = backend or read_settings().backend
    if chosen not in ("local", "aws"):
        raise InvalidSetting(f"--backend {chosen!r} is not known", hint="Use local or aws.")
    if chosen == "aws":
        raise MissingPart("the aws backend is not part of this version", hint="Use --backend local.")
    directory = DataDirectory(data)
    if must_exist and not directory.exists():
        raise InvalidSetting(
            f"no truckstream data in {data}",
            hint="Make some first with 'truckstream run' or 'truckstream replay FILE', or name another --data DIR.",
        )
    return directory
