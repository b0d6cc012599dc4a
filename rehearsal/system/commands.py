"""Running this computer's own programs: to their end, with their failure in words, in the network namespace meant."""

import os
import subprocess
from collections.abc import Sequence

from rehearsal import paths

# Where administrators' programs are, which sudo and cron leave out of PATH.
_PATH = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
# The host's network has a name of its own, because the daemon lives inside and has to reach the host's packet filter.
HOST_NETNS = f"{paths.NETNS}-host"


class CommandError(RuntimeError):
    """A program of this computer failed"""


def run(command: Sequence[str], *, input: str = "", may_fail: bool = False) -> str:
    """Run a program to its end and give what it prints."""
    environment = {**os.environ, "PATH": _PATH}
    done = subprocess.run(command, input=input, env=environment, capture_output=True, text=True, check=False)
    if done.returncode and not may_fail:
        said = (done.stderr or done.stdout)[-2000:].strip()
        raise CommandError(f"{' '.join(command)}: exit status {done.returncode}: {said}\n{input}".strip())
    return done.stdout


def inside(argv: Sequence[str]) -> list[str]:
    """The command line that runs another one in the main namespace, with the host's files as they are."""
    return ["nsenter", f"--net={paths.netns_file(paths.NETNS)}", *argv]


def on_host(command: Sequence[str], *, input: str = "", may_fail: bool = False) -> str:
    """Run a program in the host's network, also when called from inside."""
    name = paths.netns_file(HOST_NETNS)
    there = ["nsenter", f"--net={name}"] if name.exists() else []
    return run([*there, *command], input=input, may_fail=may_fail)


def ip(*arguments: str, may_fail: bool = False) -> str:
    """Run `ip` with arguments."""
    return run(["ip", *arguments], may_fail=may_fail)


def batch(*lines: str, namespace: str = paths.NETNS, may_fail: bool = False) -> None:
    """Run several `ip` commands at once in a namespace; with `may_fail` each by itself."""
    force = ["-force"] if may_fail else []
    if lines:
        run(["ip", "-n", namespace, *force, "-batch", "-"], input="\n".join(lines) + "\n", may_fail=may_fail)


def sysctl(*settings: str) -> None:
    """Set kernel settings of the main namespace."""
    ip("netns", "exec", paths.NETNS, "sysctl", "-q", "-w", *settings)
