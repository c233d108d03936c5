"""Receivers of alerts on AWS: an SNS topic.

Every message is the alert's JSON; the attributes truck_id, geofence_id, alert_type and late let a subscription
choose with a filter policy. SNS may deliver a message twice; it always carries the same `alert_id`. On a FIFO
topic a truck's alerts keep their order and SNS drops repetitions within five minutes.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from truckstream.aws.errors import aws_errors, error_of_code
from truckstream.core.errors import InvalidInput, TruckstreamError
from truckstream.core.presence import Alert, alert_to_json

ALERTS_PER_CALL: Final = 10
BYTES_PER_CALL: Final = 256 * 1024
_LONGEST_SUBJECT: Final = 100
_ENVELOPE_BYTES: Final = 500
_DOES: Final = {"enter": "enters", "exit": "leaves", "dwell": "stays in", "speeding": "is too fast in"}


class SnsNotifier:
    """`ports.Notifier` to an SNS topic.

    After a `send` that did not accept all, `last_error` says why, and `refused_id` names the first alert that
    was not accepted if no repetition can change that.
    """

    def __init__(self, client: Any, topic_arn: str) -> None:
        self.name = f"sns:{topic_arn.rpartition(':')[2]}"
        self.last_error = ""
        self.refused_id = ""
        self._client = client
        self._topic_arn = topic_arn
        self._fifo = topic_arn.endswith(".fifo")

    def send(self, alerts: Sequence[Alert]) -> Collection[str]:
        """Publish in order, ten to a call; return the accepted ids in order. Stops after a call with a failure.

        Raises when the very first call fails as a whole.
        """
        self.last_error = self.refused_id = ""
        accepted: list[str] = []
        for part in self._parts(alerts):
            try:
                with aws_errors("sns:PublishBatch", f"topic {self._topic_arn}"):
                    answer = self._client.publish_batch(
                        TopicArn=self._topic_arn, PublishBatchRequestEntries=[entry for _, entry in part]
                    )
            except TruckstreamError as error:
                if not accepted:
                    raise
                self.last_error = error.message
                return accepted
            failed = {failure["Id"]: failure for failure in answer.get("Failed", [])}
            accepted += [alert.alert_id for alert, entry in part if entry["Id"] not in failed]
            if failed:
                first, entry = next((alert, entry) for alert, entry in part if entry["Id"] in failed)
                self._note(first, failed[entry["Id"]])
                return accepted
        return accepted

    def _note(self, alert: Alert, failure: dict[str, Any]) -> None:
        code, message = str(failure.get("Code", "")), str(failure.get("Message", ""))
        error = error_of_code(code, message, "sns:PublishBatch", f"topic {self._topic_arn}")
        self.last_error = error.message
        if failure.get("SenderFault") and isinstance(error, InvalidInput):
            self.refused_id = alert.alert_id

    def _parts(self, alerts: Sequence[Alert]) -> Iterator[list[tuple[Alert, dict[str, Any]]]]:
        part: list[tuple[Alert, dict[str, Any]]] = []
        size = 0
        for alert in alerts:
            entry = self._entry(alert)
            entry_bytes = len(entry["Message"].encode()) + _ENVELOPE_BYTES
            if len(part) == ALERTS_PER_CALL or (part and size + entry_bytes > BYTES_PER_CALL):
                yield part
                part, size = [], 0
            part.append((alert, entry | {"Id": str(len(part))}))
            size += entry_bytes
        if part:
            yield part

    def _entry(self, alert: Alert) -> dict[str, Any]:
        attributes = {
            "truck_id": alert.truck_id,
            "geofence_id": alert.geofence_id,
            "alert_type": alert.alert_type,
            "late": "true" if alert.late else "false",
        }
        entry: dict[str, Any] = {
            "Message": alert_to_json(alert).decode(),
            "Subject": f"{alert.truck_id} {_DOES[alert.alert_type]} {alert.geofence_id}"[:_LONGEST_SUBJECT],
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        }
        if self._fifo:
            entry |= {"MessageGroupId": alert.truck_id, "MessageDeduplicationId": alert.alert_id}
        return entry
