"""Runs under a real Django: every operation of a table against the same few models, its findings as JSON on stdout."""

# mypy: ignore-errors

import json
import sys
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.apps import apps  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.db import migrations, models  # noqa: E402
from django.db.migrations.state import ProjectState  # noqa: E402

from release.host.schema import classified, refuse_unmade, used  # noqa: E402


class Proxy(ContentType):
    class Meta:
        proxy = True
        app_label = "contenttypes"


ID = ("id", models.BigAutoField(primary_key=True))


class Own(migrations.operations.base.Operation):
    def state_forwards(self, app_label: str, state: Any) -> None:
        return None

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        return None


class Named(migrations.AddField):
    """Does as Django's own."""


def rows(apps: Any, schema_editor: Any) -> None:
    return None


START = [
    migrations.CreateModel("Artist", [ID, ("name", models.CharField(max_length=100))]),
    migrations.CreateModel(
        "Picture",
        [
            ID,
            ("title", models.CharField(max_length=100)),
            ("note", models.TextField(null=True)),
            ("size", models.IntegerField(default=0)),
            ("price", models.DecimalField(max_digits=6, decimal_places=2, null=True)),
            ("artist", models.ForeignKey("shop.Artist", on_delete=models.CASCADE, null=True)),
            ("tags", models.ManyToManyField("shop.Artist", related_name="+")),
            ("owned", models.IntegerField(db_column="own_column", default=0)),
        ],
    ),
    migrations.CreateModel("Elsewhere", [ID], options={"managed": False}),
]


def alter(name: str, field: Any) -> Any:
    return migrations.AlterField("picture", name, field)


def add(name: str, field: Any) -> Any:
    return migrations.AddField("picture", name, field)


def between(*operations: Any) -> Any:
    return migrations.SeparateDatabaseAndState(database_operations=list(operations))


def sql(text: Any) -> Any:
    return migrations.RunSQL(text, migrations.RunSQL.noop)


TABLE = {
    "a model": migrations.CreateModel("Frame", [ID]),
    "a model goes": migrations.DeleteModel("Picture"),
    "a model is renamed": migrations.RenameModel("Picture", "Image"),
    "a table is renamed": migrations.AlterModelTable("picture", "images"),
    "a nullable column": add("hint", models.TextField(null=True)),
    "a required column": add("hint", models.TextField(default="")),
    "a required column by a subclass": Named("picture", "hint", models.TextField(default="")),
    "a unique nullable column": add("hint", models.TextField(null=True, unique=True)),
    "a nullable relation": add("owner", models.ForeignKey("shop.Artist", on_delete=models.CASCADE, null=True)),
    "a table between": add("owners", models.ManyToManyField("shop.Artist", related_name="+")),
    "a column goes": migrations.RemoveField("picture", "note"),
    "a relation goes": migrations.RemoveField("picture", "artist"),
    "a column of another name goes": migrations.RemoveField("picture", "owned"),
    "a table between goes": migrations.RemoveField("picture", "tags"),
    "a column is renamed": migrations.RenameField("picture", "title", "name"),
    "a field is renamed, its column is not": migrations.RenameField("picture", "owned", "had"),
    "not null": alter("note", models.TextField(default="")),
    "nullable": alter("title", models.CharField(max_length=100, null=True)),
    "words only": alter("title", models.CharField("Title", max_length=100, help_text="short", blank=True)),
    "longer": alter("title", models.CharField(max_length=200)),
    "as long as can be": alter("title", models.TextField()),
    "shorter": alter("title", models.CharField(max_length=50)),
    "a larger number": alter("size", models.BigIntegerField(default=0)),
    "a smaller number": alter("size", models.SmallIntegerField(default=0)),
    "another precision": alter("price", models.DecimalField(max_digits=8, decimal_places=2, null=True)),
    "a number becomes text": alter("size", models.TextField(default="")),
    "unique": alter("title", models.CharField(max_length=100, unique=True)),
    "indexed": alter("title", models.CharField(max_length=100, db_index=True)),
    "another relation": alter("artist", models.ForeignKey("shop.Picture", on_delete=models.CASCADE, null=True)),
    "the same relation": alter("artist", models.ForeignKey("shop.Artist", on_delete=models.SET_NULL, null=True)),
    "an index": migrations.AddIndex("picture", models.Index(fields=["title"], name="by_title")),
    "a unique constraint": migrations.AddConstraint(
        "picture", models.UniqueConstraint(fields=["title"], name="one_title")
    ),
    "together": migrations.AlterUniqueTogether("picture", {("title", "size")}),
    "not together": migrations.AlterUniqueTogether("picture", set()),
    "an order": migrations.AlterOrderWithRespectTo("picture", "artist"),
    "options": migrations.AlterModelOptions("picture", {"ordering": ["title"]}),
    "not ours to make": migrations.AddField("elsewhere", "hint", models.TextField(default="")),
    "rows": migrations.RunPython(rows),
    "no rows": migrations.RunPython(migrations.RunPython.noop),
    "something of a package": Own(),
    "in the database alone": between(migrations.RemoveField("picture", "note")),
    "in the models alone": migrations.SeparateDatabaseAndState(
        state_operations=[migrations.RemoveField("picture", "note")]
    ),
    "sql: drop": sql('ALTER TABLE "shop_picture" DROP COLUMN IF EXISTS "note" CASCADE'),
    "sql: drop behind": sql("alter table shop_picture add x int, drop note"),
    "sql: drop a constraint": sql("ALTER TABLE shop_picture DROP CONSTRAINT one_title"),
    "sql: drop a table": sql("DROP TABLE IF EXISTS public.shop_picture"),
    "sql: rename": sql("ALTER TABLE shop_picture RENAME COLUMN title TO name"),
    "sql: rename a table": sql("ALTER TABLE shop_picture RENAME TO images"),
    "sql: a type": sql("ALTER TABLE shop_picture ALTER COLUMN size TYPE text"),
    "sql: not null": sql("ALTER TABLE shop_picture ALTER size SET NOT NULL"),
    "sql: an index": sql("CREATE UNIQUE INDEX one ON shop_picture (title)"),
    "sql: an index meanwhile": sql("-- why\nCREATE INDEX CONCURRENTLY one ON shop_picture (title);"),
    "sql: rows go": sql(["DELETE FROM shop_picture WHERE size = 0"]),
    "sql: rows change": sql([("UPDATE shop_picture SET size = %s", [1])]),
    "sql: nothing": sql(migrations.RunSQL.noop),
    "two at once": [migrations.RemoveField("picture", "note"), add("hint", models.TextField(default=""))],
    "on a table of its own": [
        migrations.CreateModel("Frame", [ID]),
        migrations.AddField("frame", "wood", models.TextField(default="")),
        migrations.RemoveField("frame", "wood"),
        migrations.AddIndex("frame", models.Index(fields=["id"], name="by_id")),
        migrations.RenameModel("Frame", "Edge"),
        migrations.DeleteModel("Edge"),
    ],
}
if django.VERSION >= (5,):
    TABLE["a column the database fills"] = add("hint", models.TextField(db_default=""))
    TABLE["the database fills it no more"] = [
        add("hint", models.TextField(db_default="")),
        alter("hint", models.TextField(default="")),
    ]
    TABLE["a column that is computed"] = add(
        "twice",
        models.GeneratedField(expression=models.F("size") * 2, output_field=models.IntegerField(), db_persist=True),
    )


def started() -> Any:
    state = ProjectState()
    for operation in START:
        operation.state_forwards("shop", state)
    return state


def findings(operations: Any) -> Any:
    class Migration(migrations.Migration):
        pass

    migration = Migration("0002_second", "shop")
    migration.operations = operations if isinstance(operations, list) else [operations]
    return classified([migration], state=started())["shop.0002_second"]


def unmade(path: str, change: Any) -> str:
    """What is said of an app that lies there, where its migrations have made all but what `change` takes away."""
    state = ProjectState.from_apps(apps)
    change(state.models)
    apps.get_app_config("contenttypes").path = path
    try:
        refuse_unmade(SimpleNamespace(migrated_apps={"contenttypes"}, project_state=lambda: state))
    except RuntimeError as error:
        return str(error)
    return ""


OWN, PACKAGED, MODEL = "/srv/site/src/shop", "/srv/site/site-packages/shop", ("contenttypes", "contenttype")
UNMADE = {
    "all of it": unmade(OWN, lambda models: None),
    "no column": unmade(OWN, lambda models: models[MODEL].fields.pop("model")),
    "no table": unmade(OWN, lambda models: models.pop(MODEL)),
    "a package's": unmade(PACKAGED, lambda models: models.pop(MODEL)),
}
found = {name: findings(operations) for name, operations in TABLE.items()}
json.dump({"findings": found, "uses": used(), "unmade": UNMADE}, sys.stdout)
