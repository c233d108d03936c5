"""Lambda packages: reproducible zips of our modules and locked wheels for Python 3.12 on Linux.

Names are sorted, times and permissions fixed, nothing is compiled, and only wheels are taken, checked against the
hashes in scripts/lambda-GROUP.txt. boto3 is in Lambda's runtime and not packed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.12"
PLATFORMS = {"arm64": "aarch64", "x86_64": "x86_64"}
GLIBC = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")  # Lambda's Amazon Linux 2023 has glibc 2.34
LARGEST_MB = 50.0
"""What Lambda takes as a direct upload."""


class Group(NamedTuple):
    """Functions that share a package; `ours` are parts of truckstream, as glob patterns."""

    functions: tuple[str, ...]
    ours: tuple[str, ...]


_LIVE = ("__init__.py", "config.py", "ports*.py", "core/*.py", "consumers/*.py", "aws/*.py")
_PARQUET = ("parquet/__init__.py", "parquet/schema.py", "parquet/*arro3*.py")
GROUPS = {
    "live": Group(
        ("gps_producer", "dashboard_consumer", "geofence_consumer", "send_outbox", "redrive_rejected"), _LIVE
    ),
    "archive": Group(("archive_consumer",), (*_LIVE, *_PARQUET)),
    "jobs": Group(("hourly_stats", "compact_archive"), (*_LIVE, *_PARQUET)),
}

# What packages bring that no function needs. The tests run every function without it.
_NEEDLESS_FOLDERS = frozenset({"__pycache__", "tests", "test", "docs", "doc", "include", "bin", "f2py", "distutils"})
_NEEDLESS_ENDINGS = (".pyi", ".pyc", ".pyx", ".pxd", ".h", ".c", ".a", ".lib", ".build", ".typed")
_NEEDLESS_RECORDS = (
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
    "WHEEL",
    "entry_points.txt",
)
_POWERTOOLS = "aws_lambda_powertools/"
_POWERTOOLS_NEEDLESS = (f"{_POWERTOOLS}event_handler/", f"{_POWERTOOLS}middleware_factory/")
_POWERTOOLS_UTILITIES = (f"{_POWERTOOLS}utilities/__init__.py", f"{_POWERTOOLS}utilities/jmespath_utils/")


class Built(NamedTuple):
    """A package, and the bytes each part takes in it."""

    path: Path
    parts: dict[str, int]

    @property
    def size(self) -> int:
        """Bytes of the zip."""
        return self.path.stat().st_size


class Unobtainable(Exception):
    """The wheels cannot be had from here."""


def build(group: str, arch: str, out: Path) -> Built:
    """Make a package. Raises Unobtainable when a wheel cannot be had."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"lambda-{group}-{arch}.zip"
    with tempfile.TemporaryDirectory(prefix="lambda-") as folder:
        wheels = Path(folder)
        install(ROOT / "scripts" / f"lambda-{group}.txt", wheels, PLATFORMS[arch])
        files = {**_theirs(wheels), **_ours(GROUPS[group].ours)}
        return Built(path, _write(path, files))


def install(lock: Path, target: Path, machine: str) -> None:
    """Install locked wheels for a machine into a folder. Raises Unobtainable."""
    uv = next((found for name in _UV if (found := shutil.which(name))), None)
    hashed = ["--require-hashes", "--no-deps", "--target", str(target), "-r", str(lock)]
    if uv is not None:
        platform = ["--python-platform", f"{machine}-{GLIBC[0]}", "--python-version", PYTHON]
        command = [uv, "pip", "install", "-q", "--python", sys.executable, "--only-binary", ":all:", *platform, *hashed]
    else:
        platform = [part for name in GLIBC for part in ("--platform", f"{name}_{machine}")]
        command = [sys.executable, "-m", "pip", "install", "-q", "--only-binary=:all:", "--implementation", "cp"]
        command += ["--no-compile", "--python-version", PYTHON, *platform, *hashed]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise Unobtainable(f"cannot install {lock.name} for {machine}: {answer.stderr.strip()[-500:]}")


_UV = (str(ROOT / ".tools/uv/bin/uv"), "uv", str(Path(sys.executable).parent / "uv"))


def _ours(patterns: Sequence[str]) -> dict[str, Path]:
    source = ROOT / "src" / "truckstream"
    return {f"truckstream/{path.relative_to(source)}": path for each in patterns for path in source.glob(each)}


def _theirs(folder: Path) -> dict[str, Path]:
    return {name: path for name, path in _walk(folder) if _needed(name)}


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _needed(name: str) -> bool:
    *folders, file = name.split("/")
    if folders and folders[0].endswith(".dist-info"):
        return file not in _NEEDLESS_RECORDS  # what is left: METADATA and licences
    if _NEEDLESS_FOLDERS.intersection(folders) or file.endswith(_NEEDLESS_ENDINGS) or file.startswith("."):
        return False
    if name.startswith(f"{_POWERTOOLS}utilities/"):
        return name.startswith(_POWERTOOLS_UTILITIES)
    return not name.startswith(_POWERTOOLS_NEEDLESS)


def _write(path: Path, files: dict[str, Path]) -> dict[str, int]:
    """Write the zip; return the compressed bytes of each part."""
    parts: dict[str, int] = {}
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the permissions count
            entry.external_attr = (0o100755 if ".so" in name else 0o100644) << 16
            package.writestr(entry, files[name].read_bytes())
            part = name.split("/")[0].split("-")[0].removesuffix(".py").removesuffix(".libs")
            parts[part] = parts.get(part, 0) + entry.compress_size
    unfinished.replace(path)
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what was asked for and print the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--arch", choices=[*PLATFORMS, "all"], default="arm64")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    chosen = parser.parse_args(arguments)
    unknown = [group for group in chosen.groups if group not in GROUPS]
    if unknown:
        parser.error(f"there is no group {unknown[0]!r}; there are {', '.join(GROUPS)}")
    try:
        for arch in PLATFORMS if chosen.arch == "all" else [chosen.arch]:
            for group in chosen.groups or GROUPS:
                built = build(group, arch, chosen.out)
                print(f"{built.path}: {built.size / 1e6:.2f} MB ({', '.join(GROUPS[group].functions)})")
                for part, size in sorted(built.parts.items(), key=lambda each: -each[1]):
                    print(f"    {size / 1e6:8.3f} MB  {part}")
                if built.size > LARGEST_MB * 1e6:
                    print(f"error: {built.path.name} is larger than {LARGEST_MB:g} MB", file=sys.stderr)
                    return 1
    except Unobtainable as error:
        print(f"error: {error}\nhint: Check the connection to the package index and try again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
