"""`manage.py tally`: count the pictures and write the number down."""

import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from pictures.models import Picture, Tally


class Command(BaseCommand):
    """Runs once (for a schedule), or again and again with --every (for a worker)."""

    help = "Count the pictures and write the number down."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="count again after so many seconds")

    def handle(self, *, every: float | None, **options: object) -> None:
        self.count()
        while every:
            time.sleep(every)
            close_old_connections()
            self.count()

    def count(self) -> None:
        tally = Tally.objects.create(pictures=Picture.objects.count())
        self.stdout.write(f"pictures on the wall: {tally.pictures}")
