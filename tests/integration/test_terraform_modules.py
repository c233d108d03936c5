"""Each module, each example and the stack: formatted, valid, and their own tests pass, without an account.

`terraform test` runs with a mocked provider, which still needs the provider's own schema.
"""

import re
import shutil
from pathlib import Path

import pytest
from tests.support.terraform import MODULES, ROOT, SOURCE, Folder, copied

PARTS = [".", *(f"modules/{name}" for name in MODULES)]


def test_all_files_are_formatted() -> None:
    if shutil.which("terraform") is None:
        pytest.skip("missing part: terraform")
    Folder(SOURCE).run("fmt", "-check", "-recursive", "-diff")


@pytest.mark.parametrize("part", [".", "examples/minimal"])
def test_configuration_is_valid_with_all_its_modules(part: str, tmp_path: Path) -> None:
    Folder(copied(tmp_path) / part).init().run("validate")


@pytest.mark.parametrize("part", PARTS)
def test_part_passes_its_own_tests(part: str, tmp_path: Path) -> None:
    said = Folder(copied(tmp_path) / part).init().run("test")  # validates the part alone before each run
    assert "Success!" in said
    assert " 0 passed" not in said


@pytest.mark.parametrize("module", MODULES)
def test_every_variable_and_output_of_a_module_is_documented(module: str) -> None:
    folder = SOURCE / "modules" / module
    page = (folder / "README.md").read_text()
    assert "```hcl" in page
    for file in ("variables.tf", "outputs.tf"):
        text = (folder / file).read_text()
        blocks = re.split(r'^(?:variable|output) "(\w+)" \{$', text, flags=re.MULTILINE)[1:]
        assert blocks, file
        for name, body in zip(blocks[::2], blocks[1::2], strict=True):
            assert "  description = " in body, name
            assert re.search(rf"\b{name}\b", page), f"{module}: {name} is not in the README"


def test_nothing_in_the_tree_belongs_to_a_machine() -> None:
    for path in SOURCE.rglob("*"):
        assert not path.name.endswith((".tfstate", ".lock.hcl")) or ".terraform" in path.parts, path
    ignored = (ROOT / ".gitignore").read_text()
    for pattern in (".terraform/", ".terraform.lock.hcl", "*.tfstate*", "dist/"):
        assert pattern in ignored, pattern
