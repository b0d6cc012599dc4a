"""A document with a file, as most sites have one."""

# mypy: disable-error-code="import-not-found, import-untyped, misc"

from django.db import models


class Document(models.Model):
    """A title, and the file that was stored for it."""

    title = models.CharField(max_length=80)
    file = models.FileField(upload_to="documents")

    def __str__(self) -> str:
        return str(self.title)
