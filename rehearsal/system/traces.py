"""Everything this rehearsal may have left on the computer, found by what carries its id or its directory."""

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from rehearsal import paths
from rehearsal.system import cgroups, commands, network, volumes

_DISKS = (paths.MACHINES, paths.POSTGRES, paths.VOLUMES)


def found() -> list[str]:
    """Every trace, in words."""
    return [
        *(f"process {pid}: {_command(pid)}" for pid in sorted({*cgroups.members(), *strangers()})),
        *(f"control group {place}" for place in cgroups.remains()),
        *(f"mount {target}" for target in mounts()),
        *(f"network namespace {name}" for name in [*network.namespaces(), *_host_name()]),
        *(f"network link {name}" for name in network.links() if name == paths.HOST_LINK),
        *([f"nft table inet {paths.NFT_TABLE}"] if network.table_exists() else []),
        *(["forwarding turned on, see /proc/sys/net/ipv4/ip_forward"] if network.forwarding_forgotten() else []),
        *(f"record {file}" for file in sorted(paths.RUN.glob("*.json"))),
        *(f"loop device {device}" for device in volumes.devices()),
        *(f"disk {place}" for kind in _DISKS for place in sorted(kind.glob("*"))),
    ]


def _host_name() -> list[str]:
    return [commands.HOST_NETNS] if network.exists(commands.HOST_NETNS) else []


def strangers() -> list[int]:
    """Processes that went inside and are in no group of ours: a terminal's commands, browsers, pulumi."""
    ours = {file.stat().st_ino for name in network.namespaces() if (file := paths.netns_file(name)).exists()}
    spared = _lineage()
    return [pid for pid in _pids() if pid not in spared and (_in_network(pid, ours) or _sees_state(pid))]


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _lineage() -> set[int]:
    """This process and its ancestors."""
    pid, line = os.getpid(), set()
    while pid > 0 and pid not in line:
        line.add(pid)
        pid = _parent(pid)
    return line


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _in_network(pid: int, inodes: set[int]) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino in inodes
    except OSError:
        return False


def _sees_state(pid: int) -> bool:
    """Whether a process has a mount namespace of its own in which something of the state directory is mounted."""
    try:
        own = Path("/proc/self/ns/mnt").stat().st_ino
        if Path(f"/proc/{pid}/ns/mnt").stat().st_ino == own:
            return False
        return any(_concerns_state(line) for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
    except OSError:
        return False


def _concerns_state(line: str) -> bool:
    fields = line.split()
    return fields[4].startswith(f"{paths.STATE}/") or fields[3].startswith(f"{_on_its_disk()}/")


def _on_its_disk() -> str:
    """The state directory's path as seen from the root of the file system it is on."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    state = str(paths.STATE)
    holders = [fields for fields in lines if fields[4] == "/" or f"{state}/".startswith(f"{fields[4]}/")]
    root, mountpoint = max(((fields[3], fields[4]) for fields in holders), key=lambda pair: len(pair[1]))
    return (root.rstrip("/") + "/" + state.removeprefix(mountpoint).lstrip("/")).rstrip("/")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "(gone)"


def end_strangers() -> None:
    """Hang up on them, and end those that stay."""
    for pid in strangers():
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                for number in (signal.SIGHUP, signal.SIGKILL):
                    signal.pidfd_send_signal(handle, number)
                    if select.select([handle], [], [], 1)[0]:
                        break
            finally:
                os.close(handle)


def mounts() -> list[str]:
    """Mounts below the state directory that this process sees."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [target for line in lines if (target := line.split()[4]).startswith(f"{paths.STATE}/")]


def unmount_all() -> None:
    """Take them away, last first."""
    for target in reversed(mounts()):
        commands.run(["umount", "--lazy", target])
