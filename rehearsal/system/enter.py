"""Go into a network namespace and a private view of the files, then become a command.

Used as a module for its system calls and, by its path with `python -S -E`, as the start of every command that runs
`inside`: so it imports nothing of the project and little else, because each start of `python3.13` pays for it.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from contextlib import suppress
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, *, kind: str = "none", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    arguments = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode() or None)
    _checked(_libc.mount(*arguments), f"mount {source} on {target}")


def bind(source: str, target: str, *, recursive: bool = False, read_only: bool = False) -> None:
    """Bind a file or directory over another."""
    mount(source, target, flags=MS_BIND | (MS_REC if recursive else 0))
    if read_only:
        mount("none", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def overlay(target: str, *, lower: list[str], upper: str | None = None, work: str | None = None) -> None:
    """Mount an overlay; without an upper directory it is read-only."""
    options = "lowerdir=" + ":".join(lower)
    if upper and work:
        options += f",upperdir={upper},workdir={work}"
    mount("overlay", target, kind="overlay", options=options, flags=0 if upper else MS_RDONLY)


def private_mounts() -> None:
    """From here on this process mounts for itself and its children only."""
    _checked(_libc.unshare(CLONE_NEWNS), "unshare mount namespace")
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        shared = [fields[4] for line in file if "shared:" in line and (fields := line.split())]
    for target in shared:
        # iproute2 shares its own directory on purpose: a namespace added or removed must be so for everyone.
        if not target.startswith("/run/netns"):
            with suppress(OSError):  # hidden below another mount: nothing can be mounted there either
                mount("none", _unescaped(target), flags=MS_PRIVATE)


def _unescaped(path: str) -> str:
    for octal, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        path = path.replace("\\" + octal, character)
    return path


def join_network(path: str) -> None:
    """Enter a network namespace by its file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _checked(_libc.setns(descriptor, CLONE_NEWNET), f"enter {path}")
    finally:
        os.close(descriptor)


def follow(plan: dict[str, Any]) -> None:
    """Do what a plan says: netns, mounts, debian, root, directory, user, environment; every part may be absent."""
    here = os.getcwd()
    if "netns" in plan:
        join_network(plan["netns"])
    if plan.keys() & {"mounts", "debian", "root"}:
        private_mounts()
    for entry in plan.get("mounts", ()):
        _mount_entry(**entry)
    if "debian" in plan:
        _become_debian(plan["debian"])
    if "root" in plan:
        os.chroot(plan["root"])
    os.chdir(plan.get("directory", here))
    if "user" in plan:
        _become_user(**plan["user"])
    for name, value in plan.get("environment", {}).items():
        os.environ.setdefault(name, value)


def _mount_entry(*, kind: str, target: str, source: str = "none", optional: bool = False, **options: Any) -> None:
    if optional and not os.path.exists(target):
        return
    if kind == "bind":
        bind(source, target, **options)
    elif kind == "overlay":
        overlay(target, **options)
    else:
        mount(source, target, kind=kind, flags=MS_NOSUID | MS_NODEV, options=options.get("options", ""))


def _become_debian(root: str) -> None:
    """Put the programs and settings of a Debian root in the place of the host's; all else stays as it is here."""
    kept = [f"/etc/{name}" for name in ("resolv.conf", "hosts", "nsswitch.conf", "passwd", "group")]
    kept = [path for path in [*kept, "/etc/ssl/certs/ca-certificates.crt"] if os.path.exists(path)]
    # Opened before the host's /etc is covered, named through /proc/self/fd afterwards.
    handles = [(path, os.open(path, os.O_PATH)) for path in kept]
    for name in ("usr", "etc"):
        bind(f"{root}/{name}", f"/{name}", read_only=True)
    for path, descriptor in handles:
        bind(f"/proc/self/fd/{descriptor}", path)
        os.close(descriptor)


def _become_user(*, uid: int, gid: int) -> None:
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def main(arguments: list[str]) -> None:
    """`enter.py PLAN.json COMMAND [ARGUMENT...]`."""
    try:
        with open(arguments[0], encoding="utf-8") as file:
            plan = json.load(file)
        follow(plan)
    except (OSError, ValueError) as problem:
        sys.exit(f"rehearsal: cannot go inside: {problem}; is it up? (make rehearse)")
    try:
        os.execvp(arguments[1], arguments[1:])
    except OSError as problem:
        print(f"{arguments[1]}: {problem.strerror}", file=sys.stderr)
        sys.exit(127 if isinstance(problem, FileNotFoundError) else 126)


if __name__ == "__main__":
    main(sys.argv[1:])
