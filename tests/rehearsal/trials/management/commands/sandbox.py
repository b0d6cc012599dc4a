"""`manage.py sandbox`: what this process can reach, as JSON."""

# mypy: disable-error-code="import-not-found, import-untyped, misc, untyped-decorator"

import json
from typing import Any

from django.core.management.base import BaseCommand

from ...sandbox import seen


class Command(BaseCommand):
    def handle(self, **options: Any) -> None:
        self.stdout.write(json.dumps(seen()))
