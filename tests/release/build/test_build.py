"""Whole builds of a small project: what is in the artifact, what changes its id and what does not."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from release.build import Artifact, BuildError, load
from release.build.platforms import Platform
from tests.release.build.conftest import Build
from tests.release.build.interpreters import offered
from tests.release.build.projects import SETTINGS, commit, git, listing, site, write
from tests.release.build.seed import PYTHON

pytestmark = pytest.mark.whole


def unpacked(cache: Path, artifact: Artifact, layer: str) -> dict[str, tarfile.TarInfo]:
    return {member.name: member for member in opened(cache, artifact, layer)}


def opened(cache: Path, artifact: Artifact, layer: str) -> tarfile.TarFile:
    packed = (cache / "layers" / f"{artifact.manifest['layers'][layer]}.tar.zst").read_bytes()
    content = zstandard.ZstdDecompressor().decompress(packed)
    assert hashlib.sha256(content).hexdigest() == artifact.manifest["layers"][layer]
    return tarfile.open(fileobj=io.BytesIO(content))


def test_the_manifest_describes_the_project(run: Build, tmp_path: Path) -> None:
    manifest = run(site(tmp_path / "one")).manifest
    layers = manifest.pop("layers")
    assert sorted(layers) == ["code", "dependencies", "static"]
    assert manifest.pop("django").startswith("5.2")
    assert manifest.pop("gunicorn").startswith("27.")
    assert manifest.pop("migrations").pop("notes") == ["0001_initial"]
    assert sorted(manifest.pop("sizes")) == ["code", "dependencies", "static"]
    place = {"python": PYTHON, "platform": "x86_64-manylinux_2_28"}
    served = {"overlay": True, "interface": "wsgi", "wsgi": "site1.wsgi", "asgi": None}
    assert manifest == {"format": 2, **place, "root": "", **served}


def test_the_id_is_the_digest_of_the_manifest(run: Build, cache: Path, tmp_path: Path) -> None:
    artifact = run(site(tmp_path / "one"))
    stored = (cache / "manifests" / f"{artifact.id}.json").read_bytes()
    assert artifact.id == f"sha256-{hashlib.sha256(stored).hexdigest()}"
    assert load(artifact.id) == Artifact(id=artifact.id, manifest=json.loads(stored), dirty=False, notes=())
    assert load("sha256-" + "0" * 64) is None


def test_layers_hold_what_their_names_say(run: Build, cache: Path, tmp_path: Path) -> None:
    artifact = run(site(tmp_path / "one"))
    code, static = unpacked(cache, artifact, "code"), unpacked(cache, artifact, "static")
    packages = unpacked(cache, artifact, "dependencies")
    assert {"src/manage.py", "src/site1/settings.py", "overlay/sitecustomize.py"} <= set(code)
    assert {"site-packages/django/__init__.py", "site-packages/gunicorn/__init__.py"} <= set(packages)
    assert {"site-packages/storages/__init__.py", "site-packages/psycopg/__init__.py"} <= set(packages)
    hashed = [name for name in static if name.startswith("static/notes/notes.") and name.count(".") > 1]
    assert sorted(name.split(".", 2)[2] for name in hashed if len(name.split(".")[1]) == 12) == [
        "css", "css.br", "css.zst",
    ]  # fmt: skip
    assert "static/staticfiles.json" in static
    assert "static/notes/dot.svg.br" not in static


def test_archives_say_nothing_of_this_machine(run: Build, cache: Path, tmp_path: Path) -> None:
    artifact = run(site(tmp_path / "one"))
    members = [member for name in artifact.manifest["layers"] for member in opened(cache, artifact, name)]
    owners = {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members}
    assert owners == {(0, 0, 0, "", "")}
    assert {member.mode for member in members} <= {0o644, 0o755, 0o777}
    names = [member.name for member in members]
    assert not [name for name in names if name.endswith(".pyc") or "__pycache__" in name or "/bin/" in name]
    with opened(cache, artifact, "dependencies") as archive:
        records = [member for member in archive if member.name.endswith("/RECORD")]
        texts = [archive.extractfile(member) for member in records]
        assert not [text for text in texts if text and b"INSTALLER" in text.read()]


def test_two_directories_two_caches_one_id(
    run: Build, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(site(tmp_path / "one"))
    other = tmp_path / "cache"
    other.mkdir()
    for kept in ("packages", "layers"):
        shutil.copytree(cache / kept, other / kept, copy_function=os.link, symlinks=True)
    (other / "layers" / f"{first.manifest['layers']['code']}.tar.zst").unlink()
    (other / "layers" / f"{first.manifest['layers']['static']}.tar.zst").unlink()
    monkeypatch.setenv("SLIPWAY_CACHE", str(other))
    second = site(tmp_path / "elsewhere" / "two")
    for path in second.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1, 1))
    assert run(second).id == first.id


def test_an_edit_is_seen_even_when_the_file_keeps_its_time_and_size(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one")
    before, file = run(project), project / "site1/urls.py"
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    file.write_text(file.read_text().replace("from ", "FROM "[:5].lower()).replace("on purpose", "on PURPOSE"))
    os.utime(file, ns=times)
    after = run(project)
    assert after.id != before.id
    assert after.manifest["layers"]["dependencies"] == before.manifest["layers"]["dependencies"]
    assert after.manifest["layers"]["static"] == before.manifest["layers"]["static"]


def test_a_build_changes_nothing_in_the_project(run: Build, tmp_path: Path) -> None:
    project = commit(site(tmp_path / "one"))
    before = listing(project)
    run(project)
    assert listing(project) == before


def test_an_unchanged_project_is_not_built_again(run: Build, cache: Path, tmp_path: Path) -> None:
    def written() -> dict[Path, int]:
        places = os.walk(cache, followlinks=True)
        kept = (Path(place, name) for place, _, names in places for name in names if not place.endswith("/locks"))
        return {file: file.stat().st_mtime_ns for file in kept if file.suffix != ".pyc"}

    project = site(tmp_path / "one")
    first, before = run(project).id, written()
    assert run(project).id == first
    assert written() == before


def test_builds_may_run_side_by_side(run: Build, cache: Path, builds: Path, tmp_path: Path) -> None:
    site(tmp_path / "one")
    wanted = run(site(tmp_path / "two")).id
    code = (
        "from pathlib import Path; from release.build import build; import sys;"
        "print(build(Path(sys.argv[1]), settings='site1.settings', lock=Path(sys.argv[2]), python=sys.argv[3]).id)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "one"), str(builds / "stacks" / "test.lock"), PYTHON]
    shutil.rmtree(cache / "index")
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in running] == [wanted, wanted]


def test_dirty_is_told_beside_the_manifest(run: Build, tmp_path: Path) -> None:
    project = commit(site(tmp_path / "one"))
    clean = run(project)
    write(project, {"notes/extra.txt": "x"})
    dirty = run(project)
    assert (clean.dirty, dirty.dirty) == (False, True)
    with pytest.raises(BuildError, match=r"should be committed .* \(got changes in notes/extra.txt\), commit"):
        run(project, dirty_ok=False)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "second")
    assert run(project, dirty_ok=False) == Artifact(dirty.id, dirty.manifest, False, dirty.notes)


def test_uploads_databases_and_secrets_stay_at_home(run: Build, cache: Path, tmp_path: Path) -> None:
    project = site(tmp_path / "one")
    write(project, {"media/photo.txt": "mine", ".env": "SECRET=1", "db.sqlite3": "x", "server.pem": "key"})
    artifact = run(project)
    code = set(unpacked(cache, artifact, "code"))
    assert not {"src/media/photo.txt", "src/.env", "src/db.sqlite3", "src/server.pem"} & code
    assert "not in the artifact: .env, db.sqlite3, server.pem, media/" in artifact.notes
    assert artifact.notes[-1].startswith("settings laid over the project's own: DEBUG, SECRET_KEY, ALLOWED_HOSTS")


def test_translations_are_compiled(run: Build, cache: Path, tmp_path: Path) -> None:
    project = site(tmp_path / "one")
    write(project, {"notes/locale/de/LC_MESSAGES/django.po": 'msgid "note"\nmsgstr "Notiz"\n'})
    assert "src/notes/locale/de/LC_MESSAGES/django.mo" in unpacked(cache, run(project), "code")
    assert not list(project.rglob("*.mo"))


def test_a_project_below_its_repository_and_below_its_root(run: Build, cache: Path, tmp_path: Path) -> None:
    site(tmp_path / "repository" / "apps" / "backend")
    write(tmp_path / "repository", {"other.py": ""})
    commit(tmp_path / "repository")
    artifact = run(tmp_path / "repository" / "apps")
    code = unpacked(cache, artifact, "code")
    assert artifact.manifest["root"] == "backend"
    assert "src/backend/manage.py" in code
    assert "src/other.py" not in code


def test_what_build_commands_write_is_collected_and_travels(run: Build, cache: Path, tmp_path: Path) -> None:
    project = write(site(tmp_path / "one"), {".gitignore": "notes/static/built/\ndist/\n"})
    commands = [
        "mkdir -p notes/static/built dist && echo 'a {}' > notes/static/built/it.css",
        "python -c 'import django; print(django.VERSION[:2])' > dist/version",
    ]
    plain, artifact = run(commit(project)), run(project, commands=commands)
    assert artifact.id != plain.id
    assert "static/built/it.css" in unpacked(cache, artifact, "static")
    with opened(cache, artifact, "code") as layer:
        version = layer.extractfile("src/dist/version")
        assert version
        assert version.read() == b"(5, 2)\n"
    assert "build: 2 files written by its commands (dist/, notes/)" in artifact.notes
    assert not (project / "dist").exists()


@pytest.mark.skipif(not Platform.here().runs_target, reason="the servers' Python does not start here")
def test_another_python_is_bundled_and_runs_the_build(
    run: Build, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", offered(tmp_path, version=f"{PYTHON}.99"))
    project = write(site(tmp_path / "one"), {".python-version": f"{PYTHON}\n"})
    artifact = run(project, python="3.99", commands=["python -c 'import sys; print(sys.prefix)' > prefix"])
    manifest = artifact.manifest
    assert (manifest["python"], manifest["interpreter"]) == (PYTHON, f"cpython-{PYTHON}.99-linux-x86_64-gnu")
    assert f"python/bin/python{PYTHON}" in unpacked(cache, artifact, "python")
    with opened(cache, artifact, "code") as layer:
        prefix = layer.extractfile("src/prefix")
        assert prefix
        assert prefix.read().decode().startswith(str(cache / "pythons"))
    assert f"python: {PYTHON}.99 is bundled" in "".join(artifact.notes)
    assert load(artifact.id)
    (cache / "layers" / f"{manifest['layers']['python']}.tar.zst").unlink()
    assert load(artifact.id) is None


def test_the_oldest_django_is_built_with_its_old_names_of_storages(run: Build, cache: Path, tmp_path: Path) -> None:
    old = 'STATICFILES_STORAGE = "django.contrib.staticfiles.storage.StaticFilesStorage"\n'
    old += 'DEFAULT_FILE_STORAGE = "django.core.files.storage.FileSystemStorage"\n'
    project = site(tmp_path / "one", requirements="Django>=4.2,<4.3\n", settings=SETTINGS + old)
    artifact = run(project, lock=tmp_path / "own.lock")
    assert artifact.manifest["django"].startswith("4.2.")
    assert [name for name in unpacked(cache, artifact, "static") if name.startswith("static/notes/notes.")]
