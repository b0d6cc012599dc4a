"""Plain tables: what is counted is the workers', not Django's."""

# mypy: disable-error-code="import-not-found, import-untyped, misc"

from typing import ClassVar

from django.db import migrations

TABLES = """
CREATE TABLE ledger_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, seconds real NOT NULL, taken timestamptz
);
CREATE TABLE ledger_level (waiting int NOT NULL);
INSERT INTO ledger_level VALUES (0);
CREATE TABLE ledger_runs (
    job bigint NOT NULL, release text NOT NULL, began timestamptz NOT NULL, ended timestamptz NOT NULL
);
CREATE TABLE ledger_ticks (
    name text NOT NULL, release text NOT NULL, edition int NOT NULL, due bigint NOT NULL,
    began timestamptz NOT NULL, ended timestamptz NOT NULL
);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[migrations.RunSQL]] = [migrations.RunSQL(TABLES, migrations.RunSQL.noop)]
