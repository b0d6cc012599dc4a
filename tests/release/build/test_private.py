"""Private indexes and repositories: the builder's own credentials open them and end up in nothing that is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from release.build import Artifact, BuildError
from release.build.building import keep
from release.build.cache import Cache
from release.build.dependencies import Dependencies, resolve
from release.build.exclusions import has_password
from release.build.packages import install
from release.build.requirements import parse
from release.build.tree import read_tree
from tests.release.build.conftest import Build
from tests.release.build.private_index import NAME, PASSWORD, USER, PrivateIndex, private_index, repository
from tests.release.build.projects import FILES, commit, git, site, write
from tests.release.build.seed import PYTHON

pytestmark = pytest.mark.whole

DJANGO = "Django>=5.2,<5.3"
EXPLICIT = f"""\
[project]
name = "site"
version = "1"
requires-python = ">=3.11"
dependencies = ["{{django}}", "{NAME}==1.0"]

[tool.uv.sources]
{NAME} = {{{{ index = "private" }}}}

[[tool.uv.index]]
name = "private"
url = "{{url}}"
explicit = true
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PrivateIndex]:
    with private_index(tmp_path / "index") as served:
        yield served


def resolved(stage: Path, lock: Path) -> Dependencies:
    found = resolve(stage=stage, root="", lock=lock, python=PYTHON)
    keep(lock=lock, text=found.lock)
    return found


def traces(*, kept: Path, artifact: Artifact, cache: Path) -> list[str]:
    """Where the password stands: in a layer, the manifest, the kept lock, a note, or what the cache keeps beside."""
    secret = PASSWORD.encode()
    found = [name for name, digest in artifact.manifest["layers"].items() if secret in unpacked(cache, digest)]
    found += ["manifest"] if PASSWORD in str(artifact.manifest) else []
    found += ["note"] if PASSWORD in str(artifact.notes) else []
    found += ["lock"] if PASSWORD in kept.read_text() else []
    kinds = [(kind, file) for kind in ("index", "manifests", "packages") for file in (cache / kind).glob("*.json")]
    return found + [kind for kind, file in kinds if PASSWORD in file.read_text()]


def unpacked(cache: Path, digest: str) -> bytes:
    return zstandard.ZstdDecompressor().decompress((cache / "layers" / f"{digest}.tar.zst").read_bytes())


def stated(way: str, *, index: PrivateIndex, place: Path, patch: pytest.MonkeyPatch) -> dict[str, str]:
    """A project's statement, and its builder's credentials where this way has them."""
    if way == "the address":
        lines = f"{FILES['requirements.txt']}--extra-index-url {index.url_with_password}\n{NAME}==1.0\n"
        return {"requirements.txt": lines}
    if way == "a variable":
        patch.setenv("UV_INDEX_PRIVATE_USERNAME", USER)
        patch.setenv("UV_INDEX_PRIVATE_PASSWORD", PASSWORD)
    else:
        write(place, {"netrc": f"machine 127.0.0.1 login {USER} password {PASSWORD}\n"})
        patch.setenv("NETRC", str(place / "netrc"))
    return {"pyproject.toml": EXPLICIT.format(url=index.url, django=DJANGO)}


@pytest.mark.parametrize("way", ["the address", "a variable", "netrc"])
def test_the_builders_credentials_open_an_index_and_end_up_in_nothing(
    way: str, run: Build, cache: Path, index: PrivateIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, lock = site(tmp_path / "one"), tmp_path / "stacks/staging.lock"
    (project / "requirements.txt").unlink()
    commit(write(project, stated(way, index=index, place=tmp_path, patch=monkeypatch)))
    artifact = run(project, lock=lock)
    assert index.served
    assert f"{NAME}==1.0" in lock.read_text()
    assert f"site-packages/{NAME}.py".encode() in unpacked(cache, artifact.manifest["layers"]["dependencies"])
    assert traces(kept=lock, artifact=artifact, cache=cache) == []
    assert ("not in the artifact: requirements.txt" in artifact.notes) == (way == "the address")
    # The look itself sees one that is planted.
    planted = run(write(project, {"notes/motto.py": f"MOTTO = '{PASSWORD}'\n"}), lock=lock)
    assert traces(kept=lock, artifact=planted, cache=cache) == ["code"]


@pytest.mark.parametrize("way", ["the address", "a variable"])
def test_an_index_that_stays_closed(
    way: str, index: PrivateIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = stated(way, index=index, place=tmp_path, patch=monkeypatch)
    stage = write(tmp_path / "site", {name: text.replace(USER, "nobody") for name, text in files.items()})
    if way == "a variable":
        monkeypatch.setenv("UV_INDEX_PRIVATE_USERNAME", "nobody")
    with pytest.raises(BuildError) as caught:
        resolved(stage, tmp_path / "lock")
    (name,) = files
    assert str(caught.value) == (
        f"{name}: the index at 127.0.0.1:{index.port} should let this computer in (got 401 Unauthorized), give "
        "its user and password in netrc, a keyring or UV_INDEX_<NAME>_USERNAME and _PASSWORD"
    )
    assert not (tmp_path / "lock").exists()


def test_a_variable_in_an_address_is_this_shells(
    index: PrivateIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = index.url.replace("://", "://${INDEX_USER}:${INDEX_PASSWORD}@")
    lines = f"{DJANGO}\n{NAME}\n--extra-index-url {address}\n"
    stage = write(tmp_path / "site", {"requirements.txt": lines})
    assert not has_password(stage / "requirements.txt")
    monkeypatch.setenv("INDEX_USER", USER)
    with pytest.raises(BuildError) as caught:
        resolved(stage, tmp_path / "lock")
    assert str(caught.value) == (
        "requirements.txt: an index of it needs the variable INDEX_PASSWORD (got none), "
        "export it in the shell that runs slipway"
    )
    monkeypatch.setenv("INDEX_PASSWORD", PASSWORD)
    assert NAME in {item.name for item in parse(resolved(stage, tmp_path / "lock").text)}
    assert PASSWORD not in (tmp_path / "lock").read_text()


def test_a_keyring_opens_an_index(index: PrivateIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = index.url.replace("://", f"://{USER}@")
    stage = write(tmp_path / "site", {"requirements.txt": f"{DJANGO}\n{NAME}\n--extra-index-url {address}\n"})
    (write(tmp_path, {"bin/keyring": f"#!/bin/sh\necho {PASSWORD}\n"}) / "bin/keyring").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
    assert NAME in {item.name for item in parse(resolved(stage, tmp_path / "lock").text)}
    assert PASSWORD not in (tmp_path / "lock").read_text()


def test_a_repository_whose_address_holds_the_password(index: PrivateIndex, tmp_path: Path, cache: Path) -> None:
    repository(tmp_path / "index")
    address = f"git+{index.url_with_password.replace('/simple', '/git/gitthing.git')}"
    stage = write(tmp_path / "site", {"manage.py": "", "requirements.txt": f"{DJANGO}\ngitthing @ {address}\n"})
    lock = tmp_path / "lock"
    found = resolved(stage, lock)
    (line,) = [item.text for item in parse(found.text) if item.name == "gitthing"]
    assert line.startswith(f"gitthing @ git+{index.url.replace('/simple', '/git/gitthing.git')}@")
    assert PASSWORD not in lock.read_text() + repr(found)
    only = replace(found, text=f"{line}\n")
    packages = install(cache=Cache(cache), dependencies=only, tree=read_tree(stage), python=PYTHON)
    assert packages.version("gitthing") == "1.0"
    assert resolve(stage=stage, root="", lock=lock, python=PYTHON).news == ()


def test_a_repository_behind_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = repository(tmp_path / "host")
    # As ssh does it: the last word is the command to run over there.
    (write(tmp_path, {"ssh": '#!/bin/sh\nfor word; do :; done\nexec sh -c "$word"\n'}) / "ssh").chmod(0o755)
    address = f"git+ssh://git@code.example{bare}"
    stage = write(tmp_path / "site", {"manage.py": "", "requirements.txt": f"{DJANGO}\ngitthing @ {address}@master\n"})
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    with pytest.raises(BuildError) as caught:
        resolved(stage, tmp_path / "lock")
    assert str(caught.value) == (
        f"requirements.txt: {address}@master should be readable from here (got fatal: Could not read from remote "
        "repository.), give this computer its key (ssh agent) or password (netrc, git's credential store)"
    )
    monkeypatch.setenv("GIT_SSH_COMMAND", str(tmp_path / "ssh"))
    found = resolved(stage, tmp_path / "lock")
    (line,) = [item.text for item in parse(found.text) if item.name == "gitthing"]
    assert line == f"gitthing @ {address}@{git(bare, 'rev-parse', 'master').strip()}"
