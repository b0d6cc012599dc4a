"""From what a tool or the project's own code said to one line that tells what to do."""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from release.build.errors import BuildError
from release.build.exclusions import is_environment
from release.build.request import CACHE

# What the usual libraries (environ, decouple, environs) and plain Django code say when a variable is missing.
NAMES_VARIABLE = (
    re.compile(r"[Ss]et the ['\"]?([A-Z][A-Z0-9_]+)['\"]? env"),
    re.compile(r"^([A-Z][A-Z0-9_]+) not found\. Declare it"),
    re.compile(r"[Ee]nvironment variable ['\"]?([A-Z][A-Z0-9_]+)['\"]?"),
    re.compile(r"['\"]?([A-Z][A-Z0-9_]+)['\"]? (?:environment variable|env var)"),
)
NO_WHEEL = re.compile(r"(\S+) (?:has|have) no wheels with a matching (?:platform|Python implementation|Python ABI) tag")
RULES = {
    "checks": "should pass Django's checks",
    "migrations": "migrations should have one end for each app",
    "wsgi": "WSGI_APPLICATION should import",
    "asgi": "ASGI_APPLICATION should import",
    "static": "collectstatic should succeed",
}
WAYS_OUT = {"migrations": "run makemigrations --merge"}
UNAUTHORIZED = (
    re.compile(r"https?://(?P<host>[^/)\s]+)\S*\) could not be queried .*\((?P<got>40[13] \w+)\)"),
    re.compile(r"\((?P<got>40[13] \w+)\) for url \(https?://(?P<host>[^/)\s]+)"),
)
GIT_SAID = re.compile(r"--- stderr\s+(?:hint:.*\s+)*(\S.*)")
ANOTHER_HASH = re.compile(r"Hash mismatch for `([^`]+)`")
IN_THE_STAGE = re.compile(r" @ file://\S+")  # where this build has put a package that lies in the project
NATIVE = re.compile(r"built wheel `([^-`]+-[^-`]+)-[^`]*` is not compatible with the target")
DATABASE_ERRORS = ("OperationalError", "InterfaceError", "ConnectionTimeout", "PoolTimeout")
STATIC_MISSING = re.compile(r"The file '([^']+)' could not be found")
MISSING_FILE = re.compile(r"No such file or directory: '([^']+)'")
POST_PROCESSING = re.compile(r"Post-processing '([^']+)' failed")


@dataclass(frozen=True)
class Failure:
    """What the project's own code did under the target's Python."""

    phase: str
    kind: str
    chain: tuple[str, ...]
    message: str
    where: str
    missing: str | None
    output: str
    missing_module: str | None = None

    @classmethod
    def read(cls, raw: dict[str, Any]) -> "Failure":
        return cls(**{**raw, "chain": tuple(raw["chain"])})

    @property
    def said(self) -> str:
        first = (self.message.strip().splitlines() or [""])[0]
        if self.kind == "Finding":
            return first
        return f"{self.kind}: {first}" if first else self.kind


def uv_failure(*, source: str, stderr: str, where: str = "the servers") -> str:
    """The message for a failed resolution or installation."""
    lines = [re.sub(r"^[^\w`'\"(\[]+", "", line).strip() for line in stderr.splitlines() if line.strip()]
    if closed := closed_to_us(source=source, stderr=stderr):
        return closed
    failed = re.search(r"Failed to (?:download and )?build `([^`]+)`", stderr)
    if failed and "build backend" in stderr:
        got = f"a source package that does not build here: {reason(lines)}"
        package = IN_THE_STAGE.sub("", failed[1])
        return f"{source}: {package} should have a wheel for {where} (got {got}), name a package with wheels"
    if foreign := NO_WHEEL.search(" ".join(lines)):
        way_out = "name a version or package that has one"
        return f"{source}: {foreign[1]} should have a wheel for {where} (got wheels for others only), {way_out}"
    if another := ANOTHER_HASH.search(stderr):
        way_out = "lock it anew if that is meant"
        return f"{source}: {another[1]} should be the file whose hash is stated (got another file), {way_out}"
    if built := NATIVE.search(stderr):
        got = "a source package with native code, built on this machine"
        return f"{source}: {built[1]} should have a wheel for {where} (got {got}), drop it or name another"
    told = lines[1:] if "No solution found" in stderr else lines[:3]
    because = re.sub(r"\s*hint:.*|\b(error|cause): ", "", " ".join(told))
    wheels = "has no wheels" in stderr
    rule = f"each package should have a wheel for {where}" if wheels else "its packages should resolve and install"
    return f"{source}: {rule} (got: {because}), change the one named"


def closed_to_us(*, source: str, stderr: str) -> str | None:
    """The message for an index or a repository that does not let this computer in."""
    if found := next(filter(None, (pattern.search(stderr) for pattern in UNAUTHORIZED)), None):
        way_out = "give its user and password in netrc, a keyring or UV_INDEX_<NAME>_USERNAME and _PASSWORD"
        return f"{source}: the index at {found['host']} should let this computer in (got {found['got']}), {way_out}"
    if "Git operation failed" not in stderr:
        return None
    said = GIT_SAID.search(stderr)
    repository = re.search(r"(?:build|download|resolve|from) `?(?:\S+ @ )?(git\+[^`\s]+)", stderr)
    which = repository[1] if repository else "its git repositories"
    got = said[1].strip() if said else "a failure without a word"
    way_out = "give this computer its key (ssh agent) or password (netrc, git's credential store)"
    return f"{source}: {which} should be readable from here (got {got}), {way_out}"


def reason(lines: list[str]) -> str:
    telling = [line for line in lines if re.match(r"(\w+(Error|Exception)|Exception|error): ", line)]
    return ([line for line in telling if not line.startswith("error: Failed to")] or lines)[-1]


def project_failure(*, failure: Failure, settings: str, modules: Collection[str], env: Collection[str]) -> BuildError:
    """The error for settings, checks, static files or entry points that do not work."""
    if text := settings_missing(failure=failure, settings=settings, modules=modules) or class_missing(failure):
        return BuildError(text, setting="settings")
    failure = replace(failure, where=failure.where or settings)
    explained = (
        variable_missing(failure=failure, env=env)
        or database_asked(failure)
        or static_missing(failure)
        or package_missing(failure)
        or environment_file_missing(failure)
    )
    rule, way_out = RULES.get(failure.phase, "should import"), WAYS_OUT.get(failure.phase, "correct it")
    return BuildError(explained or f"{failure.where}: {rule} (got {failure.said}), {way_out}")


def settings_missing(*, failure: Failure, settings: str, modules: Collection[str]) -> str | None:
    missing = failure.missing_module
    if not missing or not (settings == missing or settings.startswith(f"{missing}.")):
        return None
    close = difflib.get_close_matches(settings, modules, n=1, cutoff=0.5)
    way = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(modules)) or 'none'}"
    return f"should name a module of the project (got {settings!r}), {way}"


def class_missing(failure: Failure) -> str | None:
    if "settings importer wasn't correctly installed" not in failure.message:
        return None
    rule = "should name the class too where django-configurations makes the settings"
    return f"{rule} (got a module), write module:Class, mysite.settings:Production"


def variable_missing(*, failure: Failure, env: Collection[str]) -> str | None:
    found = [match[1] for pattern in NAMES_VARIABLE if (match := pattern.search(failure.message))]
    name = failure.missing or (found[0] if found else None)
    if name and name not in env:
        rule = f"env.{name} should be declared in the stack file"
        more = ", or let cache: valkey make one" if name in CACHE else ""
        return f"{failure.where}: {rule} (got none), add it under env or secrets{more}"
    if "slipway-placeholder" in failure.message:
        return (
            f"{failure.where}: settings should accept any value while building (got {failure.said}), "
            "give another default when SLIPWAY_BUILD is set"
        )
    return None


def database_asked(failure: Failure) -> str | None:
    if not set(DATABASE_ERRORS) & set(failure.chain):
        return None
    return (
        f"{failure.where}: should not ask the database while Django starts (got {failure.kind}), "
        "move the query into the view or function that needs it"
    )


def static_missing(failure: Failure) -> str | None:
    missing, referring = STATIC_MISSING.search(failure.message), POST_PROCESSING.search(failure.output)
    if failure.phase != "static" or not missing:
        return None
    where = referring[1] if referring else failure.where
    rule = "static files it refers to should exist"
    return f"{where}: {rule} (got no {missing[1]!r}), add the file or drop the reference"


def package_missing(failure: Failure) -> str | None:
    name = (failure.missing_module or "").split(".")[0]
    if not name:
        return None
    if name == "django":
        return "dependencies: should name Django (got none), add it"
    return f"{failure.where}: {name} should be among the dependencies or in the project (got {failure.said}), add it"


def environment_file_missing(failure: Failure) -> str | None:
    missing = MISSING_FILE.search(failure.message)
    if not missing or not is_environment(PurePosixPath(missing[1]).name):
        return None
    rule = f"should start without {missing[1]}, which never leaves this computer"
    return f"{failure.where}: {rule} (got {failure.kind}), put its values under env and secrets"
