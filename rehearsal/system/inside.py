"""The commands of a rehearsal: `inside` goes into its network with its names and trust, the others build on it."""

import os
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.system import enter, host, processes, roots

_HOSTS = paths.STATE / "hosts"
_NSSWITCH = paths.STATE / "nsswitch.conf"
_INSIDE = paths.STATE / "inside.json"
_DEBIAN = paths.STATE / "debian.json"
_BUNDLE = str(host.CA_CERTIFICATES)


def write_plans() -> None:
    """Write what `inside` sees: the rehearsal's resolver, no names from the host's files, all authorities."""
    paths.RESOLV_CONF.write_text(f"nameserver {paths.GATEWAY}\noptions timeout:2 attempts:2\n")
    _HOSTS.write_text(f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n")
    _NSSWITCH.write_text(_without_resolved(Path("/etc/nsswitch.conf")))
    processes.write_json(_INSIDE, _inside_plan())
    _write_command("inside", enter_command(_INSIDE))


def _without_resolved(file: Path) -> str:
    """The host's own file, but names are asked from the resolver only, never from a service of the host."""
    lines = file.read_text().splitlines() if file.exists() else ["passwd: files", "group: files", "shadow: files"]
    return "\n".join(["hosts: files dns", *(line for line in lines if not line.startswith("hosts:"))]) + "\n"


def _inside_plan() -> dict[str, Any]:
    covers = {
        "/etc/resolv.conf": paths.RESOLV_CONF,
        "/etc/hosts": _HOSTS,
        "/etc/nsswitch.conf": _NSSWITCH,
        _BUNDLE: paths.CA_BUNDLE,
    }
    mounts: list[dict[str, Any]] = [
        {"kind": "bind", "source": str(source), "target": target, "optional": target != "/etc/resolv.conf"}
        for target, source in covers.items()
    ]
    # A name cache of the host would answer with the host's names.
    mounts.append({"kind": "tmpfs", "target": "/run/nscd", "optional": True})
    # Libraries that bring their own list of authorities, and OpenSSL, which prefers single files to the bundle.
    trusting = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
    environment = dict.fromkeys(trusting, _BUNDLE)
    return {"netns": str(paths.netns_file(paths.NETNS)), "mounts": mounts, "environment": environment}


def enter_command(plan: Path) -> list[str]:
    """The start of a command line that follows a plan; -S, because it is run at every start of `python3.13`."""
    return [sys.executable, "-S", "-E", enter.__file__, str(plan)]


def inside(argv: Sequence[str]) -> list[str]:
    """The command line that runs another one inside."""
    return [*enter_command(_INSIDE), *argv]


def write_commands(*, engine: Path, plugins: Path | None = None) -> None:
    """Write all commands: `pulumi` means the shadow project, and finds the stand-in plugins where there are some."""
    write_plans()
    _refuse_split_usr()
    processes.write_json(_DEBIAN, {"debian": str(roots.machine_root())})
    found = f'PATH={shlex.quote(str(plugins))}:"$PATH"; export PATH\n' if plugins else ""
    project = f'-C "${{SLIPWAY_PROJECT:-{paths.SHADOW}}}"'
    _write_command("pulumi", inside([str(engine)]), before=found, options=project)
    _write_command("slipway", inside([str(paths.REPOSITORY / "bin/slipway")]))
    _write_command("python3.13", [*enter_command(_DEBIAN), "/usr/bin/python3.13"])
    _write_command("browser", ["/bin/sh", "-eu", str(Path(__file__).with_name("browser.sh")), str(paths.STATE)])


def _refuse_split_usr() -> None:
    if not Path("/bin").is_symlink():
        raise host.HostError(
            "host: /bin: should be a link to usr/bin, as in Debian 12 (got a directory), install usrmerge"
        )


def _write_command(name: str, argv: Sequence[str], *, before: str = "", options: str = "") -> None:
    file = paths.BIN / name
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{name}.{os.getpid()}")
    unfinished.write_text(f'#!/bin/sh\n{before}exec {shlex.join(argv)} {options + " " if options else ""}"$@"\n')
    unfinished.chmod(0o755)
    unfinished.rename(file)
