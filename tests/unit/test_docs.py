"""The docs name what exists."""

import doctest
import importlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from truckstream.cli.main import app
from truckstream.config import VARIABLES, Settings
from truckstream.local.directory import DirectorySettings

ROOT = Path(__file__).resolve().parents[2]


def command_names(command: Any, path: str) -> list[str]:
    inner = getattr(command, "commands", {})
    return [name for key, each in inner.items() for name in command_names(each, f"{path} {key}")] or [path]


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    for name in command_names(typer.main.get_command(app), "truckstream"):
        assert f"`{name}" in page, name


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    assert {field for field, _, _ in VARIABLES} == {field.name for field in msgspec.structs.fields(Settings)}
    for _, variable, meaning in VARIABLES:
        assert f"| `{variable}` | {meaning} |" in page
    for field in msgspec.structs.fields(DirectorySettings):
        assert f"| `{field.name}` | {field.default:g} |" in page


def test_decisions_are_numbered_and_short() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for page in pages:
        lines = page.read_text().splitlines()
        assert len(lines) <= 40, page.name
        assert lines[0].startswith(f"# {page.name[:4]} "), page.name


def anchors(page: Path) -> set[str]:
    """Return what a link to a section of the page may name, as Git hosts make it of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for page in [*pages, *(ROOT / "docs").rglob("*.md"), *(ROOT / "terraform").rglob("*.md")]:
        for link in re.findall(r"\]\(([^) ]+)\)", page.read_text()):
            target, _, section = link.partition("#")
            if "://" in link:
                continue
            leads_to = page.parent / target if target else page
            assert leads_to.exists(), (page.name, link)
            assert not section or section in anchors(leads_to), (page.name, link)


def test_commands_in_the_pages_exist() -> None:
    commands = {name.split()[1] for name in command_names(typer.main.get_command(app), "truckstream")}
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for shown in code_in(page):
            for command in re.findall(r"\btruckstream ([a-z]+)\b", shown):
                assert command in commands, (page.name, command)
            for script in re.findall(r"\bscripts/[\w-]+\.(?:sh|py)\b", shown):
                assert (ROOT / script).is_file(), (page.name, script)


def code_in(page: Path) -> list[str]:
    """Return the page's blocks and pieces of code."""
    text = page.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return blocks + re.findall(r"`([^`\n]+)`", text)


# Options of the AWS command line itself, and those it adds to a service's own.
_AWS_OPTIONS = {
    "query",
    "output",
    "cli-binary-format",
    "cli-read-timeout",
    "certificate-pem-outfile",
    "private-key-outfile",
}


def test_aws_commands_in_the_runbooks_exist_with_their_options() -> None:
    botocore = pytest.importorskip("botocore.session")
    session = botocore.get_session()
    dashed = importlib.import_module("botocore").xform_name
    commands = [
        found.groups()
        for page in (ROOT / "docs" / "operations.md", ROOT / "terraform" / "modules" / "ingest" / "README.md")
        for found in re.finditer(r"\baws ([a-z0-9-]+) ([a-z0-9-]+)((?:[^`\n\\]|\\\n)*)", page.read_text())
    ]
    assert len(commands) >= 10
    for service, verb, rest in commands:
        model = session.get_service_model(service)
        name = verb
        if verb == "wait":
            name = dashed(session.get_waiter_model(service).get_waiter(_camel(rest.split()[0])).operation, "-")
        operations = {dashed(operation, "-"): operation for operation in model.operation_names}
        assert name in operations, f"aws {service} {verb}"
        shape = model.operation_model(operations[name]).input_shape
        options = {dashed(member, "-") for member in shape.members} if shape else set()
        given = set(re.findall(r"--([a-z0-9-]+)", rest))
        assert given <= options | _AWS_OPTIONS, (f"aws {service} {verb}", given - options)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def test_outputs_that_the_runbooks_read_exist() -> None:
    outputs = set(re.findall(r'^output "(\w+)"', (ROOT / "terraform" / "outputs.tf").read_text(), re.MULTILINE))
    read = re.findall(
        r"terraform (?:-chdir=terraform )?output (?:-raw )?(\w+)", (ROOT / "docs" / "operations.md").read_text()
    )
    assert len(read) >= 4
    assert set(read) <= outputs


def test_source_files_the_pages_name_exist() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for named in re.findall(r"`([\w-]+/[\w./-]+\.(?:py|ts|sql|sh))`", page.read_text()):
            if named.startswith("src/") and not named.startswith("src/truckstream/"):
                continue  # decision 0001: names that were asked for
            found = [ROOT / named, ROOT / "src" / "truckstream" / named, ROOT / "src" / named]
            assert any(path.is_file() for path in found), (page.name, named)


def examples() -> list[str]:
    """Return the modules whose docstrings hold examples."""
    files = sorted((ROOT / "src").rglob("*.py"))
    with_examples = [file for file in files if re.search(r"^\s+>>> ", file.read_text(), re.MULTILINE)]
    return [".".join(file.relative_to(ROOT / "src").with_suffix("").parts) for file in with_examples]


@pytest.mark.parametrize("module", examples())
def test_examples_in_the_code_give_what_they_say(module: str) -> None:
    tried = doctest.testmod(importlib.import_module(module))
    assert tried.attempted
    assert not tried.failed


def test_modules_stay_small() -> None:
    pages = [ROOT / "frontend" / folder for folder in ("dashboard", "reports", "shared", "basemap")]
    modules = [*(ROOT / "src").rglob("*.py"), *(file for folder in pages for file in folder.rglob("*.ts"))]
    assert len(modules) > 300
    for module in modules:
        assert len(module.read_text().splitlines()) <= 400, module.name


def test_readme_is_short_and_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 120
    assert "./scripts/run.sh" in text
    assert "./scripts/test.sh" in text
