"""The error tree. Each class says whether trying again may help and what a human should do.

    TruckstreamError
    ├── InvalidInput          what the user or a device gave us breaks a rule
    │   ├── InvalidRecord     a GPS record (it is set aside, never retried)
    │   ├── InvalidGeofence   a geofence definition
    │   └── InvalidSetting    an option, a settings file, an environment variable
    ├── SourceUnreadable      a file to replay or import cannot be read to its end
    ├── DataDirectoryInUse    another process holds the writer lock            retryable
    ├── StorageFull           the disk or a quota is full                      retryable
    ├── StorageDamaged        a store's file is not what we wrote
    ├── Unavailable           a store or service did not answer in time        retryable
    │   └── Throttled         it answered "slow down"                          retryable
    ├── Denied                a permission or credential is missing
    └── MissingPart           an optional part is not installed or not configured

Adapters translate every driver error into one of these; nothing above a port sees sqlite3 or boto3.
"""


class TruckstreamError(Exception):
    """Base of all errors: `message` says what happened, `hint` what to do about it."""

    retryable: bool = False
    hint: str = "See docs/operations.md."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class InvalidInput(TruckstreamError):
    """Something given from outside breaks a rule; the same input will fail again."""

    hint = "Correct the input and try again."


class InvalidRecord(InvalidInput):
    """A GPS record breaks a rule of the wire format."""

    hint = "Fix the device or the producer; the record was set aside, not retried."

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}" if field else rule)
        self.field, self.rule = field, rule


class InvalidGeofence(InvalidInput):
    """A geofence definition breaks a rule; names the geofence, the field and the mend."""

    def __init__(self, geofence_id: str, field: str, rule: str, *, hint: str | None = None) -> None:
        super().__init__(f"geofence {geofence_id!r}: {field}: {rule}", hint=hint)
        self.geofence_id, self.field, self.rule = geofence_id, field, rule


class InvalidSetting(InvalidInput):
    """An option, a settings file or an environment variable has a value we cannot use."""


class SourceUnreadable(TruckstreamError):
    """A file to replay or import is missing, truncated or of an unknown format."""

    hint = "Check the path and the format: CSV, CSV.gz, NDJSON, NDJSON.gz, Parquet or GPX."


class DataDirectoryInUse(TruckstreamError):
    """Another truckstream process is writing to this data directory."""

    retryable = True
    hint = "Stop it, or choose another directory with --data."


class StorageFull(TruckstreamError):
    """The disk or a quota is full; what was acknowledged before is safe."""

    retryable = True
    hint = "Free some space and run the same command again; it resumes where it stopped."


class StorageDamaged(TruckstreamError):
    """A store's file cannot be read as what truckstream wrote."""

    hint = "Restore the data directory from a backup, or move it away and replay the source."


class Unavailable(TruckstreamError):
    """A store or service did not answer; a write may be missing. Repeating the call is safe."""

    retryable = True
    hint = "Try again; if it persists, check the disk or the network."


class Throttled(Unavailable):
    """A service asked us to slow down."""

    hint = "Try again in a while; if it persists, lower the rate, or give the service more room (docs/scaling.md)."


class Denied(TruckstreamError):
    """A permission or credential is missing."""

    hint = "Check the file permissions or the credentials."


class MissingPart(TruckstreamError):
    """An optional part of truckstream is not installed or not configured."""
