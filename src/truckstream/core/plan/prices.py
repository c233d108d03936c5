"""List prices as the data file has them: what one costs, where that was read, and whether it was verified."""

from collections.abc import Mapping
from typing import Final

import msgspec

NAMES: Final = (
    "kinesis_shard_hour",
    "kinesis_put_unit",
    "kinesis_extended_shard_hour",
    "kinesis_long_term_gb_month",
    "kinesis_fan_out_shard_hour",
    "kinesis_fan_out_gb",
    "kinesis_on_demand_stream_hour",
    "kinesis_on_demand_in_gb",
    "kinesis_on_demand_out_gb",
    "kinesis_on_demand_fan_out_gb",
    "kinesis_on_demand_extended_gb_month",
    "lambda_request",
    "lambda_arm_gb_s",
    "dynamodb_write_request",
    "dynamodb_read_request",
    "dynamodb_wcu_hour",
    "dynamodb_rcu_hour",
    "dynamodb_gb_month",
    "dynamodb_recovery_gb_month",
    "s3_put",
    "s3_get",
    "s3_frequent_gb_month",
    "s3_infrequent_gb_month",
    "s3_archive_instant_gb_month",
    "s3_monitored_object",
    "sns_publish",
    "kms_key",
    "kms_request",
    "cloudwatch_alarm",
    "cloudwatch_dashboard",
    "cloudwatch_metric",
    "cloudwatch_log_gb",
    "xray_trace",
    "athena_tb",
    "firehose_gb",
    "firehose_conversion_gb",
    "location_tracker_update",
)
"""Every price a plan needs."""


class Price(msgspec.Struct, frozen=True):
    """`usd` for `per` of `unit`. `as_of`: the date of the source. `verified`: the figure stands in that source."""

    usd: float
    unit: str
    source: str
    as_of: str
    per: int = 1
    verified: bool = True

    def __post_init__(self) -> None:
        if self.usd < 0 or self.per < 1:
            raise ValueError(f"a price of {self.usd} for {self.per}")

    def of(self, quantity: float) -> float:
        """Return what so many cost, in US dollars."""
        return quantity / self.per * self.usd

    @property
    def text(self) -> str:
        """As a person reads it: $0.014 per 1,000,000 PUT units."""
        count = "" if self.per == 1 else f"{self.per:,} "
        return f"${self.usd:.10f}".rstrip("0").rstrip(".") + f" per {count}{self.unit}"


class PriceList(msgspec.Struct, frozen=True):
    """All prices of one region at one time. Raises ValueError when one is missing."""

    region: str
    compiled: str
    prices: Mapping[str, Price]

    def __post_init__(self) -> None:
        missing = [name for name in NAMES if name not in self.prices]
        if missing:
            raise ValueError(f"no price of {', '.join(missing)}")

    def __getitem__(self, name: str) -> Price:
        return self.prices[name]
