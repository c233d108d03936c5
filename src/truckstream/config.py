"""Settings from the environment, read once at the edge: by the command line, and by the Lambda entry points."""

import os
from collections.abc import Mapping
from typing import Literal

import msgspec

from truckstream.core.errors import InvalidSetting

Backend = Literal["local", "aws"]


class Settings(msgspec.Struct, frozen=True):
    """What the environment says. Field names are the variables in lower case, `backend` is TRUCKSTREAM_BACKEND.

    `webhook_secret` signs alerts sent by webhook; it is never printed.
    """

    backend: Backend = "local"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    webhook_url: str = ""
    webhook_secret: str = ""


# One row per setting: field, variable, what it is for. docs/config.md is checked against it.
VARIABLES = (
    ("backend", "TRUCKSTREAM_BACKEND", "`local` (default) or `aws`; `--backend` wins"),
    ("log_level", "LOG_LEVEL", "DEBUG, INFO (default), WARNING or ERROR"),
    ("webhook_url", "TRUCKSTREAM_WEBHOOK_URL", "where `run` and `replay` post alerts; `--webhook` wins"),
    ("webhook_secret", "TRUCKSTREAM_WEBHOOK_SECRET", "key of the webhook's HMAC-SHA256 signature"),
)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of an environment (the process's own when None).

    Raises InvalidSetting naming the variable.
    """
    source = os.environ if environment is None else environment
    given = {field: source[variable] for field, variable, _ in VARIABLES if source.get(variable)}
    if "log_level" in given:
        given["log_level"] = given["log_level"].upper()
    try:
        return msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        field = next((f for f in given if f"`$.{f}`" in str(error)), "")
        variable = next((v for f, v, _ in VARIABLES if f == field), "environment")
        meaning = next((m for f, _, m in VARIABLES if f == field), "")
        raise InvalidSetting(
            f"{variable}={given.get(field, '')!r} is not allowed", hint=f"{variable} is {meaning}."
        ) from error
