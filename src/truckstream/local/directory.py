"""The data directory: where each local store lives, and the settings that change answers.

settings.json   shard count, retention, outlier speed: kept here so that every command gives the same answers
stream.db       the durable stream and the consumers' checkpoints
positions.db    the latest position of every truck
geofences.db    geofences and their versions
alerts.db       presence, alert log and outbox
acknowledgements.db  who has seen to which alert
rejected.db     records set aside, whole
archive/        positions/date=YYYY-MM-DD/*.parquet, hourly/date=YYYY-MM-DD/hourly.parquet,
                reports/links/*.json (saved links of the reports)
tokens.json     hashes of the access tokens, mode 0600
alerts.ndjson   alerts as sent by the default notifier
writer.lock     held by run, replay, ingest and compact
"""

import math
import os
from pathlib import Path
from typing import Annotated

import msgspec

from truckstream.core.errors import InvalidSetting
from truckstream.local.database import storage_errors

DEFAULT_OUTLIER_SPEED_KMH = 200.0


class DirectorySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is fixed for a data directory. `outlier_speed_kmh` 0 switches the outlier rule off."""

    outlier_speed_kmh: Annotated[float, msgspec.Meta(ge=0)] = DEFAULT_OUTLIER_SPEED_KMH
    shard_count: Annotated[int, msgspec.Meta(ge=1, le=256)] = 4
    retention_hours: Annotated[int, msgspec.Meta(ge=24, le=8760)] = 24


class DataDirectory:
    """Paths below `root`; nothing is created before `create` is called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stream = root / "stream.db"
        self.positions = root / "positions.db"
        self.geofences = root / "geofences.db"
        self.alerts = root / "alerts.db"
        self.acknowledgements = root / "acknowledgements.db"
        self.rejected = root / "rejected.db"
        self.tokens = root / "tokens.json"
        self.archive = root / "archive"
        self.sent_alerts = root / "alerts.ndjson"
        self._settings = root / "settings.json"

    def exists(self) -> bool:
        """Say whether truckstream has written here before."""
        return self._settings.exists()

    def create(self) -> None:
        """Make the directory and its settings file if they are not there."""
        with storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        if not self._settings.exists():
            self.save(DirectorySettings())

    def settings(self) -> DirectorySettings:
        """Return the settings; defaults where no file is yet.

        Raises InvalidSetting when the file was edited into something unreadable.
        """
        if not self.exists():
            return DirectorySettings()
        try:
            with storage_errors(self._settings):
                return msgspec.json.decode(self._settings.read_bytes(), type=DirectorySettings)
        except msgspec.DecodeError as error:
            raise InvalidSetting(
                f"{self._settings}: {error}",
                hint="Correct the file, or remove it to go back to the defaults.",
            ) from error

    def save(self, settings: DirectorySettings) -> None:
        """Write the settings atomically."""
        draft = self._settings.with_suffix(".tmp")
        with storage_errors(self._settings):
            with draft.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._settings)

    def set_outlier_speed(self, outlier_speed_kmh: float | None) -> DirectorySettings:
        """Keep a new outlier speed in km/h (0: off; None: leave it) and return the settings in force.

        Raises InvalidSetting for a speed that is none.
        """
        settings = self.settings()
        if outlier_speed_kmh is not None and not 0 <= outlier_speed_kmh < math.inf:
            raise InvalidSetting(
                f"outlier speed {outlier_speed_kmh:g} km/h", hint="Give a number of km/h; 0 switches the rule off."
            )
        if outlier_speed_kmh is not None and outlier_speed_kmh != settings.outlier_speed_kmh:
            settings = msgspec.structs.replace(settings, outlier_speed_kmh=outlier_speed_kmh)
            self.save(settings)
        return settings
