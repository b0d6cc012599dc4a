"""The one app of the gallery."""

from django.apps import AppConfig


class PicturesConfig(AppConfig):
    name = "pictures"
