"""The archive as a bucket: implements `ports.ArchiveStore` on S3.

A put is atomic and durable by S3's own promise, and checked: the SHA-256 goes along, and S3 refuses what does
not match. Files are stored as INTELLIGENT_TIERING: hot for the hours in which they are compacted and queried,
cheaper by themselves later. The tag is the ETag, which changes with the content.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import batched
from typing import Any, Final

from truckstream.aws.errors import aws_errors, code_of, error_of_code
from truckstream.aws.session import AwsSession
from truckstream.core.errors import TruckstreamError
from truckstream.ports import ArchiveObject

STORAGE_CLASS: Final = "INTELLIGENT_TIERING"
CONTENT_TYPE: Final = "application/vnd.apache.parquet"
DELETED_AT_ONCE: Final = 1000  # DeleteObjects takes no more


class S3Archive:
    """Files of one bucket. Threads may share it."""

    def __init__(self, session: AwsSession) -> None:
        self.bucket = session.require("bucket")
        self._client = session.client("s3")

    def put(self, key: str, data: bytes) -> None:
        """Write the whole file durably, replacing it atomically.

        Raises Unavailable, Denied or InvalidSetting with nothing half-written visible; repeating is safe.
        """
        with aws_errors("s3:PutObject", self._named(key)):
            self._client.put_object(
                Bucket=self.bucket,
                Key=_checked(key),
                Body=data,
                StorageClass=STORAGE_CLASS,
                ContentType=CONTENT_TYPE,
                ChecksumSHA256=checksum(data),
            )

    def get(self, key: str) -> bytes:
        """Return the file. Raises KeyError when it is gone: list again."""
        return get_object(self._client, self.bucket, _checked(key))

    def list(self, prefix: str) -> Sequence[ArchiveObject]:
        """Return the files whose key starts with `prefix`, ordered by key."""
        return [
            ArchiveObject(entry["Key"], int(entry["Size"]), str(entry["ETag"]).strip('"'))
            for entry in list_objects(self._client, self.bucket, prefix)
        ]

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the files, 1,000 with a call; those already gone are fine."""
        for part in batched((_checked(key) for key in keys), DELETED_AT_ONCE):
            delete_objects(self._client, self.bucket, part)

    def _named(self, key: str) -> str:
        return f"bucket {self.bucket}, {key}"


def checksum(data: bytes) -> str:
    """Return the SHA-256 as S3 takes it."""
    return b64encode(sha256(data).digest()).decode()


def get_object(client: Any, bucket: str, key: str) -> bytes:
    """Return an object's bytes. Raises KeyError when there is none."""
    try:
        with aws_errors("s3:GetObject", f"bucket {bucket}, {key}"):
            data: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            return data
    except TruckstreamError as error:
        if code_of(error) == "NoSuchKey":
            raise KeyError(key) from None
        raise


def list_objects(client: Any, bucket: str, prefix: str) -> Sequence[dict[str, Any]]:
    """Return the entries of ListObjectsV2, ordered by key, without the empty folder marks other tools leave."""
    entries: list[dict[str, Any]] = []
    with aws_errors("s3:ListObjectsV2", f"bucket {bucket}, {prefix}*"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            entries += [entry for entry in page.get("Contents", ()) if not entry["Key"].endswith("/")]
    return sorted(entries, key=lambda entry: str(entry["Key"]))


def delete_objects(client: Any, bucket: str, keys: Sequence[str]) -> None:
    """Delete up to 1,000 objects with one call.

    Raises:
        TruckstreamError: one or more are still there; repeating is safe.
    """
    named = f"bucket {bucket}"
    with aws_errors("s3:DeleteObjects", named):
        answer = client.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": key} for key in dict.fromkeys(keys)], "Quiet": True}
        )
    for entry in answer.get("Errors", ()):
        if entry.get("Code") != "NoSuchKey":
            message = f"{entry.get('Message', '')} ({entry.get('Key', '')})"
            raise error_of_code(str(entry.get("Code", "")), message, "s3:DeleteObjects", named)


def _checked(key: str) -> str:
    """The same keys as in a directory, so that an archive can be copied between the two."""
    if "\\" in key or "\0" in key or any(not part or part.startswith(".") for part in key.split("/")):
        raise ValueError(f"not a key of the archive: {key!r}")
    return key
