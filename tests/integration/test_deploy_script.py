"""`scripts/deploy.sh` from nothing to nothing on moto: it builds, applies, proves it, and removes all of it.

Between, what a user does by hand: the same configuration plans empty, and a larger stream is applied in place.
"""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from tests.support.lambda_runtime import ACCOUNT, REGION, runtime_folder
from tests.support.stack import ARCHITECTURE, FUNCTIONS, Mappings, Server, Stack, server
from tests.support.terraform import ROOT, Folder, clean_environment, copied

from truckstream.core.plan.question import LONGEST_WINDOW_S

DEPLOY = ROOT / "scripts" / "deploy.sh"
CONSUMERS = ("dashboard_consumer", "archive_consumer")
OTHER_ARCHITECTURE = "x86_64" if ARCHITECTURE == "arm64" else "arm64"


def deploy(environment: Mapping[str, str], *arguments: str, answer: str = "") -> tuple[int, str, str]:
    """Run the script; return exit code, standard output, standard error."""
    kept = {name: os.environ[name] for name in ("TF_PLUGIN_DIR",) if name in os.environ}
    done = subprocess.run(
        [str(DEPLOY), *arguments],
        env=clean_environment() | kept | {"TRUCKSTREAM_BUILD_SETUP": "dev"} | dict(environment),
        input=answer,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.returncode, done.stdout, done.stderr


def two_lines(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.strip().splitlines()[-2:]]


def test_options_that_make_no_sense_are_two_line_errors(tmp_path: Path) -> None:
    for arguments in (
        ("--fly",),
        ("--arch", "sparc"),
        ("--var-file", str(tmp_path / "none")),
        ("--var-file", str(tmp_path / "no" / "such.tfvars")),
        ("--config",),
        ("--config", str(tmp_path / "none")),
    ):
        code, _, said = deploy({}, *arguments)
        assert code == 1
        assert [line.partition(":")[0] for line in said.splitlines()] == ["error", "hint"], said
    code, said, _ = deploy({}, "--help")
    assert code == 0
    assert said.strip().splitlines()[-1].startswith("Example: ")


def test_missing_tools_and_credentials_are_two_line_errors(tmp_path: Path) -> None:
    code, _, said = deploy({"PATH": "/usr/bin:/bin"}, "--yes")
    if not any(shutil.which("terraform", path=folder) for folder in ("/usr/bin", "/bin")):
        assert code == 1
        assert "error: terraform is not installed" in said
    if shutil.which("terraform") is None:
        pytest.skip("missing part: terraform")
    nowhere = {"HOME": str(tmp_path), "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    code, _, said = deploy(nowhere | {"PYENV_ROOT": os.environ.get("PYENV_ROOT", "")}, "--yes")
    assert code == 1
    assert two_lines(said) == ["error", "hint"], said
    assert "credentials" in said


def test_smoke_test_waits_longer_than_a_batch_may_be_gathered() -> None:
    text = (ROOT / "scripts" / "deployment.py").read_text()
    (timeout_s,) = re.findall(r"^TIMEOUT_S = ([0-9.]+)", text, re.MULTILINE)
    assert float(timeout_s) >= 2 * LONGEST_WINDOW_S  # a mapping takes minutes until it reads


class Lambda(threading.Thread):
    """Runs the deployed consumers once they are there, as Lambda would, until told to stop."""

    def __init__(self, stack: Stack, runtime: Path) -> None:
        super().__init__()
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._stack, self._runtime = stack, runtime

    def run(self) -> None:
        try:
            while not self._deployed():
                if self.stop.wait(1):
                    return
            with self._stack.running(self._runtime, *CONSUMERS) as running:
                Mappings(self._stack, running).consume(lambda: self.stop.wait(1))
        except BaseException as error:
            self.failure = error

    def _deployed(self) -> bool:
        mappings = self._stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return len(mappings) == 3


def test_deploys_proves_itself_and_leaves_nothing(tmp_path: Path) -> None:
    source = copied(tmp_path, provider=["."])
    try:
        runtime = runtime_folder(tmp_path / "runtime")
    except PackageNotFoundError as error:
        pytest.skip(f"missing part: {error.name}, which Lambda's runtime brings")
    with server(tmp_path) as at:
        folder = Folder(source, at.environment).init()
        code, said = folder.try_run("plan", "-input=false")  # alone, without packages and SQL beside it
        assert code == 1
        assert "Run scripts/build.sh" in " ".join(said.replace("│", " ").split())
        assert "sql_folder" in said
        refused, _, said = deploy(at.environment, "--config", str(source), "--arch", ARCHITECTURE, answer="no\n")
        assert refused == 1
        assert "error: nothing was applied" in said, said
        assert "runs 10 functions at once" in said  # before apply is refused half-way
        assert "jobs_reserve_concurrency = false" in said
        assert remains(at) == {}

        stack = Stack(at, ROOT / "dist")
        consumers = Lambda(stack, runtime)
        consumers.start()
        try:
            code, said, told = deploy(at.environment, "--yes", "--config", str(source), "--arch", ARCHITECTURE)
        finally:
            consumers.stop.set()
            consumers.join(timeout=60)
        assert code == 0, told + said[-3000:]
        assert consumers.failure is None
        assert "smoke test: in table truck-positions after" in told
        assert f"smoke test: in archive gps-archive-{ACCOUNT} after" in told
        assert f'archive_bucket_name = "gps-archive-{ACCOUNT}"' in said
        assert stack.client("dynamodb").scan(TableName="truck-positions")["Items"] == []  # the smoke test's truck
        assert all(stack.holds_its_package(function) for function in FUNCTIONS)

        by_hand = (
            "-input=false", f"-var-file={source / 'terraform.tfvars'}", f"-var=architecture={ARCHITECTURE}",
            f"-var=packages_folder={ROOT / 'dist'}", f"-var=sql_folder={ROOT / 'src' / 'truckstream' / 'sql'}",
        )  # fmt: skip
        code, said = folder.try_run("plan", "-detailed-exitcode", *by_hand)
        assert code == 0, said
        said = folder.run("apply", "-auto-approve", *by_hand, "-var=shard_count=8")
        assert "Resources: 0 added, 1 changed, 0 destroyed." in said
        kinesis = stack.client("kinesis")
        stream = kinesis.describe_stream_summary(StreamName="gps-coordinates-stream")["StreamDescriptionSummary"]
        assert stream["OpenShardCount"] == 8

        code, _, told = deploy(at.environment, "--destroy", "--yes", "--config", str(source), "--arch", ARCHITECTURE)
        assert code == 1
        assert "error: nothing was destroyed" in told, told
        sure = at.environment | {"TRUCKSTREAM_DESTROY": f"gps-archive-{ACCOUNT}"}
        # On a machine without the packages, as a colleague's is: those of the other architecture were not built here.
        code, _, told = deploy(sure, "--destroy", "--yes", "--config", str(source), "--arch", OTHER_ARCHITECTURE)
        assert code == 0, told
        assert json.loads((source / "terraform.tfstate").read_text())["resources"] == []
        assert remains(at) == {}
        assert at.unanswered() == []


def remains(at: Server) -> dict[str, Any]:
    """Return what is left of a stack, by service."""
    kms = at.client("kms")
    found = {
        "streams": at.client("kinesis").list_streams()["StreamNames"],
        "tables": at.client("dynamodb").list_tables()["TableNames"],
        "buckets": at.client("s3").list_buckets()["Buckets"],
        "topics": at.client("sns").list_topics()["Topics"],
        "queues": at.client("sqs").list_queues().get("QueueUrls", []),
        "functions": at.client("lambda").list_functions()["Functions"],
        "mappings": at.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "roles": at.client("iam").list_roles()["Roles"],
        "policies": at.client("iam").list_policies(Scope="Local")["Policies"],
        "rules": at.client("events").list_rules()["Rules"],
        "alarms": at.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": at.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "log groups": at.client("logs").describe_log_groups()["logGroups"],
        "databases": at.client("glue").get_databases()["DatabaseList"],
        "workgroups": [
            group for group in at.client("athena").list_work_groups()["WorkGroups"] if group["Name"] != "primary"
        ],
        "sampling rules": at.client("xray").get_sampling_rules()["SamplingRuleRecords"],
        "keys": [
            key
            for key in (kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in kms.list_keys()["Keys"])
            if key["KeyState"] != "PendingDeletion" and not key["Description"].startswith("Default master key")  # AWS's
        ],
        "aliases": [
            each["AliasName"]
            for each in kms.list_aliases()["Aliases"]
            if not each["AliasName"].startswith("alias/aws/")
        ],
    }
    return {service: left for service, left in found.items() if left}
