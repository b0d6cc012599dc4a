"""What a release needs beyond a project's own packages."""

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from release.build import requirements
from release.build.requirements import Requested

OLDEST_GUNICORN = Version("23")
GUNICORN = "gunicorn>=27.0.1,<28"
STORAGES = "django-storages[s3]"
POSTGRES = "psycopg[binary]"


@dataclass(frozen=True)
class Additions:
    """What a release needs beyond the project's own set, and which of the project's it takes the place of."""

    lines: tuple[str, ...]
    replaced: frozenset[str]
    notes: tuple[str, ...]


def additions(project: Sequence[Requested], *, python: str) -> Additions:
    """The runtime set, less what the project has itself."""
    versions = {item.name: item.version for item in requirements.applying(project, python=python)}
    parts = [gunicorn(versions), storages(versions), postgres(versions)]
    return Additions(
        lines=tuple(line for part in parts for line in part.lines),
        replaced=frozenset(name for part in parts for name in part.replaced),
        notes=tuple(note for part in parts for note in part.notes),
    )


def gunicorn(versions: dict[str, Version | None]) -> Additions:
    own = versions.get("gunicorn")
    if own and own >= OLDEST_GUNICORN:
        return Additions((), frozenset(), (f"gunicorn {own}: the project's own pin is used",))
    if own:
        note = f"gunicorn {own}: older than {OLDEST_GUNICORN}, {GUNICORN} is used instead"
        return Additions((GUNICORN,), frozenset({"gunicorn"}), (note,))
    return Additions((GUNICORN,), frozenset(), ())


def storages(versions: dict[str, Version | None]) -> Additions:
    has = "django-storages" in versions and "boto3" in versions
    return Additions(() if has else (STORAGES,), frozenset(), ())


def postgres(versions: dict[str, Version | None]) -> Additions:
    if "psycopg2" in versions and "psycopg2-binary" not in versions:
        return binary(name="psycopg2", version=versions["psycopg2"])
    if "psycopg-c" in versions:
        return binary(name="psycopg-c", version=versions["psycopg-c"], wheel="psycopg-binary")
    if "psycopg" in versions and "psycopg-binary" not in versions:
        line = f"{POSTGRES}=={versions['psycopg']}"
        return Additions((line,), frozenset(), ("psycopg: its binary package is added",))
    has = {"psycopg", "psycopg2-binary"} & set(versions)
    return Additions(() if has else (POSTGRES,), frozenset(), ())


def binary(*, name: str, version: Version | None, wheel: str = "psycopg2-binary") -> Additions:
    note = f"{name} has no wheel: {wheel} {version} is used instead"
    return Additions((f"{wheel}=={version}",), frozenset({name}), (note,))
