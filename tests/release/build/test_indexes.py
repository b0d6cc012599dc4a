"""The indexes of a project in uv's words, and addresses without what opens them."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.build.credentials import bare, dressed, holds_credentials, masked
from release.build.exclusions import has_password, secret_kind
from release.build.indexes import Index, of_requirements, of_tables, variables
from tests.release.build.projects import write


def told(*indexes: Index, **environment: str) -> dict[str, str]:
    return variables(indexes, file="x", environment=environment)


def test_the_projects_indexes_are_asked_first_and_after_this_shells() -> None:
    found = of_requirements(
        "-i https://default.example\n--extra-index-url=https://more.example\n-f ./wheels\n", directory=Path("/stage")
    )
    assert told(*found) == {
        "UV_INDEX": "https://default.example https://more.example",
        "UV_FIND_LINKS": "/stage/wheels",
    }
    shell = {"UV_DEFAULT_INDEX": "https://mirror.example", "UV_INDEX": "https://a", "UV_FIND_LINKS": "/b"}
    assert told(*found, **shell) == {"UV_INDEX": "https://a https://more.example", "UV_FIND_LINKS": "/b,/stage/wheels"}
    assert told() == {}


def test_tables_of_other_tools_and_poetrys_variables() -> None:
    tables = [{"name": "PyPI"}, {"name": "pypi", "url": "https://x"}, {"name": "my index", "url": "https://y"}]
    found = told(*of_tables(tables), POETRY_HTTP_BASIC_MY_INDEX_PASSWORD="secret", UV_INDEX_MY_INDEX_USERNAME="me")
    assert found == {"UV_INDEX": "my-index=https://y", "UV_INDEX_MY_INDEX_PASSWORD": "secret"}


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        ("--extra-index-url https://user:word@index.example/simple", True),
        ("--index-url https://aws@index.example/simple", False),
        ("--index-url https://aws:word@index.example/simple", True),
        ("--index-url https://gh0token@index.example/simple", True),
        ("x @ git+https://user:word@code.example/x.git@main", True),
        ("--extra-index-url https://${NAME}:${WORD}@index.example/simple", False),
        ("--extra-index-url https://index.example/simple", False),
        ("x @ git+ssh://git@code.example/x.git@main", False),
        ("x @ git+https://git@code.example/x.git@main", False),
        ("# mail https://user:word@example.org", False),
        ("see https://user:word@example.org", False),
    ],
)
def test_a_statement_that_holds_a_password_is_known(line: str, holds: bool, tmp_path: Path) -> None:
    write(tmp_path, {"requirements/any.txt": f"Django\n{line}\n", "notes.md": f"{line}\n"})
    assert has_password(tmp_path / "requirements/any.txt") == holds
    assert not has_password(tmp_path / "notes.md")
    assert secret_kind(path=".netrc", file=tmp_path / ".netrc") == "password"


def test_an_address_is_undressed_and_dressed_again() -> None:
    own = "x @ git+https://user:w@rd@code.example/x.git@main\nhttps://index.example/simple"
    assert bare(own) == "x @ git+https://code.example/x.git@main\nhttps://index.example/simple"
    kept = f"x @ git+https://code.example/x.git@{'a' * 40}"
    assert dressed(kept, given=[own]) == f"x @ git+https://user:w@rd@code.example/x.git@{'a' * 40}"
    assert dressed("https://other.example/x.git", given=[own]) == "https://other.example/x.git"
    assert bare(kept) == kept
    assert not holds_credentials(kept)


def test_what_a_tool_says_is_masked() -> None:
    environment = {"UV_INDEX_A_PASSWORD": "hidden-one", "UV_DEFAULT_INDEX": "https://u:hidden-two@a", "HOME": "/home"}
    said = "401 for https://u:x@a/b with hidden-one and hidden-two in /home"
    assert masked(said, environment=environment) == "401 for https://a/b with **** and **** in /home"
