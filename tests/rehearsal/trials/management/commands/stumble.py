"""`manage.py stumble WHO [--when-told]`: fails as a command does whose author forgot a case."""

# mypy: disable-error-code="import-not-found, import-untyped, misc, untyped-decorator"

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("who")
        parser.add_argument("--when-told", action="store_true", help="wait for ~/stumble-WHO first")

    def handle(self, *, who: str, when_told: bool, **options: Any) -> None:
        told = Path.home() / f"stumble-{who}"
        while when_told and not told.exists():
            time.sleep(0.2)
        told.unlink(missing_ok=True)
        raise LookupError(f"planted in the {who}")
