"""One environment of a Django site: its settings, its cloud, what it is made of, what it is called from outside."""

import os
import signal
import sys

import pulumi

from components.artifact import choose
from components.before import Before
from components.clouds import cloud
from components.environment import Environment
from components.fitting import refuse_unfitting
from components.losses import OUTPUT, refuse_losses
from components.orders import check_order, refuse_meaningless
from components.rotations import refuse_jumps
from settings import Settings
from settings.stack_file import stack_directory


def end(*_: object) -> None:
    """A failed operation interrupts the program: instead of a traceback, what to do next stands beside the cause."""
    stack = pulumi.get_stack()
    if not pulumi.runtime.is_dry_run():
        print(f"what was made is kept: when the cause is gone, pulumi up -s {stack} goes on from here; slipway status")
        print(f"{stack} shows where things stand, and docs/guide.md, When something is wrong, what may be left over")
        sys.stdout.flush()
    os._exit(1)


signal.signal(signal.SIGINT, end)

settings = Settings.load()
before = Before()
recorded = before.outputs.get(OUTPUT)
chosen_cloud = cloud(settings.cloud)
refuse_meaningless(settings, recorded, cloud=chosen_cloud)
refuse_losses(settings, recorded)
refuse_jumps(settings, recorded)
check_order(settings, recorded, cloud=chosen_cloud)
refuse_unfitting(settings, cloud=chosen_cloud)
chosen = choose(settings, lock=stack_directory() / f"{settings.environment}.lock")
environment = Environment(settings, cloud=chosen_cloud, chosen=chosen, before=before)
for name, value in environment.outputs.items():
    pulumi.export(name, value)
