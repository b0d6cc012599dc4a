"""Machines: systemd-nspawn over an overlay of the cached Debian root, each with a keeper of its own (keeper.py)."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from rehearsal import paths
from rehearsal.system import archives, ca, cgroups, lans, processes, roots, seeds, volumes, wiring

MachineState = Literal["running", "stopped", "absent"]
PowerAction = Literal["reboot", "power_off", "power_on", "shutdown"]
_PATIENCE = 60.0  # seconds a machine has to follow an order


class MachineError(RuntimeError):
    """A machine did not do what the cloud asked of it"""


def create(*, birth: seeds.Birth, seed: seeds.Seed, tags: list[str], memory_mb: int) -> None:
    """Make a machine's disk and start it; one that is there already is only started."""
    machine = birth.plug.machine
    place = paths.machine(machine)
    if not (place / "machine.json").exists():
        _make_directories(place)
        _write_disk(place / "upper", birth, seed)
        about = {"id": machine, "name": birth.name, "tags": tags, "memory_mb": memory_mb, "wanted": "running"}
        # Written last: a machine that has this file is complete.
        described = {**about, "root": str(roots.machine_root()), "plug": asdict(birth.plug)}
        processes.write_json(place / "machine.json", described)
        wiring.refresh_firewall()
    start(machine)


def _make_directories(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    for part in ("upper", "work", "mount", "devices"):
        (place / part).mkdir(parents=True)
    archives.offer(place / "apt")


def _write_disk(upper: Path, birth: seeds.Birth, seed: seeds.Seed) -> None:
    (upper / "etc").mkdir()
    (upper / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")
    (upper / "etc/hostname").write_text(f"{birth.name}\n")
    seeds.write(upper, birth, seed)


def start(machine: int) -> None:
    """Plug a machine in and start its keeper; a running one is left alone."""
    if state(machine) != "stopped":
        return
    _want(machine, "running")
    plug_in(machine)
    processes.spawn(
        "machine",
        machine,
        [sys.executable, "-m", "rehearsal.system.keeper", str(machine)],
        environment={"PYTHONPATH": str(paths.REPOSITORY), "SLIPWAY_REHEARSAL_DIR": str(paths.STATE)},
    )


def plug_in(machine: int) -> None:
    """Connect a machine that is about to start with its networks and volumes."""
    with _changing(machine):
        wiring.plug(definition_plug(machine))
        volumes.plug(machine)


def _changing(machine: int) -> AbstractContextManager[None]:
    """Daemon and keeper both connect a machine: what one of them changes meanwhile would be lost to the other."""
    return processes.locked(paths.machine(machine) / "plug.lock")


def attach(machine: int, volume: int, *, name: str) -> None:
    """Give a machine a volume, also while it runs."""
    with _changing(machine):
        volumes.attach(volume, machine, name=name)


def definition(machine: int) -> dict[str, Any]:
    """What is known about a machine."""
    found: dict[str, Any] = json.loads((paths.machine(machine) / "machine.json").read_text())
    return found


def definition_plug(machine: int) -> wiring.Plug:
    """How a machine is attached."""
    return wiring.read_plug(definition(machine)["plug"])


def join(machine: int, nic: lans.Nic) -> None:
    """Plug a machine into a private network, also while it runs; a member already is fine."""
    with _changing(machine):
        plug = definition_plug(machine)
        memberships = lans.with_nic(plug.memberships, nic)
        _replug(plug, memberships)
        for new in memberships[len(plug.memberships) :]:
            lans.join(machine, new)


def leave(machine: int, *, network: int) -> None:
    """Unplug a machine from a private network; one that is no member is fine."""
    with _changing(machine):
        plug = definition_plug(machine)
        for member in [each for each in plug.memberships if each.network == network]:
            _replug(plug, tuple(each for each in plug.memberships if each != member))
            lans.leave(machine, member.link)


def set_public_address(machine: int, address: str | None) -> None:
    """Give a machine that is off another public address, or none; it has it when it starts."""
    plug = definition_plug(machine)
    _replug(replace(plug, public=address), plug.memberships)
    wiring.refresh_firewall()


def _replug(plug: wiring.Plug, memberships: tuple[lans.Membership, ...]) -> None:
    changed = asdict(replace(plug, memberships=memberships))
    processes.write_json(paths.machine(plug.machine) / "machine.json", {**definition(plug.machine), "plug": changed})


def _want(machine: int, wanted: Literal["running", "stopped"]) -> None:
    processes.write_json(paths.machine(machine) / "machine.json", {**definition(machine), "wanted": wanted})


def stopped(machine: int) -> None:
    """Note that a machine switched itself off, so that nobody starts it again."""
    _want(machine, "stopped")


def state(machine: int) -> MachineState:
    """Whether a machine runs."""
    if not (paths.machine(machine) / "machine.json").exists():
        return "absent"
    record = processes.find("machine", machine)
    return "running" if record and processes.alive(record) else "stopped"


def power(machine: int, action: PowerAction) -> None:
    """Switch a machine; returns when the new state is reached."""
    if state(machine) == "absent":
        raise MachineError(f"machines: {machine}: has to exist (got {action} of an unknown machine)")
    {"reboot": _reboot, "shutdown": _shut_down, "power_off": power_off, "power_on": start}[action](machine)


def _reboot(machine: int) -> None:
    if state(machine) == "stopped":
        return start(machine)
    before = boots(machine)
    _signal(machine, signal.SIGINT)  # what Ctrl-Alt-Del is to a machine
    if not processes.wait_until(lambda: boots(machine) > before, limit=_PATIENCE):
        power_off(machine)
        start(machine)


def _shut_down(machine: int) -> None:
    if state(machine) == "running":
        _signal(machine, signal.SIGRTMIN + 4)
        processes.wait_until(lambda: state(machine) != "running", limit=_PATIENCE)
        power_off(machine)


def _signal(machine: int, number: int) -> None:
    """Tell the machine's process 1, which a machine that has only just been started does not have yet."""
    if processes.wait_until(lambda: _leader(machine), limit=10) and (pid := _leader(machine)):
        os.kill(pid, number)


def power_off(machine: int) -> None:
    """Pull the plug."""
    _want(machine, "stopped")
    if record := processes.find("machine", machine):
        processes.end(record, first=signal.SIGKILL)
    wiring.unplug(machine)


def boots(machine: int) -> int:
    """How often a machine was started; its keeper counts."""
    file = paths.machine(machine) / "boots"
    return int(file.read_text() or 0) if file.exists() else 0


def _leader(machine: int) -> int | None:
    """The machine's process 1, as the host sees it."""
    top = cgroups.hierarchies()[0] / paths.CGROUP / f"machine-{machine}" / "nspawn/payload"
    for group in (top / "init.scope", top):
        if group.is_dir() and (pids := (group / "cgroup.procs").read_text().split()):
            return min(map(int, pids))
    return None


def destroy(machine: int) -> None:
    """Remove a machine and its disk; an absent one is fine."""
    if record := processes.find("machine", machine):
        processes.end(record, first=signal.SIGKILL)
    wiring.unplug(machine)
    volumes.release(machine)
    shutil.rmtree(paths.machine(machine), ignore_errors=True)
    wiring.refresh_firewall()


def known() -> list[int]:
    """All machines, running or not."""
    return sorted(int(file.parent.name) for file in paths.MACHINES.glob("*/machine.json"))


def adopt() -> None:
    """Start again what should run and does not: after a reboot of the host, or when a keeper was killed."""
    for machine in known():
        if definition(machine)["wanted"] == "running" and state(machine) == "stopped":
            start(machine)


def image_layer() -> Path:
    """What this rehearsal adds to the cached root, below every machine's disk: trust in its own authority."""
    layer = paths.STATE / "image"
    if not (layer / "complete").exists():
        certificates, local = layer / "etc/ssl/certs", layer / "usr/local/share/ca-certificates"
        for directory in (certificates, local):
            directory.mkdir(parents=True, exist_ok=True)
        own = ca.rehearsal().certificate()
        shipped = (roots.machine_root() / "etc/ssl/certs/ca-certificates.crt").read_text()
        (certificates / "ca-certificates.crt").write_text(shipped + own)
        (certificates / "slipway-rehearsal.pem").write_text(own)
        # Here update-ca-certificates finds it again, and OpenSSL by the name's hash.
        (local / "slipway-rehearsal.crt").write_text(own)
        (certificates / f"{_subject_hash(local / 'slipway-rehearsal.crt')}.0").write_text(own)
        (layer / "complete").touch()
    return layer


def _subject_hash(certificate: Path) -> str:
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(certificate)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
