"""The complete example, applied once for all tests that look at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.stack import ARCHITECTURE, Deployed, Stack, build_packages, server
from tests.support.terraform import Folder, copied


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """`terraform apply` of examples/complete with the real provider and the built packages, on moto."""
    made = tmp_path_factory.mktemp("stack")
    source = copied(made, provider=["examples/complete"])
    (made / "src").symlink_to(Path(__file__).resolve().parents[2] / "src")
    with server(made) as at:
        folder = Folder(source / "examples" / "complete", at.environment).init()
        packages = build_packages(made / "dist")
        variables = (
            f"-var=packages_folder={packages}",
            f"-var=architecture={ARCHITECTURE}",
            "-var=first_date=2015-01-01",
        )
        folder.run("plan", "-input=false", f"-out={made / 'planned'}", *variables)
        said = folder.run("apply", "-input=false", str(made / "planned"))
        assert "Apply complete!" in said
        yield Deployed(Stack(at, packages), folder, variables)
        assert at.unanswered() == []
