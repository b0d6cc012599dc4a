"""From a project's own statement to the closed set that is installed, and the lock that is kept."""

import subprocess
import sys
from pathlib import Path

import pytest

from release.build import BuildError
from release.build.additions import additions
from release.build.building import keep
from release.build.dependencies import Dependencies, check, resolve
from release.build.explaining import uv_failure
from release.build.packages import check_wheels, clean
from release.build.requirements import is_closed, parse, render
from release.build.sources import Source, find_source
from release.build.uv import environment, find_uv, pip_settings, sources
from tests.release.build.projects import write
from tests.release.build.seed import PYTHON

pytestmark = pytest.mark.whole

HASH = "--hash=sha256:" + "0" * 64
COMMIT = "git+https://example.org/a.git@" + "a" * 40


def names(dependencies: Dependencies) -> set[str]:
    return {item.name for item in parse(dependencies.text)}


def resolved(*, stage: Path, lock: Path) -> Dependencies:
    """Resolve, and keep the lock as a build does when it is done."""
    found = resolve(stage=stage, root="", lock=lock, python=PYTHON)
    assert not lock.exists()
    keep(lock=lock, text=found.lock)
    return found


def pyproject(directory: Path, *packages: str) -> Path:
    stated = f"[project]\nname = 'site'\nversion = '1'\nrequires-python = '>=3.11'\ndependencies = {list(packages)}\n"
    return write(directory, {"pyproject.toml": stated, "manage.py": ""})


def locked(directory: Path) -> Path:
    subprocess.run([find_uv(), "lock", "--quiet", "--python", sys.executable], cwd=directory, check=True)
    return directory


def test_a_uv_lock_is_taken_as_it_is_and_only_additions_are_kept(tmp_path: Path) -> None:
    stage = locked(pyproject(tmp_path / "site", "Django>=5.2,<5.3", "gunicorn>=23"))
    lock = tmp_path / "stacks" / "staging.lock"
    found = resolved(stage=stage, lock=lock)
    assert {"django", "gunicorn", "django-storages", "boto3", "psycopg-binary"} <= names(found)
    kept = {item.name for item in parse(lock.read_text())}
    assert "boto3" in kept
    assert not {"django", "gunicorn", "asgiref"} & kept
    assert found.news == ("uv.lock: resolved into staging.lock, commit it beside the stack file",)
    assert [note.split(":")[1] for note in found.notes] == [" the project's own pin is used"]
    again = resolve(stage=stage, root="", lock=lock, python=PYTHON)
    assert (again.text, again.news) == (found.text, ())


def test_a_uv_lock_that_is_behind_is_refused(tmp_path: Path) -> None:
    locked(pyproject(tmp_path, "Django>=5.2,<5.3"))
    pyproject(tmp_path, "Django>=5.2,<5.3", "pillow>=1")
    with pytest.raises(BuildError) as caught:
        find_source(stage=tmp_path, root="")
    assert str(caught.value) == "uv.lock: should be up to date with pyproject.toml (got no 'pillow>=1'), run `uv lock`"


def test_an_unlocked_project_keeps_its_versions_until_its_statement_changes(tmp_path: Path) -> None:
    stage = pyproject(tmp_path / "site", "Django>=5.2,<5.3")
    lock = tmp_path / "lock"
    found = resolved(stage=stage, lock=lock)
    older = next(item.text.split(" ")[0] for item in parse(found.text) if item.name == "django")
    assert lock.read_text().splitlines()[0].startswith("# every package, resolved by slipway from pyproject.toml")
    lock.write_text(lock.read_text().replace(older, "django==5.2.1"))
    assert "django==5.2.1 " in resolve(stage=stage, root="", lock=lock, python=PYTHON).text
    pyproject(stage, "Django>=5.2,<5.3", "idna")
    renewed = resolve(stage=stage, root="", lock=lock, python=PYTHON)
    assert "django==5.2.1 " in renewed.text
    assert "idna" in names(renewed)


def test_constraints_extras_and_the_projects_own_hashes_are_kept(tmp_path: Path) -> None:
    only = "--hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3"
    lines = f"Django[argon2]>=5.2,<5.3\nidna==3.10 {only}\n-c limits.txt\n"
    stage = write(tmp_path / "site", {"requirements.txt": lines})
    write(stage, {"limits.txt": "asgiref==3.9.1\n"})
    found = {item.name: item for item in parse(resolved(stage=stage, lock=tmp_path / "lock").text)}
    assert "argon2-cffi" in found
    assert str(found["asgiref"].version) == "3.9.1"
    assert found["idna"].text.split()[1:] in (["\\", only], [only])
    write(stage, {"limits.txt": "asgiref==3.9.0\n"})
    again = resolve(stage=stage, root="", lock=tmp_path / "lock", python=PYTHON)
    assert "asgiref==3.9.0 " in again.text


def test_precedence_and_place(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "Django\n-r more.txt\n", "more.txt": "idna\n", "back/manage.py": ""})
    assert find_source(stage=tmp_path, root="back").file == "requirements.txt"
    assert "idna" in find_source(stage=tmp_path, root="back").inputs
    pyproject(tmp_path / "back", "Django")
    assert find_source(stage=tmp_path, root="back").file == "requirements.txt"
    write(tmp_path, {"back/requirements.txt": "Django\n"})
    assert find_source(stage=tmp_path, root="back").file == "back/requirements.txt"


def added(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    found = additions(parse(text), python="3.13")
    return found.lines, found.replaced


@pytest.mark.parametrize(
    ("own", "lines", "replaced"),
    [
        ("django==5.2", ("gunicorn>=27.0.1,<28", "django-storages[s3]", "psycopg[binary]"), ()),
        ("gunicorn==23.0\nboto3==1.1\ndjango-storages==1.1\npsycopg-binary==3.2\npsycopg==3.2", (), ()),
        ("gunicorn==22.0\nboto3==1\ndjango-storages==1\npsycopg2-binary==2", ("gunicorn>=27.0.1,<28",), ("gunicorn",)),
        ("gunicorn==25\nboto3==1\ndjango-storages==1\npsycopg2==2.9", ("psycopg2-binary==2.9",), ("psycopg2",)),
        ("gunicorn==25\nboto3==1\ndjango-storages==1\npsycopg==3.2", ("psycopg[binary]==3.2",), ()),
        ("gunicorn==25\nboto3==1\ndjango-storages==1\npsycopg-c==3.2", ("psycopg-binary==3.2",), ("psycopg-c",)),
        (
            "gunicorn==25 ; sys_platform == 'win32'\nboto3==1\npsycopg==3\npsycopg-binary==3",
            ("gunicorn>=27.0.1,<28", "django-storages[s3]"),
            (),
        ),
    ],
)
def test_the_runtime_set_is_added_only_where_it_lacks(
    own: str, lines: tuple[str, ...], replaced: tuple[str, ...]
) -> None:
    assert added(own) == (lines, frozenset(replaced))


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        (f"django==5.2 {HASH}", True),
        ("django==5.2", False),
        (f"a @ {COMMIT}", True),
        ("a @ git+https://example.org/a.git@main", False),
        ("-e ./lib", True),
        ("./lib", True),
        ("../lib", False),
        ("a @ https://example.org/a.whl", False),
    ],
)
def test_everything_is_fixed_by_hash_commit_or_the_projects_own_files(line: str, fixed: bool) -> None:
    source = Source(file="requirements.txt", directory=Path(), files=(), inputs="")
    if fixed:
        check(parse(line)[0], source=source)
    else:
        with pytest.raises(BuildError, match=r"^requirements.txt: (each|a local) package should"):
            check(parse(line)[0], source=source)


def test_requirement_files_are_read_and_written(tmp_path: Path) -> None:
    text = f"# why\ndjango==5.2 ; python_version > '3' \\\n    {HASH} \\\n    {HASH}\n--index-url x\n-e ./lib # ours\n"
    assert [(item.name, item.local) for item in parse(text)] == [("django", None), ("", "./lib")]
    assert render(parse(text)) == f"django==5.2 ; python_version > '3' \\\n    {HASH} \\\n    {HASH}\n./lib\n"
    assert is_closed(f"a==1 {HASH}\n")
    assert not is_closed(f"a==1 {HASH}\nb==1\n")
    assert not is_closed(f"a==1 {HASH}\n-r other.txt\n")
    assert not is_closed("")


@pytest.mark.parametrize(
    ("tags", "fits"),
    [
        (["py3-none-any"], True),
        (["cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64"], True),
        (["cp313-cp313-linux_x86_64"], False),
        (["cp313-cp313-manylinux_2_42_x86_64"], False),
        (["cp313-cp313-macosx_11_0_arm64"], False),
    ],
)
def test_wheels_for_another_platform_are_refused(tmp_path: Path, tags: list[str], fits: bool) -> None:
    write(tmp_path, {"thing-1.dist-info/WHEEL": "".join(f"Tag: {tag}\n" for tag in tags)})
    if fits:
        check_wheels(target=tmp_path, source="uv.lock")
    else:
        with pytest.raises(
            BuildError, match=r"^uv.lock: thing 1 should have a wheel for x86_64-manylinux_2_28 or be pure"
        ):
            check_wheels(target=tmp_path, source="uv.lock")


def test_nothing_of_the_installing_machine_is_left(tmp_path: Path) -> None:
    record = "thing.py,sha256=1,2\n../../bin/thing,sha256=3,4\nthing-1.dist-info/INSTALLER,,\na/__pycache__/x.pyc,,\n"
    files = {
        "RECORD": record,
        "INSTALLER": "uv",
        "direct_url.json": "{}",
        "WHEEL": "Generator: x 1\nTag: py3-none-any\n",
    }
    write(tmp_path, {f"thing-1.dist-info/{name}": content for name, content in files.items()})
    write(tmp_path, {"bin/thing": "#!/here/python\n", ".lock": ""})
    clean(tmp_path)
    left = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "thing-1.dist-info/RECORD": "thing.py,sha256=1,2\n",
        "thing-1.dist-info/WHEEL": "Tag: py3-none-any\n",
    }


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (
            "error: Failed to build `mysqlclient==2.3.1`\n  cause: The build backend returned an error\n\n"
            "         [stderr]\n         Exception: Can not find valid pkg-config name.\nhint: x\n",
            "r.txt: mysqlclient==2.3.1 should have a wheel for the servers (got a source package that does not build "
            "here: Exception: Can not find valid pkg-config name.), name a package with wheels",
        ),
        (
            "error: No solution found when resolving dependencies:\n  cause: Because pywin32==312 has no wheels with a "
            "matching platform tag (e.g., `x`)\n         and you require pywin32==312, it fails.\n\nhint: Wheels\n",
            "r.txt: pywin32==312 should have a wheel for the servers (got wheels for others only), "
            "name a version or package that has one",
        ),
        (
            "error: Failed to build `fast @ file:///somewhere/src/fast`\n  The build backend returned an error\n"
            "RuntimeError: fast.h: no such file\n",
            "r.txt: fast should have a wheel for the servers (got a source package that does not build here: "
            "RuntimeError: fast.h: no such file), name a package with wheels",
        ),
        (
            "error: Failed to download `one==1.0`\n  Hash mismatch for `one==1.0`\n\nExpected:\n  sha256:00\n",
            "r.txt: one==1.0 should be the file whose hash is stated (got another file), lock it anew if that is meant",
        ),
    ],
)
def test_what_uv_says_becomes_one_line(stderr: str, message: str) -> None:
    assert uv_failure(source="r.txt", stderr=stderr) == message


def test_a_default_index_of_this_shell_wins_over_pips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pip.conf": "[global]\nindex-url = https://mirror.example\nkeyring-provider = subprocess\n"})
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert environment()["UV_DEFAULT_INDEX"] == "https://mirror.example"
    assert environment()["UV_KEYRING_PROVIDER"] == "subprocess"
    monkeypatch.setenv("UV_INDEX_URL", "https://own.example")
    assert environment()["UV_DEFAULT_INDEX"] == "https://own.example"


def test_the_package_sources_are_this_machines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path, {"pip.conf": "[global]\nindex-url = https://mirror.example/simple\nextra-index-url =\n  https://b\n"}
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_CERT", "/ca.pem")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} /gone")
    assert sources(pip_settings()) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://b",
        "UV_FIND_LINKS": str(tmp_path),
        "SSL_CERT_FILE": "/ca.pem",
    }
