"""Terraform on copies of `terraform/`: with the provider from a local mirror where TF_PLUGIN_DIR names one.

Copies, because `init` writes a lock file with one platform's hash, and so that several tests may run at once.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "terraform"
MODULES = sorted(path.name for path in (SOURCE / "modules").iterdir())
TIMEOUT_S = 600

# moto wants a region and made-up keys; nothing of the machine's own configuration may get in.
PROVIDER = """
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "123456789012"
  secret_key                  = "made-up"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""


class TerraformFailed(AssertionError):
    """Terraform ended with an error; the text is what it said."""


class Folder:
    """A folder of configuration in a copy of `terraform/`."""

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.environment = clean_environment() | dict(environment or {})

    def init(self) -> "Folder":
        """Install provider and modules; skips the test when the provider cannot be had."""
        mirror = os.environ.get("TF_PLUGIN_DIR", "")
        chosen = [f"-plugin-dir={mirror}"] if mirror else []
        code, said = self.try_run("init", "-input=false", "-backend=false", *chosen)
        if code != 0 and not mirror:
            pytest.skip(f"missing part: Terraform's AWS provider; set TF_PLUGIN_DIR to a mirror of it ({said[-200:]})")
        if code != 0:
            raise TerraformFailed(said)
        return self

    def run(self, *arguments: str) -> str:
        """Run a command and return what it said. Raises TerraformFailed."""
        code, said = self.try_run(*arguments)
        if code != 0:
            raise TerraformFailed(f"terraform {' '.join(arguments)} ended with {code}:\n{said}")
        return said

    def try_run(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code and what it said."""
        colourless = [] if arguments[0] in ("fmt", "state", "version") else ["-no-color"]
        done = subprocess.run(
            ["terraform", arguments[0], *colourless, *arguments[1:]],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        return done.returncode, done.stdout + done.stderr


def clean_environment() -> dict[str, str]:
    """Return this environment without anything that would lead Terraform to an account or a configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "TRUCKSTREAM_"))}
    return kept | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def copied(target: Path, *, provider: Sequence[str] = ()) -> Path:
    """Copy `terraform/` into a folder and give it the provider's settings for moto in the named subfolders."""
    if shutil.which("terraform") is None:
        pytest.skip("missing part: terraform")
    made = target / "terraform"
    shutil.copytree(SOURCE, made, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    for folder in provider:  # an override needs something to override: the examples have a provider block
        (made / folder / ("moto.tf" if folder == "." else "moto_override.tf")).write_text(PROVIDER)
    return made
