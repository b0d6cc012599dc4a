"""First tables: pictures and tallies."""

from django.db import migrations, models

import pictures.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Picture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=80)),
                (
                    "image",
                    models.ImageField(
                        height_field="height", upload_to=pictures.models.stored_name, width_field="width"
                    ),
                ),
                ("thumbnail", models.ImageField(editable=False, upload_to=pictures.models.stored_name)),
                ("width", models.PositiveIntegerField(editable=False)),
                ("height", models.PositiveIntegerField(editable=False)),
                ("added", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
            options={
                "ordering": ("-added", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pictures", models.PositiveIntegerField()),
                ("counted", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
            options={
                "verbose_name_plural": "tallies",
            },
        ),
    ]
