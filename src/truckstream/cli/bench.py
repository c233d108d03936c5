"""`truckstream bench`: the benchmarks of a checkout; `scripts/bench.sh` runs them."""

import ast
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from truckstream.core.errors import InvalidSetting, MissingPart

EXAMPLE = "Example: truckstream bench replay --rounds 1"
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
ROOT = Path(__file__).resolve().parents[3]
_SHARED = "harness"


def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which; without it, what there is.")] = None,
) -> int:
    """Measure this machine: run a benchmark of the repository. What follows the name goes to the benchmark.

    Each prints a table and one JSON line per figure; exit code 1 when a goal is missed.
    """
    found = available(ROOT)
    if name is None:
        width = max(map(len, found))
        for each, says in found.items():
            print(f"{each:<{width}}  {says}")
        return 0
    if name not in found:
        raise InvalidSetting(f"there is no benchmark {name!r}", hint=f"There are: {', '.join(found)}.")
    return subprocess.run([ROOT / "scripts" / "bench.sh", name, *context.args], check=False).returncode


def available(root: Path) -> dict[str, str]:
    """Return the benchmarks of a checkout, and what each says it measures.

    Raises MissingPart where there is no checkout: the installed package has none.
    """
    if not (root / "scripts" / "bench.sh").exists():
        raise MissingPart(
            "the benchmarks are in the repository, not in the installed package",
            hint="Clone the repository and run ./scripts/bench.sh there.",
        )
    files = sorted(path for path in (root / "bench").glob("*.py") if path.stem != _SHARED)
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0] for path in files}
