"""`manage.py ledger WHAT`: feed the queue, work on it, tick, count."""

# mypy: disable-error-code="import-not-found, import-untyped, misc"

import json
import signal
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from ledger import book


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("feed", "work", "tick", "ticks", "count", "requeue"))
        parser.add_argument("--number", type=int, default=5)
        parser.add_argument("--seconds", type=float, default=0.0)
        parser.add_argument("--name", default="tick")

    def handle(self, *, what: str, number: int, seconds: float, name: str, **options: Any) -> None:
        if what == "feed":
            book.feed(number)
        if what == "requeue":
            book.requeue()
        if what == "work":
            self.work()
        if what == "tick":
            book.tick(name, seconds=seconds)
        elif what == "ticks":
            self.stdout.write(json.dumps(book.ticks_of(name)))
        else:
            self.stdout.write(json.dumps(book.counted()))

    def work(self) -> None:
        """Until told to end; the job at hand is done first."""
        self.ending = False
        signal.signal(signal.SIGTERM, self.end)
        while not self.ending:
            close_old_connections()
            if not book.work_once():
                time.sleep(0.2)

    def end(self, *_: object) -> None:
        self.ending = True
