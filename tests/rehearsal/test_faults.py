"""What goes wrong on the way: `up` converges, or says why not and what to do; nothing is left over or there twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.rehearsal import census
from tests.rehearsal.census import Census
from tests.rehearsal.stage import Done, Stage, wait_until

pytestmark = pytest.mark.rehearsal

URL = "https://staging.example.org"
HOSTS = r"(www\.)?staging\.example\.org"
UP = "pulumi up --yes --skip-preview --non-interactive --color never -s staging"
DESTROY = "pulumi destroy --refresh --yes --skip-preview --non-interactive --color never -s staging"
KILLS = int(os.environ.get("SLIPWAY_KILLS", "20"))
# What the README says of a killed `up`.
README = (
    "pulumi cancel --yes -s staging",
    "pulumi refresh --yes --skip-preview --clear-pending-creates --non-interactive --color never -s staging",
)
CUT = "failed to load checkpoint:"
# What a failure ends with: one in the middle, and one before anything was asked for.
NEXT = re.compile(r"pulumi up -s staging goes on from here|run the same again")

IMPORT = r"pulumi import --stack \S+ --protect=false --generate-code=false \S+ \S+ [^\s,]+,[^\s,]+"


@dataclass
class Site:
    """The stack, and what is the owner's, before it and after."""

    stage: Stage
    owned: frozenset[census.Thing] = frozenset()

    def up(self) -> Done:
        return self.stage.type(UP, check=False)

    def destroy(self, *, check: bool = True) -> Done:
        """What the state says is to outlive the stack is the owner's from then on."""
        self.owned |= census.kept(self.stage, ["staging"])
        return self.stage.type(DESTROY, check=check)

    def census(self) -> Census:
        """Count again: what is being destroyed is gone in the end."""
        self.stage.cloud("settle", method="POST")
        return census.count(census.account(self.stage), census.held(self.stage, ["staging"]), owned=self.owned)

    def follow(self, text: str) -> list[str]:
        """Do what a text says to remove what was left over."""
        found = list(dict.fromkeys(re.findall(r"curl -fsS -H \S+ \S+ \S+ -X DELETE \S+", text)))
        for command in found:
            self.stage.type(f"inside sh -c '{command}'", check=False)  # some are named twice
        return found

    def strays(self) -> str:
        return self.stage.type("slipway strays staging", check=False).stdout

    def live(self) -> bool:
        return bool(self.stage.live(URL)["release"])


@pytest.fixture(scope="module")
def ground(stage: Stage) -> Iterator[Site]:
    """A stack that is ready for its first `up`."""
    prepare(stage)
    yield Site(stage, owned=frozenset(census.account(stage)))
    stage.heal()


def prepare(stage: Stage) -> None:
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")


@pytest.fixture
def site(ground: Site) -> Iterator[Site]:
    """And nothing of it left afterwards; else the next one gets a rehearsal of its own."""
    yield ground
    try:
        ground.stage.heal()
        ground.destroy()
        assert ground.census() == Census()
    except AssertionError:
        for words in (["destroy"], ["up", "--cloud-only"]):
            assert ground.stage.make(*words).returncode == 0
        prepare(ground.stage)
        ground.owned = frozenset(census.account(ground.stage))
        raise


def kill(site: Site, **rule: Any) -> bool:
    """Start an `up`, and end the engine by its exact number in the middle of a call; False when no call was struck."""
    site.stage.fault(do="delay", seconds=20, **rule)
    engine = site.stage.start(f"{UP} >{(log := site.stage.state / 'killed.log')} 2>&1")
    try:
        wait_until(lambda: struck(site) or engine.poll() is not None, limit=240, what=f"a call like {rule}")
        was = struck(site)
        assert was or engine.returncode == 0, f"it ended by itself: {log.read_text()}"
    finally:
        engine.kill()
        engine.communicate(timeout=60)  # and its pipe is closed: one left open fails the test
        site.stage.heal()
    return was


def struck(site: Site) -> bool:
    rules = json.loads((site.stage.state / "faults.json").read_text())
    return any(rule["struck"] for rule in rules)


def unlocked(site: Site) -> bool:
    """What the README says of a killed `up`; whether its state file was cut short, and put back as the guide says."""
    for line in README:
        done = site.stage.type(line, check=False)  # killed before it began, there is no lock and no state
    cut = CUT in done.stdout + done.stderr
    if cut:
        state = site.stage.state / "backend/.pulumi/stacks/slipway/staging.json"
        site.stage.type(f"cp {state}.bak {state}")
        site.stage.type(README[1])
    return cut


def finish(site: Site, done: Done) -> str:
    """Follow every command the user is given, until the stack stands and nothing is left over; gives all texts."""
    told = done.stdout
    for _ in range(2):
        if done.returncode == 0:
            break
        assert NEXT.search(done.stdout), done.stdout
        taken = sorted(set(re.findall(IMPORT, done.stdout)))
        assert site.follow(done.stdout) or taken, done.stdout
        for command in taken:
            site.stage.type(command + " --yes --skip-preview --non-interactive")
        done = site.up()
        told += done.stdout
    assert done.returncode == 0, told
    assert site.live()
    site.follow(done.stdout)
    site.follow(strays := site.strays())
    assert site.census() == Census(), strays + told
    return told + strays


def test_a_planted_orphan_is_counted() -> None:
    """And a duplicate, and something that is gone."""
    account = {("droplet", "1"): "web", ("droplet", "2"): "web", ("tag", "t"): "t", ("vpc", "v"): "default"}
    held = [("droplet", "1"), ("tag", "t"), ("address", "198.51.100.130")]
    found = census.count(account, held, owned=[("vpc", "v")])
    assert found.orphans == [("droplet", "2")]
    assert found.duplicates == [("droplet", "web")]
    assert found.missing == [("address", "198.51.100.130")]


def test_a_killed_up_and_then_everything_at_once(site: Site) -> None:
    """Killed while a machine is made; the next one meets what heals by itself, and gets a machine too many.

    In the end the machine is deleted by hand, and the cloud's daemon dies in the middle of the destroy.
    """
    assert kill(site, method="POST", path="/v2/droplets", when="after")
    locked = site.up()
    assert "pulumi cancel" in locked.stdout + locked.stderr
    for line in README:
        site.stage.type(line)
    assert len([kind for kind, _ in site.census().orphans if kind == "droplet"]) == 1
    stage = site.stage
    stage.fault(method="POST", path="/v2/tags|/v2/vpcs", status=429, headers={"Retry-After": "1"}, times=2)
    stage.fault(method="POST", path="/v2/droplets", when="after")
    stage.fault(service="s3", method="PUT", times=2)
    stage.fault(service="database", method="birth", do="delay", seconds=8)
    stage.fault(service="dns", path=HOSTS, status=3, lasts=4)
    stage.fault(service="acme", method="POST", path=".*order.*", times=1)
    done = site.up()
    assert done.returncode == 0, done.stdout
    orphans = [id for kind, id in site.census().orphans if kind == "droplet"]
    assert len(orphans) == 2
    for id in orphans:
        assert f"doctl compute droplet delete {id}" in done.stdout
    finish(site, done)
    taken_by_hand(site)
    stage.fault(method="DELETE", path="/v2/firewalls/.*", do="die")
    assert site.destroy(check=False).returncode != 0
    assert stage.make("up", "--cloud-only").returncode == 0


def taken_by_hand(site: Site) -> None:
    """Delete the machine at the cloud, behind the engine's back."""
    for id in [id for kind, id in census.account(site.stage) if kind == "droplet"]:
        token = '-H "Authorization: Bearer $DIGITALOCEAN_TOKEN"'
        site.stage.type(f"inside curl -fsS {token} -X DELETE $DIGITALOCEAN_API_URL/v2/droplets/{id}")
    site.stage.cloud("settle", method="POST")


# What goes wrong during a first `up`; the words a person must read if it fails; whether `up` again is to help.
TROUBLES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "429 burst": ([{"status": 429, "headers": {"Retry-After": "1"}, "nth": 3, "times": 2}], ""),
    "429 burst without end": ([{"status": 429, "nth": 3, "times": 0}], r"429.*Rate limit"),
    "503 after a committed droplet": ([{"method": "POST", "path": "/v2/droplets", "when": "after"}], ""),
    "answer of a droplet lost": ([{"method": "POST", "path": "/v2/droplets", "when": "after", "do": "drop"}], ""),
    "503 after a committed address": ([{"method": "POST", "path": "/v2/reserved_ips", "when": "after"}], ""),
    "503 after a committed database": (
        [{"method": "POST", "path": "/v2/databases", "when": "after"}],
        r"not available",
    ),
    "503 after a committed login key": ([{"method": "POST", "path": "/v2/account/keys", "when": "after"}], r"in use"),
    "API gone": ([{"nth": 12, "times": 0, "do": "drop"}], r"closed|refused|reset|without response"),
    "database creating for long": ([{"service": "database", "method": "birth", "do": "delay", "seconds": 60}], ""),
    "cloud-init failing": (
        [{"service": "droplet", "do": "change", "body": {"packages=(caddy ": "packages=(no-such-package "}}],
        r"first boot failed.*server-generation",
    ),
    "DNS late": ([{"service": "dns", "path": HOSTS, "status": 3, "lasts": 60}], ""),
    "DNS silent": ([{"service": "dns", "path": HOSTS, "do": "drop", "lasts": 40}], ""),
    "ACME refusing, then healing": ([{"service": "acme", "method": "POST", "lasts": 30}], ""),
    "bucket 503": ([{"service": "s3", "times": 3}], ""),
    "bucket 503 without end": ([{"service": "s3", "nth": 5, "times": 0}], r"SlowDown|503"),
}


@pytest.mark.sweep
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble(site: Site, trouble: str) -> None:
    rules, cause = TROUBLES[trouble]
    for rule in rules:
        site.stage.fault(**rule)
    started = time.monotonic()
    first = site.up()
    seconds = time.monotonic() - started
    site.stage.heal()
    if first.returncode:
        assert cause, first.stdout
        assert re.search(cause, first.stdout, re.DOTALL), first.stdout
        assert NEXT.search(first.stdout), first.stdout
    again = renewed(site, first) if "first boot failed" in first.stdout else site.up()
    finish(site, again)
    note(trouble, first, seconds, again)


def renewed(site: Site, failed: Done) -> Done:
    """A machine that will not become ready: `up` says how to get a new one."""
    (command,) = set(re.findall(r"pulumi config set server-generation \d+ -s staging", failed.stdout))
    site.stage.type(command)
    return site.up()


@pytest.mark.sweep
def test_a_machine_deleted_by_hand_is_made_again(site: Site) -> None:
    assert site.up().returncode == 0
    taken_by_hand(site)
    done = site.stage.type(f"{UP} --refresh")
    finish(site, done)


@pytest.mark.sweep
def test_a_machine_that_never_opens_ssh(site: Site) -> None:
    """It is active at the API and silent on the wire; patience ends in words, a new one is asked for by a setting."""
    site.stage.fault(service="droplet", method="birth", do="drop")
    started = time.monotonic()
    first = subprocess.run(
        ["bash", "-c", f". {site.stage.state}/env && {UP}"], capture_output=True, text=True, check=False, timeout=4000
    )
    seconds = time.monotonic() - started
    assert first.returncode != 0
    again = renewed(site, first)
    finish(site, again)
    note("droplet that never opens SSH", first, seconds, again)


def note(trouble: str, first: Done, seconds: float, again: Done) -> None:
    """One row of the table that `-s` or a failed run shows."""
    said = [line.strip() for line in first.stdout.splitlines() if re.search(r"error: |warning: |failed", line)]
    how = "converged" if first.returncode == 0 else f"failed: {said[:2]}"
    print(f"\nTROUBLE {trouble}: {how} in {seconds:.0f} s; again: exit {again.returncode}; 0 orphans, 0 duplicates")


@pytest.fixture(scope="module")
def calls(ground: Site) -> list[dict[str, Any]]:
    """Every call of a whole first `up`, as rules that strike it again in another: its path without what is random."""
    requests = ground.stage.state / "requests.jsonl"
    before = len(requests.read_text().splitlines())
    assert ground.up().returncode == 0
    rows = [json.loads(line) for line in requests.read_text().splitlines()[before:]]
    ground.stage.type("pulumi destroy --yes --skip-preview --non-interactive --color never -s staging")
    seen: dict[tuple[str, ...], int] = {}
    found = []
    for row in rows:
        path = f"/{row['host']}{row['path']}" if row.get("api") == "s3" else row["path"]
        call = (row.get("api", "api"), row["method"], pattern(path.partition("?")[0]))
        seen[call] = seen.get(call, 0) + 1
        found.append({"service": call[0], "method": call[1], "path": call[2], "nth": seen[call]})
    return found


RANDOM = re.compile(
    r"[0-9a-f-]{36}|sha256-[0-9a-f]+|[0-9a-f]{64}|(?<=-)[0-9a-f]{6}(?=[./]|$)|\d+(\.\d+){3}|DO[0-9A-Z]{18}|\d{6,}"
)


def pattern(path: str) -> str:
    """Ids, addresses, digests and random ends of names are others next time."""
    return RANDOM.sub("[^/]+", path)


def spread(calls: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """The calls that change something come first, the others fill up; by turns before and after their work."""
    order = sorted(range(len(calls)), key=lambda n: (calls[n]["method"] in ("GET", "HEAD"), n))
    chosen = sorted(order[:KILLS])
    return {**calls[chosen[number % len(chosen)]], "when": ("after", "before")[number % 2]}


@pytest.mark.sweep
@pytest.mark.parametrize("number", range(KILLS))
def test_kill_the_engine(site: Site, calls: list[dict[str, Any]], number: int) -> None:
    rule = spread(calls, number)
    was = kill(site, **rule)
    unlocked(site)
    told = finish(site, site.up())
    print(f"\nKILLED engine at {rule} struck={was}: {len(re.findall('doctl|curl', told))} commands followed")


@pytest.mark.sweep
def test_an_engine_killed_while_it_writes_its_state(site: Site) -> None:
    """Planted: by chance it happens once in ten kills."""
    assert kill(site, method="POST", path="/v2/droplets", when="after")
    (site.stage.state / "backend/.pulumi/stacks/slipway/staging.json").write_text("")
    assert unlocked(site)
    finish(site, site.up())


@pytest.mark.sweep
@pytest.mark.parametrize("number", range(KILLS))
def test_kill_the_daemon(site: Site, calls: list[dict[str, Any]], number: int) -> None:
    rule = spread(calls, number)
    site.stage.fault(do="die", **rule)
    first = site.up()
    restarted = site.stage.make("up", "--cloud-only")
    assert restarted.returncode == 0, restarted.stderr
    was = struck(site)
    site.stage.heal()
    if first.returncode:
        assert NEXT.search(first.stdout), first.stdout
    told = finish(site, site.up())
    print(f"\nKILLED daemon at {rule} struck={was} first={first.returncode}: {len(re.findall('curl', told))} commands")
