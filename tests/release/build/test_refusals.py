"""What a build accepts at its edges; what it refuses stands word for word in tests/bad_inputs/test_project.py."""

from pathlib import Path

import pytest

from release.build import BuildError
from tests.release.build.conftest import Build
from tests.release.build.projects import SETTINGS, site

pytestmark = pytest.mark.whole


def test_a_declared_name_gets_a_placeholder(run: Build, tmp_path: Path) -> None:
    lines = "import os\nKEY = os.environ['STRIPE']\nPORT = int(os.environ['SMTP_PORT'])\n"
    run(site(tmp_path / "one", settings=SETTINGS + lines), env=["STRIPE", "SMTP_PORT"])


def test_a_wsgi_module_that_does_not_import(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one", wsgi="import wrapper\napplication = wrapper.wrap()\n")
    with pytest.raises(BuildError, match=r"^site1/wsgi.py:1: wrapper should be among the dependencies"):
        run(project)


def test_a_module_of_nearly_the_same_name_is_offered(run: Build, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"did you mean site1.settings\?$"):
        run(site(tmp_path / "one"), settings="site.settings")
