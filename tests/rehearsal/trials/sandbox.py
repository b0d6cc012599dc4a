"""What the process that runs this can reach; every answer is "ok" or the kernel's word for no."""

import contextlib
import ctypes
import errno
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLONE_NEWUSER = 0x10000000
PTRACE_ATTACH = 16


def seen() -> dict[str, Any]:
    """Everything at once."""
    return {
        "connect": {name: tried(connect, *to) for name, to in PEERS.items()},
        "read": {path: tried(read, path) for path in unreadable()},
        "write": {path: tried(write, path) for path in read_only()},
        "writable": {path: tried(write, path) for path in state()},
        "filesystem": {path: filesystem(path) for path in state()},
        "temporary": tempfile.gettempdir(),
        "processes of others": [pid for pid in os.listdir("/proc") if pid.isdigit() and of_another(pid)],
        "raise": {name: tried(*way) for name, way in RAISING.items()},
        "status": {name: value for name, value in status() if name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
    }


PEERS = {
    "metadata": (socket.AF_INET, ("169.254.169.254", 80)),
    "metadata by IPv6": (socket.AF_INET6, ("fe80::a9fe:a9fe", 80, 0, 2)),
    "caddy's administration": (socket.AF_UNIX, "/run/caddy/admin.sock"),
}


def unreadable() -> list[str]:
    """Secrets, and what is other people's on this machine."""
    site, slot = os.environ["SLIPWAY_SITE"], os.environ["SLIPWAY_ROOT"].rsplit("/", 1)[-1]
    others = [str(path) for path in Path("/run/credentials").glob("*/*")] if exists("/run/credentials") else []
    own = os.environ["CREDENTIALS_DIRECTORY"]
    return [
        f"/etc/slipway/{site}/{slot}.env",
        f"/var/lib/slipway-agent/{site}/state.json",
        f"/var/lib/slipway-agent/{site}/journal.jsonl",
        "/etc/shadow",
        "/etc/ssh/ssh_host_ed25519_key",
        "/root",
        "/home/deploy",
        "/var/lib/caddy",
        "/var/lib/caddy/.local/share/caddy",
        "/var/lib/cloud/instance/obj.pkl",
        *map(str, Path("/var/log/journal").glob("*/system.journal")),
        "/dev/kmsg",
        *(path for path in others if not path.startswith(own)),
    ]


def read_only() -> list[str]:
    """What a process must not change: the release that runs, the machine."""
    root = os.environ["SLIPWAY_ROOT"]
    return [root, f"{root}/app", f"{root}/site-packages", f"{root}/overlay", f"{root}/static", "/etc", "/usr", "/srv",
            "/var/lib", "/var/log", "/run", "/etc/systemd/system", "/home", "/root", "/"]  # fmt: skip


def state() -> list[str]:
    """What the site may write to."""
    home = os.environ["HOME"]
    return [home, os.environ["XDG_CACHE_HOME"], os.environ["TMPDIR"], f"{home}/media"]


def tried(way: Callable[..., Any], *arguments: Any) -> str:
    try:
        way(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "ok"


def connect(family: int, address: Any) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as peer:
        peer.settimeout(1.5)
        peer.connect(address)


def read(path: str) -> None:
    if os.path.isdir(path):
        os.listdir(path)
    else:
        Path(path).read_bytes()


def write(path: str) -> None:
    file = Path(path) / ".slipway-trial"
    file.write_text("written")
    file.unlink()


def filesystem(path: str) -> str:
    """The type of what is mounted there."""
    mounts = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    points = [(before.split()[4], after.split()[0]) for before, after in mounts]
    return max((len(point), kind) for point, kind in points if Path(path).is_relative_to(point))[1]


def of_another(pid: str) -> bool:
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}").st_uid != os.getuid()
    return False


def exists(path: str) -> bool:
    with contextlib.suppress(OSError):
        return os.path.exists(path)
    return False


def system_call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def sudo() -> None:
    done = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    if done.returncode:
        raise OSError(errno.EPERM, "sudo")


RAISING: dict[str, tuple[Any, ...]] = {
    "setuid": (os.setuid, 0),
    "mount": (system_call, "mount", b"none", b"/mnt", b"tmpfs", 0, None),
    "unshare": (system_call, "unshare", CLONE_NEWUSER),
    "ptrace": (system_call, "ptrace", PTRACE_ATTACH, 1, 0, 0),
    "sudo": (sudo,),
}


def status() -> list[tuple[str, str]]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
