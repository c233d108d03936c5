"""The tables through what an operator does to them: another capacity mode and back, a restored table put in place."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support.stack import Server, server
from tests.support.terraform import ROOT, Folder, copied

_CONFIGURATION = """
variable "geofences_table_name" { default = "truck-geofences" }
variable "tables_capacity_mode" { default = "PAY_PER_REQUEST" }

module "dynamodb" {
  source = "./modules/dynamodb"

  geofences_table_name = var.geofences_table_name
  capacity_mode        = var.tables_capacity_mode
  units = {
    positions_read = 48, positions_write = 48, geofences_read = 48, geofences_write = 50, indexes_write = 7
  }
}
"""


class Tables(NamedTuple):
    """The module alone, named as in the stack, on a server."""

    at: Server
    folder: Folder

    def apply(self, **variables: str) -> None:
        """Set the variables, apply, and see that nothing is left to do."""
        (self.folder.path / "terraform.tfvars").write_text(
            "".join(f'{name} = "{value}"\n' for name, value in variables.items())
        )
        self.folder.run("apply", "-input=false", "-auto-approve")
        self.check()

    def check(self) -> None:
        code, said = self.folder.try_run("plan", "-input=false", "-detailed-exitcode")
        assert code == 0, said

    def geofences(self, name: str = "truck-geofences") -> dict[str, Any]:
        found: dict[str, Any] = self.at.client("dynamodb").describe_table(TableName=name)["Table"]
        return found


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    source = copied(tmp_path)
    root = tmp_path / "root"
    root.mkdir()
    (root / "modules").symlink_to(source / "modules")
    (root / "main.tf").write_text(_CONFIGURATION)
    copied_provider = copied(tmp_path / "provider", provider=["."]) / "moto.tf"
    (root / "moto.tf").write_text(copied_provider.read_text())
    with server(tmp_path) as at:
        made = Tables(at, Folder(root, at.environment).init())
        made.apply()
        yield made
        assert at.unanswered() == []


def test_capacity_mode_is_changed_in_place_and_back(tables: Tables) -> None:
    scaling = tables.at.client("application-autoscaling")
    tables.apply(tables_capacity_mode="PROVISIONED")
    table = tables.geofences()
    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert {index["ProvisionedThroughput"]["WriteCapacityUnits"] for index in table["GlobalSecondaryIndexes"]} == {7}
    targets = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert {target["MinCapacity"] for target in targets} == {48, 50, 7}
    tables.apply(tables_capacity_mode="PAY_PER_REQUEST")
    assert tables.geofences()["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"] == []


def test_restored_table_takes_the_place_of_the_old_one_as_the_runbook_says(tables: Tables) -> None:
    dynamodb = tables.at.client("dynamodb")
    dynamodb.put_item(TableName="truck-geofences", Item={"pk": {"S": "geofence"}, "sk": {"S": "depot"}})
    (runbook,) = re.findall(r"^aws dynamodb restore.*?(?=^```)", _operations(), re.MULTILINE | re.DOTALL)
    commands = re.findall(r"^terraform -chdir=terraform (.+)$", runbook, re.MULTILINE)
    (setting,) = re.findall(r"^# in terraform.tfvars: (.+)$", runbook, re.MULTILINE)
    restored = setting.split('"')[1]
    assert restored in runbook.splitlines()[0]

    dynamodb.restore_table_to_point_in_time(
        SourceTableName="truck-geofences", TargetTableName=restored, UseLatestRestorableTime=True
    )
    (tables.folder.path / "terraform.tfvars").write_text(f"{setting}\n")
    assert [command.split()[0] for command in commands] == ["state", "import", "apply"]
    for command in commands:
        tables.folder.run(*command.split(), *(["-auto-approve"] if command.startswith("apply") else []))
    tables.check()
    assert dynamodb.scan(TableName=restored)["Count"] == 1
    assert tables.geofences(restored)["DeletionProtectionEnabled"] is True
    backups = dynamodb.describe_continuous_backups(TableName=restored)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert tables.geofences()["TableStatus"] == "ACTIVE"  # the old one is left alone


def _operations() -> str:
    return (ROOT / "docs" / "operations.md").read_text()
