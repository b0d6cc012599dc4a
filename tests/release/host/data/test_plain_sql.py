"""A dump's SQL made fit for another owner: what is left out, what passes as it is, what is refused."""

from __future__ import annotations

import pytest

from release.host.data.failure import Failure
from release.host.data.plain_sql import fitted


def run(text: str) -> str:
    return b"".join(fitted(line.encode() for line in text.splitlines(keepends=True))).decode()


@pytest.mark.parametrize(
    "line",
    [
        "ALTER TABLE public.notes OWNER TO somebody;",
        "ALTER FUNCTION public.f(integer, text) OWNER TO somebody;",
        'GRANT ALL ON TABLE public.notes TO "some body";',
        "REVOKE USAGE ON SCHEMA public FROM PUBLIC;",
        "ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA public GRANT ALL ON TABLES TO b;",
        "SET SESSION AUTHORIZATION 'bob';",
        "COMMENT ON EXTENSION pg_trgm IS 'text similarity';",
        "CREATE SCHEMA public;",
        "SET transaction_timeout = 0;",
        "BEGIN;",
        "COMMIT;",
        "START TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
        "\\restrict aBc1",
        "\\unrestrict aBc1",
    ],
)
def test_left_out(line: str) -> None:
    assert run(f"SELECT 1;\n{line}\nSELECT 2;\n") == "SELECT 1;\nSELECT 2;\n"


@pytest.mark.parametrize(
    "text",
    [
        "COPY public.notes (id, body) FROM stdin;\n1\tGRANT ALL ON a TO b;\n2\t\\N \\! id\nCOMMIT;\n\\.\n",
        "INSERT INTO a VALUES ('it''s\nGRANT ALL ON TABLE a TO b;\n\\! id\n');\n",
        "INSERT INTO a VALUES (E'it\\'s \\\\\nCOMMIT;\n');\n",
        "CREATE FUNCTION f() AS $$\nBEGIN\nCOMMIT;\nGRANT ALL ON TABLE a TO b;\n\\x\nEND\n$$;\n",
        "CREATE FUNCTION f() AS $_a$\n$$ COMMIT;\nCOMMIT;\n$_a$;\n",
        'CREATE TABLE "a\nCOMMIT;\n" (i int);\n',
        "/* \\! id\nCOMMIT;\n*/ SELECT 1;\n",
        "-- it's \\ a comment\nSELECT 1;\n",
        "CREATE TABLE a$b (i int);\nSELECT 1;\n",
        "CREATE SCHEMA shop;\nCOMMENT ON TABLE shop.a IS 'b';\n",
    ],
)
def test_passes_as_it_is(text: str) -> None:
    assert run(text) == text


def test_what_follows_a_text_is_looked_at_again() -> None:
    assert run("INSERT INTO a VALUES ('it''s\n');\nCOMMIT;\n") == "INSERT INTO a VALUES ('it''s\n');\n"
    assert run("COPY a FROM stdin;\n\\.\nCOMMIT;\n") == "COPY a FROM stdin;\n\\.\n"


@pytest.mark.parametrize(
    "line",
    [
        "\\connect other",
        "\\! id",
        "SELECT 1 \\! id",
        "CREATE DATABASE a;",
        "DROP DATABASE a;",
        "CREATE ROLE a;",
        "ROLLBACK;",
    ],
)
def test_refused(line: str) -> None:
    with pytest.raises(Failure, match=r"^line 2: should be about one database alone \(got "):
        run(f"SELECT 1;\n{line}\n")
