"""Caddy's certificates on a machine: copied as they lie there, taken over by a new one, refused when strange."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from release.host.agent import certificates
from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.agent.state import locked_state
from tests.release.host import driver
from tests.release.host.bench import Recorded
from tests.release.host.driver import Driver

HOSTS = ("gallery.example", "www.gallery.example")
FILES = {
    **{f"certificates/ca/{host}/{host}.{kind}": f"{host} {kind}" for host in HOSTS for kind in ("crt", "key", "json")},
    "acme/ca/users/default/default.key": "account",
}


def lay(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / certificates.STORE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def lies(root: Path) -> dict[str, str]:
    store = root / certificates.STORE
    return {str(path.relative_to(store)): path.read_text() for path in store.rglob("*") if path.is_file()}


def archive(files: dict[str, str], *, odd: Sequence[tarfile.TarInfo] = ()) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content.encode()))
        for member in odd:
            made.addfile(member)
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture
def caddys(machine: Recorded) -> Recorded:
    """A machine that does what is asked of it as Caddy's user."""
    if not shutil.which("tar"):
        pytest.skip("tar is not on PATH")

    def do(argv: Sequence[str]) -> Done:
        own = argv[list(argv).index("--") + 1 :]
        done = subprocess.run(own, input=machine.inputs[-1], capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    machine.answers["runuser -u caddy -- "] = do
    return machine


def test_a_copy_goes_from_machine_to_machine(site: Site, caddys: Recorded, tmp_path: Path) -> None:
    lay(site.root, {**FILES, "last_clean.json": "{}", "locks/x.lock": "x"})
    copy = certificates.copy(caddys)
    assert copy == certificates.copy(caddys)
    certificates._put(Recorded(tmp_path / "other", caddys.answers, inputs=caddys.inputs), _only_files(copy))
    assert lies(tmp_path / "other") == FILES
    modes = {oct(path.stat().st_mode)[-3:] for path in (tmp_path / "other" / certificates.STORE).rglob("*")}
    assert modes == {"700", "600"}


def _only_files(copy: str) -> str:
    """As the driver hands it on."""
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(copy))) as made:
        return archive({each.name: made.extractfile(each).read().decode() for each in made if each.isreg()})  # type: ignore[union-attr]


def test_a_machine_without_any_has_none(site: Site, caddys: Recorded) -> None:
    assert certificates.copy(caddys) == ""


def test_that_it_cannot_be_copied_is_no_failure(machine: Recorded) -> None:
    machine.answers["runuser"] = Done(1, "", "runuser: user caddy does not exist\n")
    assert certificates.copy(machine) == ""


def test_news_are_told_once(site: Site, caddys: Recorded) -> None:
    lay(site.root, FILES)
    assert certificates.news(site, caddys) == certificates.copy(caddys)
    assert certificates.news(site, caddys) == ""
    lay(site.root, {"certificates/ca/gallery.example/gallery.example.crt": "renewed"})
    assert certificates.news(site, caddys) != ""


LINK = tarfile.TarInfo("certificates/ca/a.org/a.org.key")
LINK.type, LINK.linkname = tarfile.SYMTYPE, "/etc/shadow"


@pytest.mark.parametrize(
    "sent",
    [
        "no base64!",
        base64.b64encode(b"no archive").decode(),
        archive({"../../../etc/cron.d/x": "x"}),
        archive({"/etc/passwd": "x"}),
        archive({"certificates/../../x": "x"}),
        archive({"certificates/ca/a.org/.x": "x"}),
        archive({"autosave.json": "x"}),
        archive({"certificates/ca/a.org/a.org.crt": "x" * (65 << 10)}),
        archive({}, odd=[LINK]),
    ],
)
def test_a_strange_store_is_refused_in_a_note(site: Site, caddys: Recorded, sent: str) -> None:
    talk = _Answering(sent)
    (note,) = certificates.inherit(talk, caddys)  # type: ignore[arg-type]
    assert note.startswith("certificates: not taken over (")
    assert note.endswith("), Caddy asks for new ones")
    assert not [line for line in caddys.ran if "tar -x" in line]


class _Answering:
    """A driver that hands over a store."""

    def __init__(self, store: str) -> None:
        self.store = store

    def send(self, message: dict[str, str]) -> None:
        assert message == {"want": "certificates"}

    def receive(self, *, limit: float) -> dict[str, str]:
        return {"certificates": self.store}


def test_a_new_machine_serves_what_it_took_over_before_any_visitor_comes(
    site: Site, caddys: Recorded, bucket: Path, wanted: dict[str, object]
) -> None:
    talk = Driver(caddys, driver.Site())
    talk.certificates = archive(FILES)
    talk.whole(wanted, bucket)
    assert talk.end() == 0
    flipped = next(message for message in talk.heard if "flipped" in message)
    assert flipped["secured"] == list(HOSTS)
    assert "gallery.example {" in site.caddy.read_text()
    assert lies(site.root) == FILES


def test_a_host_without_a_certificate_waits_for_the_address(
    site: Site, caddys: Recorded, bucket: Path, wanted: dict[str, object]
) -> None:
    talk = Driver(caddys, driver.Site())
    talk.certificates = archive({name: text for name, text in FILES.items() if "www" not in name})
    talk.whole(wanted, bucket)
    assert talk.end() == 0
    text = site.caddy.read_text()
    assert "gallery.example {" in text
    assert "www.gallery.example" not in text


def test_without_the_canonical_one_nothing_is_served_early(site: Site) -> None:
    lay(site.root, {name: text for name, text in FILES.items() if "www" in name})
    assert certificates.secured(site, HOSTS) == ()
    assert certificates.wanted(site, HOSTS)


def test_a_machine_that_visitors_have_come_to_wants_none(site: Site) -> None:
    with locked_state(site) as state:
        state.arrived = True
    assert not certificates.wanted(site, HOSTS)
