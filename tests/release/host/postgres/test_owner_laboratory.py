"""A login comes, the one before goes, and the tables stay: with a real Postgres whose admin is no superuser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from release.host.agent import owner
from release.host.agent.document import Database
from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.postgres.roles import rotated
from tests.release.host.bench import Recorded
from tests.release.host.postgres.laboratory import Laboratory, laboratory
from tests.release.host.postgres.paper import document

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

PORT = 25434  # the laboratory shares the computer's own network
# As DigitalOcean has it: users are made by a superuser, and the admin is no member of theirs.
AS_A_CLOUDS = f"""
echo "archive_mode=off" >> /etc/postgresql/17/main/postgresql.conf
echo "port={PORT}" >> /etc/postgresql/17/main/postgresql.conf
pg_ctlcluster 17 main restart
runuser -u postgres -- psql -q -p {PORT} -d postgres <<END
CREATE ROLE doadmin LOGIN CREATEDB CREATEROLE PASSWORD 'admin';
CREATE DATABASE shop OWNER doadmin;
CREATE ROLE shop LOGIN PASSWORD 'one';
CREATE ROLE shop_2 LOGIN PASSWORD 'two';
CREATE ROLE shop_3 LOGIN PASSWORD 'three';
END
"""
MADE_BY_THE_SITE = """
CREATE SCHEMA extra;
CREATE TYPE mood AS ENUM ('fine');
CREATE TABLE item (id serial PRIMARY KEY, name text, mood mood);
CREATE TABLE extra.part (id bigint GENERATED ALWAYS AS IDENTITY, item int REFERENCES item);
CREATE TABLE log (at date) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log DEFAULT;
CREATE SEQUENCE alone;
CREATE VIEW names AS SELECT name FROM item;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM item;
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
INSERT INTO item (name) VALUES ('first');
"""
THEIRS = "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = '{role}'::regrole"


@dataclass
class Inside(Recorded):
    """psql as the agent calls it, in the laboratory."""

    lab: Laboratory | None = None

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        limit: float | None = 600,
    ) -> Done:
        assert self.lab
        told = [f"{name}={value}" for name, value in (env or {}).items() if name != "PGSSLROOTCERT"]
        done = self.lab.run("env", *told, *argv, input=input, check=False)
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as made:
        made.run("sh", "-eu", "-s", input=AS_A_CLOUDS)
        yield made


def database(generation: int) -> Database:
    user = "shop" if generation == 1 else f"shop_{generation}"
    password = ("one", "two", "three")[generation - 1]
    return Database(
        host="127.0.0.1", port=PORT, name="shop", user=user, password=password, ca="",
        admin_user="doadmin", admin_password="admin", owner="shop_owner",
    )  # fmt: skip


def asked(lab: Laboratory, sql: str, *, user: str, password: str) -> str:
    where = [f"PGPASSWORD={password}", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]
    return lab.run("env", *where, "-h", "127.0.0.1", "-p", str(PORT), "-U", user, "shop", input=sql).stdout.strip()


def test_tables_outlive_their_logins(lab: Laboratory, tmp_path: Path) -> None:
    machine = Inside(tmp_path, lab=lab)
    asked(lab, "GRANT CREATE ON DATABASE shop TO shop; GRANT ALL ON SCHEMA public TO shop;",
          user="doadmin", password="admin")  # fmt: skip
    asked(lab, MADE_BY_THE_SITE, user="shop", password="one")

    for generation in (2, 3):
        before = database(generation - 1)
        former = (before.user, before.password)
        new = database(generation)
        for _ in range(2):  # a release that is done again
            owner.hand_over(Site("shop", tmp_path), machine, new, former=former, mode="prefer")
        for user, password in (former, (new.user, new.password)):
            made = f"CREATE TABLE by_{user} (id int); ALTER TABLE item ADD COLUMN of_{user}_{generation} int;"
            asked(lab, made, user=user, password=password)
            assert asked(lab, "SELECT name FROM names", user=user, password=password) == "first"
            assert asked(lab, THEIRS.format(role=user), user="doadmin", password="admin") == "0"
            asked(lab, f"DROP TABLE by_{user}", user=user, password=password)
        gone = f"REASSIGN OWNED BY {before.user} TO doadmin; DROP OWNED BY {before.user}; DROP ROLE {before.user};"
        lab.run("runuser", "-u", "postgres", "--", "psql", "-Xq", "-p", str(PORT), "-v", "ON_ERROR_STOP=1", "shop",
                input=gone)  # fmt: skip
        owner.hand_over(Site("shop", tmp_path), machine, new, former=None, mode="prefer")
        told = "INSERT INTO item (name, mood) VALUES ('next', 'fine'); INSERT INTO extra.part (item) VALUES (1);"
        asked(lab, told + "DROP FUNCTION one(); CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
              user=new.user, password=new.password)  # fmt: skip
        asked(
            lab, "DELETE FROM item WHERE name = 'next'; SELECT nextval('alone')", user=new.user, password=new.password
        )


def test_after_a_restore_to_before_a_rotation_todays_login_has_the_tables(lab: Laboratory) -> None:
    as_root = ("runuser", "-u", "postgres", "--", "psql", "-Xq", "-p", str(PORT), "-v", "ON_ERROR_STOP=1", "-d", "old")
    before = "CREATE ROLE old LOGIN; CREATE ROLE old_admin LOGIN CREATEROLE; CREATE ROLE old_2 LOGIN PASSWORD 'new';"
    lab.run(*as_root[:-1], "postgres", input=f"{before} CREATE DATABASE old OWNER old_admin;")
    lab.run(*as_root, input="GRANT ALL ON SCHEMA public TO old; SET ROLE old; CREATE TABLE t (id serial);")
    logins = {"user": {"role": "old_2", "password": "new"}, "admin": {"role": "old_admin", "password": "admin"}}
    told = "\n".join(rotated(document(database="old", owner="old_owner", **logins)))
    for _ in range(2):
        lab.run(*as_root, input=told)
    where = ["PGPASSWORD=new", "psql", "-XqAt", "-h", "127.0.0.1", "-p", str(PORT), "-U", "old_2", "old"]
    assert (
        lab.run(
            "env", *where, input="CREATE TABLE IF NOT EXISTS u (id int); ALTER TABLE t ADD c int; SELECT current_user"
        ).stdout.strip()
        == "old_owner"
    )
    left = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname LIKE 'old%'"
    assert lab.run("env", *where, input=left).stdout.strip() == "old_2 old_admin old_owner"


def test_the_site_alone_cannot_use_the_role_of_another(lab: Laboratory) -> None:
    with pytest.raises(AssertionError, match="permission denied"):
        asked(lab, "SET ROLE doadmin", user="shop_3", password="three")
