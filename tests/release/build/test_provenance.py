"""What lies beside an artifact: commit, builder, time, settings module, and every package with what fixes it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import zstandard

from release.build import Artifact, provenance
from tests.release.build.conftest import Build
from tests.release.build.projects import commit, git, site, write

FIXED = """\
django==5.2.1 --hash=sha256:aa --hash=sha256:bb
django==4.2 ; python_version < '3' --hash=sha256:cc
tool @ git+https://someone:canary-token@git.example.org/tool.git@0123456789012345678901234567890123456789
./libs/own
"""


def installed(directory: Path, **versions: str) -> Path:
    for name, version in versions.items():
        write(directory, {f"{name}-{version}.dist-info/METADATA": f"Name: {name}\nVersion: {version}\n"})
    return directory


def test_each_package_has_what_fixes_it_and_no_credentials(tmp_path: Path) -> None:
    packages = installed(tmp_path, Django="5.2.1", tool="1.0", own="0.1")
    found = provenance.listed(packages=packages, text=FIXED)
    assert found == [
        {"name": "django", "version": "5.2.1", "hashes": ["sha256:aa", "sha256:bb"]},
        {"name": "own", "version": "0.1", "from": "the project"},
        {
            "name": "tool",
            "version": "1.0",
            "from": "git+https://git.example.org/tool.git@0123456789012345678901234567890123456789",
        },
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("./libs/own ; python_version > '3'", "./libs/own"),
        ("x @ https://token@files.example.org/x.whl ; python_version > '3'", "https://files.example.org/x.whl"),
        ("x @ git+ssh://git@git.example.org/x.git@abc", "git+ssh://git.example.org/x.git@abc"),
    ],
)
def test_an_address_is_told_without_what_opens_it(text: str, wanted: str) -> None:
    assert provenance.place(text) == wanted


def kept(cache: Path, artifact: Artifact) -> Any:
    return json.loads((cache / "artifacts" / f"{artifact.id}.json").read_text())


@pytest.mark.whole
def test_a_build_writes_down_where_its_artifact_comes_from(run: Build, cache: Path, tmp_path: Path) -> None:
    project = commit(site(tmp_path / "one", urls="urlpatterns = []\n"))
    artifact = run(project)
    record = kept(cache, artifact)
    assert (record["artifact"], record["commit"]) == (artifact.id, git(project, "rev-parse", "HEAD").strip())
    assert (record["dirty"], record["settings"]) == (False, "site1.settings")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["built"])
    assert sorted(record["builder"]) == ["platform", "python", "slipway", "uv"]
    packages = {each["name"]: each for each in record["dependencies"]}
    assert {"django", "gunicorn", "pillow", "psycopg", "django-storages"} <= set(packages)
    assert all(each["hashes"] for each in packages.values())
    assert packages["django"]["version"].startswith("5.2")
    assert str(tmp_path) not in json.dumps(record)


@pytest.mark.whole
def test_nothing_of_it_is_in_the_artifact(run: Build, cache: Path, tmp_path: Path) -> None:
    one = run(commit(site(tmp_path / "one", urls="urlpatterns = [] #\n")))
    other = commit(site(tmp_path / "two", urls="urlpatterns = [] #\n"))
    git(other, "commit", "-q", "--allow-empty", "-m", "another commit of the same files")
    assert run(other).id == one.id
    assert kept(cache, one)["commit"] == git(tmp_path / "one", "rev-parse", "HEAD").strip()  # the first that made it
    assert not {"commit", "dirty", "built", "builder", "dependencies"} & set(one.manifest)


@pytest.mark.whole
def test_a_build_with_changes_gets_its_commit_once_they_are_committed(run: Build, cache: Path, tmp_path: Path) -> None:
    project = commit(site(tmp_path / "one"))
    before = git(project, "rev-parse", "HEAD").strip()
    write(project, {"notes/late.py": "LATE = True\n"})
    dirty = run(project)
    assert (kept(cache, dirty)["dirty"], kept(cache, dirty)["commit"]) == (True, before)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "second")
    assert run(project).id == dirty.id
    assert (kept(cache, dirty)["dirty"], kept(cache, dirty)["commit"]) == (
        False, git(project, "rev-parse", "HEAD").strip(),
    )  # fmt: skip


@pytest.mark.whole
def test_without_git_there_is_no_commit(run: Build, cache: Path, tmp_path: Path) -> None:
    record = kept(cache, run(site(tmp_path / "one", urls="urlpatterns = [] ##\n")))
    assert (record["commit"], record["dirty"]) == (None, False)


@pytest.mark.whole
def test_the_manifest_tells_the_size_of_every_layer(run: Build, cache: Path, tmp_path: Path) -> None:
    manifest = run(site(tmp_path / "one")).manifest
    for name, digest in manifest["layers"].items():
        packed = (cache / "layers" / f"{digest}.tar.zst").read_bytes()
        assert manifest["sizes"][name] == len(zstandard.ZstdDecompressor().decompress(packed))
