"""What the rehearsal needs of the computer it runs on: packages, package sources, resolvers."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

# program (or file) -> the Debian package it comes from
_NEEDED = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "git": "git",
    "curl": "curl",
    "openssl": "openssl",
    "unshare": "util-linux",
    "sysctl": "procps",
    "losetup": "mount",
    "mkfs.ext4": "e2fsprogs",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
# On hosts with systemd-resolved the second file names whom that asks.
_RESOLVER_FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
CA_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class HostError(RuntimeError):
    """This computer lacks something a rehearsal needs"""


def missing_packages() -> list[str]:
    """The Debian packages that still have to be installed here."""
    return sorted({package for program, package in _NEEDED.items() if not _present(program)})


def _present(program: str) -> bool:
    if program.startswith("/"):
        return Path(program).exists()
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def ensure_host_packages(note: Callable[[str], None] = lambda text: None) -> list[str]:
    """Install what is missing from the host's own package sources; asks and does nothing when all is there."""
    packages = missing_packages()
    if not packages:
        return []
    if not shutil.which("apt-get"):
        raise HostError(f"host: needs {', '.join(packages)} and there is no apt-get, install them and run again")
    note(f"installing {', '.join(packages)}")
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    _apt([*apt, "update"])
    _apt([*apt, "install", "-y", "--no-install-recommends", *packages])
    return packages


def _apt(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostError(f"host: {' '.join(command)}: exit status {done.returncode}\n{done.stderr[-2000:]}")


@cache
def apt_settings() -> dict[str, str]:
    """The apt options of this host that decide whether its package sources can be reached and believed."""
    wanted = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
    lines = _output(["apt-config", "dump"]).splitlines()
    pairs = (line.rstrip(";").split(" ", 1) for line in lines if " " in line)
    found = {name: value.strip('"') for name, value in pairs}
    return {name: found[name] for name in wanted if found.get(name)}


@cache
def debian_sources(*, release: str) -> list[str]:
    """apt source lines for another Debian release, on the mirrors this Debian host uses for its own."""
    mirrors = _mirrors()
    suites = {"": release, "-updates": f"{release}-updates", "-security": f"{release}-security"}
    return [f"deb {mirrors[kind]} {suite} main" for kind, suite in suites.items() if kind in mirrors]


def _mirrors() -> dict[str, str]:
    """Suite suffix ("", "-updates", "-security") -> mirror; empty on a host that is not Debian."""
    codename = os_release().get("VERSION_CODENAME", "")
    if os_release().get("ID") != "debian":
        return {}
    mirrors: dict[str, str] = {}
    for uri, suite in _repositories():
        suffix = suite.removeprefix(codename)
        if suite.startswith(codename) and suffix in ("", "-updates", "-security"):
            mirrors.setdefault(suffix, uri)
    return mirrors


def os_release() -> dict[str, str]:
    """/etc/os-release."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def package_hosts(*, root: Path | None = None) -> frozenset[str]:
    """The host names of the package sources: apt's (this host's and the Debian root's), pip's and uv's, and proxies."""
    places = [*_apt_places(root), *apt_settings().values(), *_pip_places()]
    places += [value for name, value in os.environ.items() if name.lower() in ("http_proxy", "https_proxy")]
    places += [value for name, value in os.environ.items() if name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX")]
    return frozenset(host for place in places if "//" in place and (host := urlsplit(place).hostname))


def _apt_places(root: Path | None) -> list[str]:
    own = [uri for uri, _ in _repositories()]
    listed = (root / "etc/apt/sources.list").read_text().split() if root else []
    return own + listed


def _pip_places() -> list[str]:
    """The indexes pip is configured with, else the one pip itself knows."""
    script = (
        "import json; from pip._internal.configuration import Configuration as C\n"
        "from pip._internal.models.index import PyPI\n"
        "c = C(isolated=False); c.load()\n"
        "print(json.dumps([c.items(), PyPI.url, 'https://' + PyPI.file_storage_domain], default=list))"
    )
    items, index, files = json.loads(_output([sys.executable, "-c", script]))
    places = [str(value) for name, value in items if name.rpartition(".")[2] in ("index-url", "extra-index-url")]
    default = [] if any(name.endswith(".index-url") for name, _ in items) else [index, files]
    return " ".join(places + default).split()


def resolvers(*, files: Sequence[Path] = _RESOLVER_FILES) -> list[str]:
    """The name servers this host asks, that can be asked from another network namespace too."""
    for file in files:
        words = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        found = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and ":" not in line[1]]
        if usable := [address for address in found if not address.startswith("127.")]:
            return usable
    raise HostError(
        "host: /etc/resolv.conf: needs a name server that is not on loopback (got none), name one for the rehearsal"
    )


def _repositories() -> list[tuple[str, str]]:
    """Address and suite of every repository that apt would update from; asks nobody, and needs no lists."""
    command = ["apt-get", "-o", "Dir::State::lists=/nonexistent", "--print-uris", "update"]
    found = re.findall(r"'(\S+)dists/(\S+)/InRelease'", _output(command))
    return [(uri, suite) for uri, suite in found]


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
