"""What was posted: one row for each request that got through, so that one done twice is seen."""

# mypy: disable-error-code="import-not-found, import-untyped, misc"

from django.db import models


class Entry(models.Model):
    """One request of the prober, by its number."""

    run = models.CharField(max_length=20)
    number = models.BigIntegerField()
    size = models.PositiveIntegerField()

    class Meta:
        indexes = (models.Index(fields=("run", "number"), name="traffic_run_number"),)
