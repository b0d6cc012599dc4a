"""Pictures, and how many of them there were at a moment."""

import uuid
from pathlib import PurePath

from django.db import models
from django.urls import reverse


def stored_name(picture: "Picture", filename: str) -> str:
    """A name that tells nothing about the visitor's own files and never meets another."""
    return f"pictures/{uuid.uuid4().hex}{PurePath(filename).suffix.lower()}"


class Picture(models.Model):
    """A picture somebody added, with a small copy of it for the front page."""

    title = models.CharField(max_length=80)
    image = models.ImageField(upload_to=stored_name, width_field="width", height_field="height")
    thumbnail = models.ImageField(upload_to=stored_name, editable=False)
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    added = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ("-added", "-pk")

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("picture", args=[self.pk])


class Tally(models.Model):
    """How many pictures `manage.py tally` found."""

    pictures = models.PositiveIntegerField()
    counted = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.pictures} at {self.counted:%Y-%m-%d %H:%M}"
