"""Build hook: a wheel without its pages would install and then show nothing, so it is not made."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Refuses a wheel whose pages were not built; an editable install takes them when they are there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check that both applications have their pages. `version` is "editable" or "standard"."""
        del build_data
        missing = [
            application
            for application in ("web", "reports")
            if not (Path(self.root) / "src" / "truckstream" / application / "pages" / "index.html").is_file()
        ]
        if missing and version != "editable":
            raise RuntimeError(f"the pages of {' and '.join(missing)} are not built: run scripts/pages.sh first")
