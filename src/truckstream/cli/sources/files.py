"""Finding out what a file is, and reading its bytes in blocks with a known place in the file."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from truckstream.cli.sources.delimited import CsvSource, check_header
from truckstream.cli.sources.ndjson import NdjsonSource
from truckstream.cli.sources.rows import Source
from truckstream.core.errors import Denied, SourceUnreadable

_HEADER_BYTES = 4096
_GZIP_MAGIC = b"\x1f\x8b"


type Readable = io.BufferedReader | gzip.GzipFile


def open_source(path: Path) -> Source:
    """Open a file of positions (`-`: standard input, which cannot be Parquet).

    Its content decides the format, its name only where that is not enough.

    Raises SourceUnreadable: missing, a directory, empty of any known format. Denied: not ours to read.
    """
    standard_input = str(path) == "-"
    raw = cast(io.BufferedReader, sys.stdin.buffer) if standard_input else _open(path)
    with ExitStack() as on_error:
        on_error.callback(raw.close)
        source = _source(path, raw, standard_input)
        on_error.pop_all()
    return source


def _source(path: Path, raw: io.BufferedReader, standard_input: bool) -> Source:
    name, size = str(path), 0 if standard_input else path.stat().st_size
    packed = raw.peek(2)[:2] == _GZIP_MAGIC
    text: Readable = gzip.GzipFile(fileobj=raw) if packed else raw
    try:
        start = text.peek(64)[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    except (OSError, EOFError, zlib.error) as error:
        raise SourceUnreadable(f"{path}: damaged gzip file: {error}") from error
    plain_name = path.name.lower().removesuffix(".gz")
    if start[:4] == b"PAR1":
        if packed or standard_input:
            raise SourceUnreadable(f"{path}: Parquet needs a plain file", hint="Write it to a file, unpacked.")
        raw.close()
        from truckstream.cli.sources.parquet import ParquetSource

        return ParquetSource(path)
    # By name first: a first line that is not JSON must not hide the others.
    if plain_name.endswith((".ndjson", ".jsonl")) or start[:1] == b"{":
        return NdjsonSource(name, blocks(name, text), raw, size)
    if start[:1] == b"<":
        from truckstream.cli.sources.gpx import GpxSource

        return GpxSource(path, text, raw, size)
    if start[:1] == b"[":
        raise SourceUnreadable(
            f"{path}: one JSON array, not one record per line",
            hint=f"Convert it first: jq -c '.[]' {path} > out.ndjson",
        )
    if b"\0" in start:
        raise SourceUnreadable(f"{path}: not a format truckstream knows")
    check_header(name, text.peek(_HEADER_BYTES)[:_HEADER_BYTES])
    return CsvSource(name, blocks(name, text), raw, size)


def check_sources(paths: Sequence[Path]) -> None:
    """Look at every file, so that a wrong one is known before the first is processed. Raises as `open_source`."""
    for path in paths:
        if str(path) != "-":
            open_source(path).close()


def blocks(name: str, stream: Readable, block_bytes: int = 1 << 20) -> Iterator[bytes]:
    """Yield the file's bytes in blocks; a damaged or truncated gzip ends in SourceUnreadable."""
    while True:
        try:
            block = stream.read1(block_bytes)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SourceUnreadable(
                f"{name}: damaged or truncated gzip file: {error}",
                hint="The rows before the damage were processed. Get the file again and replay it: "
                "rows that are there already count once.",
            ) from error
        except OSError as error:
            raise SourceUnreadable(f"{name}: {error.strerror or error}") from error
        if not block:
            return
        yield block


def _open(path: Path) -> io.BufferedReader:
    try:
        if path.is_dir():
            raise SourceUnreadable(f"{path}: is a directory", hint="Name the files in it, for example DIR/*.csv.gz.")
        return path.open("rb")
    except FileNotFoundError as error:
        raise SourceUnreadable(f"{path}: no such file") from error
    except PermissionError as error:
        raise Denied(f"{path}: permission denied", hint="Make the file readable for this user.") from error
    except OSError as error:
        raise SourceUnreadable(f"{path}: {error.strerror or error}") from error
