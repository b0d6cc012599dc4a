"""Which files of a project belong into its artifact."""

import os
from pathlib import Path

import pytest

from release.build.errors import BuildError
from release.build.tree import read_tree
from tests.release.build.projects import commit, git, listing, write

DEBRIS = (
    "__pycache__/a.pyc",
    "node_modules/x/y.js",
    ".venv/a.py",
    "env/pyvenv.cfg",
    "env/lib/a.py",
    "x.egg-info/PKG-INFO",
)
SECRETS = (".env", ".env.production", "id_rsa", "id_ed25519.pub", "tls.key", "tls.pem", "db.sqlite3", "db.sqlite3-wal")
KEPT = (".env.example", "id_card.py", "monkey.py", "authority.pem", "notes.db", "manage.py")
CERTIFICATE = "-----BEGIN CERTIFICATE-----\n"


def project(directory: Path) -> Path:
    write(directory, {name: f"{name}\n" for name in (*SECRETS, *KEPT)})
    (directory / "real.db").write_bytes(b"SQLite format 3\0....")
    return write(directory, {"authority.pem": CERTIFICATE, "both.pem": CERTIFICATE + "-----BEGIN PRIVATE KEY-----\n"})


def test_without_git_everything_but_debris_and_secrets(tmp_path: Path) -> None:
    tree = read_tree(write(project(tmp_path), {name: "" for name in DEBRIS}))
    assert sorted(tree.paths) == sorted(KEPT)
    assert sorted(tree.left_out) == sorted([*SECRETS, "real.db", "both.pem"])
    assert (tree.git, tree.changed) == (False, ())


def test_with_git_tracked_and_untracked_but_not_ignored(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "*.log\n/env/\n", "dropped.py": "", "sub/a.py": "", "x.egg-info/kept": ""})
    commit(project(tmp_path))
    write(tmp_path, {"new.py": "", "x.log": "", "env/pyvenv.cfg": "", "venv2/pyvenv.cfg": "", "venv2/b.py": ""})
    (tmp_path / "dropped.py").unlink()
    tree = read_tree(tmp_path)
    assert sorted(tree.paths) == sorted([*KEPT, ".gitignore", "new.py", "sub/a.py", "x.egg-info/kept"])
    assert (tree.git, sorted(tree.changed)) == (True, ["dropped.py", "new.py", "venv2/"])


def test_below_a_repository_only_what_is_below(tmp_path: Path) -> None:
    write(tmp_path, {"site/manage.py": "", "site/a.py": "", "other.py": ""})
    commit(tmp_path)
    write(tmp_path, {"other.py": "changed"})
    tree = read_tree(tmp_path / "site")
    assert (sorted(tree.paths), tree.changed) == (["a.py", "manage.py"], ())


def test_beside_a_repository_git_has_no_say(tmp_path: Path) -> None:
    commit(write(tmp_path / "slipway", {"a.py": ""}))
    write(tmp_path / "mysite", {"manage.py": ""})
    tree = read_tree(tmp_path / "slipway" / ".." / "mysite")
    assert (sorted(tree.paths), tree.git) == (["manage.py"], False)


def test_in_an_ignored_directory_git_has_no_say(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "/generated/\n", "generated/site/manage.py": ""})
    commit(tmp_path)
    tree = read_tree(tmp_path / "generated" / "site")
    assert (sorted(tree.paths), tree.git) == (["manage.py"], False)


def test_submodules_are_in_and_an_empty_one_is_refused(tmp_path: Path) -> None:
    commit(write(tmp_path / "library", {"code.py": ""}))
    commit(write(tmp_path / "site", {"manage.py": ""}))
    git(tmp_path / "site", "submodule", "--quiet", "add", str(tmp_path / "library"), "vendor/library")
    git(tmp_path / "site", "commit", "-q", "-m", "library")
    assert "vendor/library/code.py" in read_tree(tmp_path / "site").paths
    git(tmp_path / "site", "submodule", "deinit", "--quiet", "-f", "vendor/library")
    with pytest.raises(BuildError) as caught:
        read_tree(tmp_path / "site")
    assert str(caught.value) == (
        "vendor/library: a submodule should be checked out (got an empty directory), run `git submodule update --init`"
    )


def test_git_writes_nothing(tmp_path: Path) -> None:
    commit(write(tmp_path, {"manage.py": "", "a.py": ""}))
    (tmp_path / "a.py").touch()
    before = listing(tmp_path)
    read_tree(tmp_path)
    assert listing(tmp_path) == before


def test_a_git_lfs_pointer_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "film.mp4": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n"})
    with pytest.raises(BuildError) as caught:
        read_tree(tmp_path)
    assert str(caught.value) == "film.mp4: should be the file itself (got a Git LFS pointer), run `git lfs pull`"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside"])
def test_a_symlink_out_of_the_project_is_refused(tmp_path: Path, target: str) -> None:
    (write(tmp_path, {"manage.py": ""}) / "link").symlink_to(target)
    with pytest.raises(BuildError) as caught:
        read_tree(tmp_path)
    rule = "link: a symlink should stay inside the project"
    assert str(caught.value) == f"{rule} (got {target!r}), copy what it points at"


def test_the_digest_knows_content_names_links_and_the_executable_bit(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "1"})
    digests = [read_tree(tmp_path).digest]
    for change in (
        lambda: write(tmp_path, {"a.py": "2"}),
        lambda: (tmp_path / "a.py").rename(tmp_path / "b.py"),
        lambda: (tmp_path / "b.py").chmod(0o755),
        lambda: (tmp_path / "c.py").symlink_to("b.py"),
    ):
        change()
        digests.append(read_tree(tmp_path).digest)
    assert len(set(digests)) == len(digests)
    (tmp_path / "b.py").chmod(0o700)
    assert read_tree(tmp_path).digest == digests[-1]


def test_names_that_this_disk_does_not_tell_apart_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "notes/Logo.svg": "<svg/>"})
    os.link(tmp_path / "notes/Logo.svg", tmp_path / "notes/logo.svg")  # what a Mac's disk makes of two tracked names
    with pytest.raises(BuildError) as caught:
        read_tree(tmp_path)
    assert str(caught.value) == (
        "notes/logo.svg: names should differ by more than upper and lower case, this disk does not tell them apart "
        "(got notes/Logo.svg too), rename one in git"
    )
    (tmp_path / "notes/logo.svg").unlink()
    write(tmp_path, {"notes/logo.svg": "<svg/>"})
    assert {"notes/Logo.svg", "notes/logo.svg"} <= read_tree(tmp_path).paths
