"""The two Debian 13 roots: what a cloud's machine boots from, and the cloud's own servers (Postgres, Pebble)."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rehearsal import paths
from rehearsal.system import host

RELEASE = "trixie"
IMAGE = Path(__file__).parent / "image"
# What Debian's own cloud image has and a site's cloud-init may rely on.
MACHINE_PACKAGES = (
    *("systemd", "systemd-sysv", "systemd-timesyncd", "dbus", "udev", "cloud-init", "openssh-server", "sudo"),
    *("python3", "ca-certificates", "curl", "nftables", "procps", "iproute2", "iputils-ping", "netbase"),
    *("e2fsprogs", "less"),
)
SERVICE_PACKAGES = ("postgresql-17", "pebble")
_WORTH_TELLING = 2.0  # seconds
_KEPT_FOR = 30 * 24 * 3600
_REVISION = 1  # raise it when what `_finish` does changes
_QUIET = {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


class RootError(RuntimeError):
    """A Debian root could not be made"""


def ensure_roots(note: Callable[[str], None] = lambda text: None) -> None:
    """Build both roots where the cache lacks them."""
    for name, root in (("machine", machine_root), ("services", service_layer)):
        started = time.monotonic()
        place = root()
        if (seconds := time.monotonic() - started) > _WORTH_TELLING:
            note(f"{name} root built in {seconds:.0f} s: {place}")


@cache
def machine_root() -> Path:
    """The root of a cloud's Debian 13 image, built when it is not in the cache."""
    return _cached("machine", _digest(MACHINE_PACKAGES, *_image_files()), _build_machine)


@cache
def service_layer() -> Path:
    """What Postgres and Pebble add to the machine root: mount it over that as an overlay."""
    return _cached("services", _digest(SERVICE_PACKAGES, machine_root().name), _build_services)


def service_lower() -> list[str]:
    """The overlay's lower directories that make the root of the cloud's own servers."""
    return [str(service_layer()), str(machine_root())]


def _image_files() -> list[str]:
    return [file.read_text() for file in sorted(IMAGE.iterdir())]


def _digest(*recipe: object) -> str:
    sources = host.debian_sources(release=RELEASE)
    words = json.dumps([_REVISION, sources, host.apt_settings(), list(recipe)], default=list)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _cached(kind: str, digest: str, build: Callable[[Path], None]) -> Path:
    """A directory of the cache that is there completely or not at all."""
    place = paths.CACHE / "roots" / f"{kind}-{digest}"
    if place.exists():
        os.utime(place)  # when it was used last
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.parent / f".{kind}.lock"):
        if not place.exists():
            _sweep(place.parent, kind=kind)
            unfinished = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=place.parent))
            build(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(place)
    return place


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sweep(roots: Path, *, kind: str) -> None:
    """Remove what interrupted builds left, for the lock says that nobody is building now, and what nobody used long."""
    unused = [place for place in roots.glob(f"{kind}-*") if place.stat().st_mtime < time.time() - _KEPT_FOR]
    for leftover in [*roots.glob(f".{kind}-*"), *unused]:
        shutil.rmtree(leftover)


def _build_machine(root: Path) -> None:
    options = [f'--aptopt={name} "{value}"' for name, value in host.apt_settings().items()]
    options += ['--aptopt=Acquire::Languages "none"', "--skip=cleanup/apt/lists", "--format=directory"]
    options += ["--variant=minbase", f"--include={','.join(MACHINE_PACKAGES)}"]
    # In a mount namespace of its own: a build that is killed leaves no mount in the directory that is swept later.
    command = ["unshare", "--mount", "mmdebstrap", "--quiet", *options, RELEASE, str(root)]
    sources = "\n".join(host.debian_sources(release=RELEASE))
    _run([*command, "-"] if sources else command, input=sources)
    _finish(root)


def _finish(root: Path) -> None:
    """Make an image of an installation: nothing that must differ between machines, and the cloud's own settings."""
    for path in [*root.glob("etc/ssh/ssh_host_*"), *root.glob("var/log/*.log"), root / "var/lib/dbus/machine-id"]:
        path.unlink(missing_ok=True)
    (root / "etc/hostname").unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    _install(IMAGE / "90-cloud.cfg", root / "etc/cloud/cloud.cfg.d/90-cloud.cfg")
    _install(IMAGE / "50-trust.conf", root / "etc/systemd/system.conf.d/50-trust.conf")
    _install(IMAGE / "resolv.conf", root / "etc/resolv.conf")
    _run(["chroot", str(root), "apt-cache", "gencaches"])


def _install(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)


def _build_services(layer: Path) -> None:
    """Install the packages in an overlay over the machine root, of which the upper directory is kept."""
    with tempfile.TemporaryDirectory(prefix=".services-work-", dir=layer.parent) as work:
        script = Path(__file__).parent / "build-services.sh"
        environment = {"MACHINE": str(machine_root()), "LAYER": str(layer), "WORK": work}
        _run(["unshare", "--mount", "sh", "-eu", str(script), *SERVICE_PACKAGES], environment=environment)


def _run(command: list[str], *, input: str = "", environment: dict[str, str] | None = None) -> None:
    settings = {**os.environ, **_QUIET, **(environment or {})}
    done = subprocess.run(command, input=input, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RootError(f"roots: {command[0]}: exit status {done.returncode}\n{(done.stderr or done.stdout)[-3000:]}")
