"""`python -m tests.rehearsal.cloud.table [TRAFFIC...]`: how often each published call was judged.

The calls are those of the official clients' tours.

TRAFFIC is the log of a rehearsal (`.rehearsal/state/requests.jsonl`): what its programs called is counted beside it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rehearsal.cloud.app import application, open_cloud
from rehearsal.cloud.serving import Server
from rehearsal.cloud.web import Traffic
from tests.rehearsal.cloud import manners, official, tour
from tests.rehearsal.cloud.hetzner import official as hetzner_official
from tests.rehearsal.cloud.hetzner import tour as hetzner_tour
from tests.rehearsal.cloud.judge import Judge
from tests.rehearsal.cloud.manners import Api
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor

Visit = Callable[[str], None]


def digitalocean(url: str) -> None:
    """Make pydo's tour."""
    do = official.client(url)
    for stop in tour.STOPS:
        stop(do)


def hetzner(url: str) -> None:
    """Make hcloud's tour."""
    client = hetzner_official.client(url)
    for stop in hetzner_tour.STOPS:
        stop(client)


TOURS: tuple[tuple[Api, Visit], ...] = ((manners.DIGITALOCEAN, digitalocean), (manners.HETZNER, hetzner))


def judged(visit: Visit) -> Counter[str]:
    """Make a tour on a cloud of paper; give `id status` of every call."""
    with tempfile.TemporaryDirectory() as directory:
        cloud = open_cloud(directory=Path(directory), hypervisor=PaperHypervisor())
        judge = Judge(
            application(cloud, objects=lambda bucket: [], traffic=Traffic(Path(directory) / "requests.jsonl"))
        )
        server = Server(judge, host="127.0.0.1", port=0)
        server.start()
        visit(f"http://127.0.0.1:{server.server_port}")
        cloud.settle()
        server.shutdown()
        judge.verdict()
        return judge.seen


def used(api: Api, traffic: Iterable[Path]) -> Counter[str]:
    """Count the calls in logs of rehearsals by their published id."""
    rows = (json.loads(line) for file in traffic for line in file.read_text().splitlines())
    calls = ((row["method"], row["path"].partition("?")[0]) for row in rows if row["path"].startswith(api.prefix))
    found = (api.contract.find(*call) for call in calls)
    return Counter(operation.id if operation else "unpublished" for operation in found)


def show(api: Api, visit: Visit, traffic: Sequence[Path]) -> None:
    """Print one line for each call of an API."""
    if api.contract.document is None:
        sys.exit(f"{api.contract.file}: is not on this computer, nothing can be judged")
    seen, asked = judged(visit), used(api, traffic)
    print(f"{'published call':40} {'judged':>6} {'used':>6}  answers")
    for id in sorted({line.split()[0] for line in seen} | set(asked)):
        answers = {line.split()[1]: count for line, count in seen.items() if line.split()[0] == id}
        print(f"{id:40} {sum(answers.values()):6} {asked[id] or '':>6}  {' '.join(sorted(answers)) or 'NEVER'}")
    missing = sorted(set(asked) - {line.split()[0] for line in seen})
    print(f"{sum(seen.values())} exchanges of {len({s.split()[0] for s in seen})} calls judged, none wrong", end="; ")
    print(f"used by the rehearsals given: {len(asked)} calls, never judged: {', '.join(missing) or 'none'}")


def main() -> None:
    """Print a table for each API."""
    for api, visit in TOURS:
        show(api, visit, [Path(name) for name in sys.argv[1:]])


if __name__ == "__main__":
    main()
