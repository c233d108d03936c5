"""checkov over terraform/: nothing fails, and what is skipped is skipped in place with a reason."""

import os
import re
import subprocess

import pytest
from tests.support.terraform import ROOT, SOURCE

SKIP = re.compile(r"checkov:skip=(\w+)(?::\s*(.*))?$", re.MULTILINE)
NOT_INSTALLED = (
    "failed to download",
    "could not find",
    "no matching distribution",
    "error sending request",
    "dns error",
)


def test_no_check_fails() -> None:
    done = subprocess.run(
        [str(ROOT / "scripts" / "checkov.sh"), "--compact"],
        env=os.environ | {"TRUCKSTREAM_BUILD_SETUP": "dev"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    said = done.stdout + done.stderr
    if done.returncode != 0 and "Passed checks" not in said and any(word in said.lower() for word in NOT_INSTALLED):
        pytest.skip(f"missing part: checkov, which cannot be installed here ({said[-200:]})")
    assert done.returncode == 0, said
    counts = re.search(r"Passed checks: (\d+), Failed checks: (\d+)", said)
    assert counts is not None, said
    assert int(counts[1]) >= 80
    assert int(counts[2]) == 0


def test_every_skip_has_its_reason() -> None:
    skips = [found for path in SOURCE.rglob("*.tf") for found in SKIP.findall(path.read_text())]
    assert skips
    for check, reason in skips:
        assert re.fullmatch(r"CKV2?_AWS_\d+", check), check
        assert len(reason) > 12, f"{check} is skipped without a reason"
