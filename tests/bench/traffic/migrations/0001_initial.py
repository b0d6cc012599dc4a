# mypy: disable-error-code="import-not-found, import-untyped, misc"

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = (
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("run", models.CharField(max_length=20)),
                ("number", models.BigIntegerField()),
                ("size", models.PositiveIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["run", "number"], name="traffic_run_number")]},
        ),
    )
