# mypy: disable-error-code="import-not-found, import-untyped, misc"

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = (
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=80)),
                ("file", models.FileField(upload_to="documents")),
            ],
        ),
    )
