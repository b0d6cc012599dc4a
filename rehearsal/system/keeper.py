"""The keeper of one machine: mounts its disk where nobody else sees it, runs it, starts it again when it reboots.

A process of its own, so that a machine lives on when the daemon dies; with its end the mounts are gone as well.
"""

import os
import subprocess
import sys
import time

from rehearsal import paths
from rehearsal.system import archives, cgroups, enter, machines, wiring

_REBOOT = 133  # how nspawn says, to whoever started it, that the machine wants to be started again
_SWITCHED_OFF = 0
_TOO_SHORT, _TOO_OFTEN = 10.0, 3  # a machine that breaks off so early so many times in a row is given up
_ENVIRONMENT = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}  # the same inside on hosts with mixed control groups


def main() -> int:
    """`python -m rehearsal.system.keeper MACHINE`."""
    machine, broken, status = int(sys.argv[1]), 0, _REBOOT
    _mount_disk(machine)
    while status != _SWITCHED_OFF and broken < _TOO_OFTEN:
        started = time.monotonic()
        _count_boot(machine)
        machines.plug_in(machine)
        status = _run(machine)
        wiring.unplug(machine)
        broken = broken + 1 if status != _REBOOT and time.monotonic() - started < _TOO_SHORT else 0
    machines.stopped(machine)
    return status


def _mount_disk(machine: int) -> None:
    place = paths.machine(machine)
    enter.private_mounts()
    # nspawn leaves traces below /run/systemd, and behaves differently where it finds a systemd.
    os.makedirs("/run/systemd", exist_ok=True)
    enter.mount("tmpfs", "/run/systemd", kind="tmpfs", options="mode=755")
    lower = [str(machines.image_layer()), str(place / "apt"), machines.definition(machine)["root"]]
    enter.overlay(str(place / "mount"), lower=lower, upper=str(place / "upper"), work=str(place / "work"))


def _count_boot(machine: int) -> None:
    (paths.machine(machine) / "boots").write_text(str(machines.boots(machine) + 1))


def _run(machine: int) -> int:
    """Run the machine until it stops, keeping its package archives meanwhile."""
    group = f"machine-{machine}/nspawn"
    cgroups.kill(group)
    command = cgroups.starting_in(group, _command(machine))
    with subprocess.Popen(command, env={**os.environ, **_ENVIRONMENT}) as nspawn:
        pause = 1.0
        while True:
            try:
                return nspawn.wait(timeout=pause)
            except subprocess.TimeoutExpired:
                archives.harvest(paths.machine(machine) / "upper")
                pause = min(pause * 1.02, 10)  # packages come in a machine's first minutes


def _command(machine: int) -> list[str]:
    return [
        "systemd-nspawn",
        "--quiet",
        f"--directory={paths.machine(machine) / 'mount'}",
        f"--machine={paths.machine_netns(machine)}",
        f"--hostname={machines.definition(machine)['name']}",
        f"--network-namespace-path={paths.netns_file(paths.machine_netns(machine))}",
        f"--bind={paths.machine(machine) / 'devices'}:/dev/disk/by-id",
        "--private-network",  # without it a machine may not administer its own network
        "--boot",
        "--register=no",
        "--keep-unit",
        "--settings=no",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--console=read-only",  # somebody has to read: a process that writes to a full console waits, process 1 too
    ]


if __name__ == "__main__":
    sys.exit(main())
