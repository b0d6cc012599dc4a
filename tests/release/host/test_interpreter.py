"""A release that brings its own Python: everything that runs its code takes it, by the slot's path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from release.host.agent import layers, releases, sandbox, schedule, units
from release.host.agent.document import Document
from release.host.agent.failure import Failure
from release.host.agent.interpreter import interpreter
from release.host.agent.machine import Done
from release.host.agent.site import Site, replace_link, write
from tests.release.host import driver
from tests.release.host.bench import Recorded, document_for, named, pack
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver

OWN = "/srv/gallery/slots/green/python/bin/python3"
PATH = "PATH=/srv/gallery/slots/green/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


@pytest.fixture
def bundled(site: Site) -> Document:
    """A release with an interpreter, in the green slot."""
    names = {"dependencies": "a", "code": "b", "static": "c", "python": "d"}
    document = Document.parse(document_for({name: letter * 64 for name, letter in names.items()}))
    for layer in document.layers.values():
        (site.layers / layer / "src").mkdir(parents=True)
    releases.assemble(site, document, mib=2048, cpus=2, connections=None)
    replace_link(site.slot("green"), f"../releases/{document.release}")
    unit = Path("cloud-init/files/web@.service").read_text().replace("${site}", "gallery").replace("$$", "$")
    write(site.units / "gallery-web@.service", unit)
    return document


def test_without_one_the_machines_own_is_taken(site: Site) -> None:
    assert interpreter(site, "/srv/gallery/slots/green") == "/usr/bin/python3"
    assert sandbox.argv(site, slot="green", verb="manage", command=["x"]).count("--setenv=PATH") == 0


def test_the_web_unit_starts_with_it_and_as_before(site: Site, machine: Recorded, bundled: Document) -> None:
    units.put_slot(site, machine, slot="green", workers={"mail": "send"}, writable=["/mnt/x"], drain=60)
    web = (site.units / "gallery-web@green.service.d/release.conf").read_text()
    unit = (site.units / "gallery-web@.service").read_text()
    (start,) = (line for line in unit.splitlines() if line.startswith("ExecStart="))
    assert f"ExecStart=\n{start.replace('/usr/bin/python3', OWN)}\nEnvironment={PATH}\nReadWritePaths=-/mnt/x\n" in web
    worker = (site.units / "gallery-worker@green-mail.service.d/release.conf").read_text()
    assert f"ExecStart={OWN} -m django send\nEnvironment={PATH}\n" in worker


def test_the_next_release_without_one_takes_the_drop_in_away(site: Site, machine: Recorded, bundled: Document) -> None:
    units.put_slot(site, machine, slot="green", workers={}, writable=[], drain=60)
    site.slot("green").unlink()
    units.put_slot(site, machine, slot="green", workers={}, writable=[], drain=60)
    assert not (site.units / "gallery-web@green.service.d/release.conf").exists()


def test_a_unit_that_cannot_take_it_is_refused(site: Site, machine: Recorded, bundled: Document) -> None:
    write(site.units / "gallery-web@.service", "[Service]\nExecStart=/usr/bin/other\n")
    with pytest.raises(Failure, match="python: this machine cannot run a bundled one, raise server-generation"):
        units.put_slot(site, machine, slot="green", workers={}, writable=[], drain=60)


def test_schedules_and_commands_run_on_it(site: Site, machine: Recorded, bundled: Document) -> None:
    facts = {"release": bundled.release, "schedule": {"hourly": {"run": "clearsessions", "at": "hourly"}}}
    schedule.put_schedule(site, machine, slot="green", facts=facts, start=True)
    own = f"/srv/gallery/releases/{bundled.release}/python/bin/python3"
    assert f"ExecStart={own} -m django clearsessions\n" in (site.units / "gallery-schedule-hourly.service").read_text()
    assert f"--setenv={PATH}" in sandbox.argv(site, slot="green", verb="manage", command=["x"])
    machine.answers = {f"{OWN} - migrate": Done(0, "{}")}
    assert sandbox.django(site, machine, slot="green", verb="migrate", limit=1) == {}


def test_an_interpreter_that_is_new_compiles_all_of_its_release(site: Site, machine: Recorded) -> None:
    wanted = {"code": "b" * 64, "dependencies": "a" * 64, "python": "d" * 64}
    (site.layers / wanted["dependencies"]).mkdir()
    for digest in (wanted["code"], wanted["python"]):
        (site.layers / f".{digest}/python/bin").mkdir(parents=True)
    layers.settle(site, machine, [wanted["code"], wanted["python"]], wanted=wanted)
    compiled = next(line for line in machine.ran if "compileall" in line)
    assert compiled.startswith(f"{site.layers}/.{wanted['python']}/python/bin/python3 -m compileall ")
    assert compiled.endswith(f" {site.layers / wanted['dependencies']}")


def test_one_that_is_there_compiles_what_is_new(site: Site, machine: Recorded) -> None:
    wanted = {"code": "b" * 64, "python": "d" * 64}
    (site.layers / f".{wanted['code']}").mkdir()
    (site.layers / wanted["python"]).mkdir()
    layers.settle(site, machine, [wanted["code"]], wanted=wanted)
    compiled = next(line for line in machine.ran if "compileall" in line)
    assert compiled.startswith(f"{site.layers / wanted['python']}/python/bin/python3 -m compileall ")
    assert compiled.endswith(f" {site.layers}/.{wanted['code']}")


def test_a_whole_release_fetches_links_and_keeps_it(site: Site, machine: Recorded, bucket: Path) -> None:
    write(site.units / "gallery-web@.service", Path("cloud-init/files/web@.service").read_text())
    machine.answers |= {"/python/bin/python3 - ": machine.answers["/usr/bin/python3 - "]}
    python = pack({"python/bin/python3.12": "", "python/lib/python3.12/os.py": ""}, directory=bucket)
    first = with_python(release_of(bucket, "1"), python)
    for document in (first, release_of(bucket, "2")):
        talk = Driver(machine, driver.Site())
        talk.whole(document, bucket)
        assert talk.end() == 0
    assert (site.slot("blue") / "python").resolve() == (site.layers / python / "python").resolve()
    assert not (site.slot("green") / "python").exists()
    assert not machine.told("/srv/gallery/slots/green/python")


def with_python(document: dict[str, Any], layer: str) -> dict[str, Any]:
    manifest = document["manifest"]
    layers = {**manifest["layers"], "python": layer}
    return {**document, **named({**manifest, "python": "3.12", "layers": layers})}
