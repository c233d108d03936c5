"""Which backend a command works on, and its stores."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from truckstream.config import read_settings
from truckstream.core.errors import InvalidSetting
from truckstream.local.directory import DataDirectory
from truckstream.local.stores import LocalStores

if TYPE_CHECKING:
    from truckstream.aws.stores import AwsStores

type Stores = "LocalStores | AwsStores"


def backend_of(option: str | None) -> Literal["local", "aws"]:
    """Return the backend that `--backend` or TRUCKSTREAM_BACKEND names.

    Raises InvalidSetting for one there is not.
    """
    chosen = option or read_settings().backend
    if chosen == "aws":
        return "aws"
    if chosen == "local":
        return "local"
    raise InvalidSetting(f"--backend {chosen!r} is not known", hint="Use local or aws.")


def local_directory(data: Path, backend: str | None, *, must_exist: bool = True) -> DataDirectory:
    """Return the data directory, for a command that works on one only.

    Raises InvalidSetting for another backend, and when nothing was ever written there.
    """
    if backend_of(backend) != "local":
        raise InvalidSetting("this command works on a data directory", hint="Use it with --backend local.")
    directory = DataDirectory(data)
    if must_exist and not directory.exists():
        raise InvalidSetting(
            f"no truckstream data in {data}",
            hint="Make some first with 'truckstream run' or 'truckstream replay FILE', or name another --data DIR.",
        )
    return directory


def open_stores(data: Path, backend: str | None) -> Stores:
    """Return the stores of the chosen backend, to be used as a context manager.

    Raises InvalidSetting when the data directory holds nothing, MissingPart without the extra `aws`.
    """
    if backend_of(backend) == "aws":
        return aws_stores()
    return LocalStores(local_directory(data, "local"))


def aws_stores() -> "AwsStores":
    """Return the stores of the deployed system that the environment names.

    Raises MissingPart without the extra `aws`, InvalidSetting naming a variable.
    """
    from truckstream.aws.session import AwsSettings
    from truckstream.aws.stores import AwsStores

    settings = read_settings()
    return AwsStores(AwsSettings.among(settings), outlier_limit_kmh=settings.outlier_speed_kmh)


def refuse_local_options(**given: bool) -> None:
    """Raise InvalidSetting for an option that means nothing on AWS. Names are the options', with underscores."""
    wrong = next((name for name, is_given in given.items() if is_given), None)
    if wrong is not None:
        option = "--" + wrong.replace("_", "-")
        raise InvalidSetting(
            f"{option} is for the local backend", hint=f"Leave out {option}; the deployed functions have their own."
        )
