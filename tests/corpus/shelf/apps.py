"""The app itself; its keys are the same whatever a project's default is."""

# mypy: disable-error-code="import-not-found, import-untyped, misc"

from django.apps import AppConfig


class ShelfConfig(AppConfig):
    """Named as the migration expects it."""

    name = "shelf"
    default_auto_field = "django.db.models.BigAutoField"
