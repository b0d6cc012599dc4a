"""One environment of a Django site: its settings, its cloud, what it is made of, what it is called from outside."""

import os
import signal

import pulumi

from components.artifact import choose
from components.before import Before
from components.clouds import cloud
from components.environment import Environment
from components.losses import OUTPUT, refuse_losses
from settings import Settings
from stack_file import stack_directory

# A failed operation interrupts the program; a traceback would stand beside the cause.
signal.signal(signal.SIGINT, lambda *_: os._exit(1))

settings = Settings.load()
refuse_losses(settings, Before().outputs.get(OUTPUT))
chosen = choose(settings, lock=stack_directory() / f"{settings.environment}.lock")
environment = Environment(settings, cloud=cloud(settings.cloud), chosen=chosen)
for name, value in environment.outputs.items():
    pulumi.export(name, value)
