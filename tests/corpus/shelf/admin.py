"""Documents in the admin."""

# mypy: disable-error-code="import-not-found, import-untyped, misc"

from django.contrib import admin

from .models import Document

admin.site.register(Document)
