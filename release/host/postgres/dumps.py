"""A database that the cloud keeps: its dumps in a bucket of ours, and the drill that restores the newest of them."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..agent import database
from ..agent.document import Database
from ..agent.failure import Failure
from ..agent.machine import Machine
from ..agent.packages import install
from ..agent.site import Site
from .alone import alone
from .counting import COUNTING, Counted, count, differences
from .drill import amcheck, checksums, last_drill, record
from .files import put
from .place import VERSION, Place
from .running import OWNER, as_owner
from .scratch import BIN, Scratch, scratch
from .state import disk
from .store import Store

__all__ = ["Dumps", "Store", "drill_dump", "dump", "dumps_status", "facts_file", "prepare"]

PREFIX = "dumps"
LIMIT = 6 * 3600.0
DUE = 9 * 24 * 3600  # dumps are weekly
ROOM = 4  # a restored database is larger than its dump


@dataclass(frozen=True)
class Dumps:
    """What is dumped, and where to."""

    site: str
    database: Database = field(repr=False)
    store: Store

    @classmethod
    def read(cls, place: Place) -> Dumps:
        """What the last good `up` wrote down for root alone."""
        raw = json.loads(facts_file(place).read_text())
        bucket = {name: raw["bucket"][name] for name in Store.__dataclass_fields__}
        return cls(raw["site"], Database.parse(raw["database"]), Store(**bucket))


def facts_file(place: Place) -> Path:
    """Where the document of the verb `dumps` is kept."""
    return place.root / "etc/slipway/dumps.json"


def dump(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """Everything at one moment, with the rows of each table at that very moment beside it."""
    place = Place(machine.root)
    dumps = Dumps.read(place)
    start = machine.now()
    with alone(place, by="a dump"), _folder(place) as folder:
        label = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        rows = _dumped(machine, dumps, folder / "dump")
        facts = {**_facts(folder / "dump"), "label": label, "at": round(time.time()), "version": VERSION, "rows": rows}
        (folder / "facts").write_text(json.dumps(facts))
        dumps.store.put(machine, f"{PREFIX}/{label}.dump", folder / "dump")
        dumps.store.put(machine, f"{PREFIX}/{label}.json", folder / "facts")  # what has no facts is no dump
    return {"seconds": round(machine.now() - start, 1), "newest": _told(facts)}


def dumps_status(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """What there is, as far as the bucket tells."""
    place = Place(machine.root)
    dumps = Dumps.read(place)
    labels = _labels(machine, dumps)
    with _folder(place) as folder:
        newest = _told(_fetched(machine, dumps, labels[-1], folder)) if labels else None
    oldest = datetime.strptime(labels[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() if labels else None
    return {
        "stanza": dumps.site,
        "newest": newest,
        "backups": len(labels),
        "oldest": oldest,
        "due": DUE,
        "disk": disk(machine.root),
        "drill": last_drill(place),
    }


def drill_dump(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """The newest dump into a throw-away cluster on this machine, and its rows against those counted with it."""
    place = Place(machine.root)
    dumps = Dumps.read(place)
    with alone(place, by="a drill"):
        try:
            found = _drilled(machine, place, dumps)
        except Failure as failure:
            record(place, {"ok": False, "error": failure.cause})
            raise Failure(f"drill: {failure.cause}", detail=failure.detail) from None
        record(place, {"ok": True, **found})
        return found


def prepare(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """What a drill restores with; apart from it, for its unit may not install."""
    put(machine.root / "etc/postgresql-common/createcluster.conf", "createcluster.conf")
    install(machine, [f"postgresql-{VERSION}"])
    return {}


def _drilled(machine: Machine, place: Place, dumps: Dumps) -> dict[str, Any]:
    start = time.monotonic()
    labels = _labels(machine, dumps)
    if not labels:
        raise Failure("the bucket holds no dump, make one with slipway backup now")
    with _folder(place) as folder:
        facts = _fetched(machine, dumps, labels[-1], folder)
        if facts["version"] != VERSION:
            raise Failure(f"dump {labels[-1]}: should be of Postgres {VERSION} (got {facts['version']})")
        dumps.store.get(machine, f"{PREFIX}/{labels[-1]}.dump", folder / "dump")
        _check_whole(folder / "dump", facts)
        prepare(machine, [])
        with scratch(machine, place=place, size=facts["bytes"] * ROOM) as found:
            restored = _restored(machine, found, (folder / "dump").rename(found.place / "dump"))
            live = Counted({("drill", table): rows for table, rows in facts["rows"].items()}, {}, 0.0)
            if wrong := differences(live, restored.rows, written={}):
                raise Failure(f"what was restored is not what was dumped: {wrong[0]}", detail=wrong)
            amcheck(machine, found)
            found.stop(machine)
            checksums(machine, found)
    return {
        "label": facts["label"],
        "at": facts["at"],
        "loss": max(0, round(time.time() - facts["at"])),
        "tables": len(facts["rows"]),
        "rows": sum(facts["rows"].values()),
        "bytes": facts["bytes"],
        "seconds": {"all": round(time.monotonic() - start, 1)},
    }


def _restored(machine: Machine, found: Scratch, path: Path) -> Counted:
    """A cluster that has never been anything else, and the dump in it."""
    shutil.chown(path, OWNER)
    as_owner(machine, [f"{BIN}/initdb", "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
                       f"--pgdata={found.data}"])  # fmt: skip
    found.start(machine)
    as_owner(machine, ["createdb", f"--host={found.sockets}", "drill"])
    argv = [
        "pg_restore",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        f"--host={found.sockets}",
        "--dbname=drill",
    ]
    done = as_owner(machine, [*argv, str(path)], check=False, limit=LIMIT)
    if done.code:
        raise Failure(f"pg_restore: {(done.lines or ['said nothing'])[0]}", detail=done.lines[-20:])
    return count(machine, first="drill", sockets=str(found.sockets))


def _dumped(machine: Machine, dumps: Dumps, path: Path) -> dict[str, int]:
    """psql holds the moment while it counts, and while pg_dump reads."""
    site, where = Site(dumps.site, machine.root), dumps.database
    seen = database.look(site, machine, where)
    script = f"""BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS moment \\gset
\\setenv MOMENT :moment
{COUNTING}
\\! pg_dump --format=custom --no-owner --no-privileges --snapshot="$MOMENT" --file={path} && echo 'dumped|1'
"""
    env = {
        **{"PGHOST": where.host, "PGPORT": str(where.port), "PGDATABASE": where.name, "PGUSER": where.user},
        **{"PGPASSWORD": where.password, "PGSSLMODE": seen.mode, "PGSSLROOTCERT": str(site.ca)},
        "PGAPPNAME": "slipway",
    }
    argv = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-"]
    done = machine.run(argv, check=False, input=script, env=env, limit=LIMIT)
    counted = dict(line.rpartition("|")[::2] for line in done.out.splitlines())
    if done.code or counted.pop("dumped", "") != "1":
        raise Failure(f"pg_dump: {(done.err.strip().splitlines() or ['said nothing'])[-1]}", detail=done.lines[-20:])
    return {table: int(rows) for table, rows in counted.items()}


def _labels(machine: Machine, dumps: Dumps) -> list[str]:
    keys = dumps.store.keys(machine, PREFIX)
    return [key.removeprefix(f"{PREFIX}/").removesuffix(".json") for key in keys if key.endswith(".json")]


def _fetched(machine: Machine, dumps: Dumps, label: str, folder: Path) -> dict[str, Any]:
    dumps.store.get(machine, f"{PREFIX}/{label}.json", folder / "facts")
    try:
        return dict(json.loads((folder / "facts").read_text()))
    except ValueError:
        raise Failure(f"dump {label}: its facts are not readable") from None


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _check_whole(path: Path, facts: Mapping[str, Any]) -> None:
    got = _facts(path) if path.exists() else {"bytes": 0, "sha256": ""}  # curl writes no empty file
    if got["bytes"] != facts["bytes"]:
        raise Failure(f"dump {facts['label']}: should have {facts['bytes']} bytes (got {got['bytes']})")
    if got["sha256"] != facts["sha256"]:
        raise Failure(f"dump {facts['label']}: is not the one that was made (another digest)")


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    age = max(0, round(time.time() - facts["at"]))
    return {"label": facts["label"], "kind": "dump", "at": facts["at"], "age": age, "seconds": 0,
            "bytes": facts["bytes"], "stored": facts["bytes"], "sound": True}  # fmt: skip


@contextmanager
def _folder(place: Place) -> Iterator[Path]:
    """On disk, for root; what an interrupted one left is gone before the next."""
    folder = place.workshop / "dump"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
