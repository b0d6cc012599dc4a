"""What goes wrong on purpose: which calls a rule strikes, how, and what is said of a bad rule."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dnslib
import pytest

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.dns import server as dns
from rehearsal.cloud.faults import GIVEN, Faults
from rehearsal.cloud.rows import Domain, Record
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.test_droplets import ORDER, order

VPC = {"name": "site", "region": "fra1"}


def fault(api: Client, **rule: Any) -> dict[str, Any]:
    """Put a rule into force."""
    answer = api.raw("POST", "/_cloud/faults", rule)
    assert answer.status == 201, answer
    return dict(answer.body)


def strikes(cloud: Cloud) -> list[dict[str, Any]]:
    """Every strike that was written down."""
    return [event for event in cloud.events if event["event"] == "fault"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ([], f"fault: should be an object with some of {', '.join(GIVEN)} (got [])"),
        ({"stauts": 503}, f"fault: stauts: unknown key, there are: {', '.join(GIVEN)}"),
        ({"met": 3}, f"fault: met: unknown key, there are: {', '.join(GIVEN)}"),
        (
            {"service": "ftp"},
            "fault: service: should be api or s3 or dns or acme or acme-tls or droplet or server or database "
            "(got 'ftp')",
        ),
        ({"when": "during"}, "fault: when: should be before or after (got 'during')"),
        ({"service": "dns", "do": "die"}, "fault: do: should be refuse or delay or drop (got 'die')"),
        ({"status": "503"}, "fault: status: should be a number of 0 or more (got '503')"),
        ({"nth": True}, "fault: nth: should be a number of 0 or more (got True)"),
        ({"times": -1}, "fault: times: should be a number of 0 or more (got -1)"),
        ({"lasts": "long"}, "fault: lasts: should be seconds, 0 or more (got 'long')"),
        ({"path": "("}, "fault: path: should be a regular expression (got '(': missing ), unterminated subpattern"),
        ({"do": "delay"}, "fault: seconds: should be above 0 for a delay (got 0)"),
        ({"service": "droplet", "do": "change"}, "fault: body: should say which text of the user data becomes which"),
        ({"headers": "Retry-After: 1"}, "fault: headers: should be an object (got 'Retry-After: 1')"),
    ],
)
def test_a_bad_rule_is_refused_in_one_line(api: Client, rule: Any, said: str) -> None:
    """And none is in force afterwards."""
    answer = api.raw("POST", "/_cloud/faults", rule)
    assert answer.status == 400
    assert answer.body["error"].startswith(said), answer.body
    assert api.raw("GET", "/_cloud/faults").body == {"faults": []}


def test_the_calls_in_turn(api: Client, cloud: Cloud) -> None:
    """The second and third of the calls that match are refused in the API's own shape; others never."""
    fault(api, method="get", path="/v2/vpcs", status=429, headers={"Retry-After": "1"}, nth=2, times=2)
    answers = [api.raw("GET", "/v2/vpcs") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "1"
    assert (answers[1].body["id"], set(answers[1].body)) == ("too_many_requests", {"id", "message", "request_id"})
    assert api.raw("GET", "/v2/droplets").status == 200
    assert [(row["rule"], row["path"], row["method"]) for row in strikes(cloud)] == [(1, "/v2/vpcs", "GET")] * 2


def test_before_and_after_the_work(api: Client, cloud: Cloud) -> None:
    """Refused before, nothing was made; refused after, it was, and only the caller does not know."""
    before = len(cloud.store.state.vpcs)
    fault(api, method="POST", path="/v2/vpcs", status=503)
    assert api("POST", "/vpcs", VPC, status=503)["id"] == "service_unavailable"
    assert len(cloud.store.state.vpcs) == before
    fault(api, method="POST", path="/v2/vpcs", status=503, when="after", body={"id": "x", "message": "own words"})
    assert api.raw("POST", "/v2/vpcs", VPC).body == {"id": "x", "message": "own words"}
    assert len(cloud.store.state.vpcs) == before + 1


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_dropped_call_gets_no_answer(api: Client, cloud: Cloud, when: str, made: int) -> None:
    """The connection is closed; the traffic shows the call."""
    before = len(cloud.store.state.vpcs)
    fault(api, method="POST", do="drop", when=when)
    kept = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=5)  # for more than one request
    kept.request("POST", "/v2/vpcs", json.dumps(VPC), {"Authorization": f"Bearer {api.token}"})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        kept.getresponse()
    kept.close()
    assert len(cloud.store.state.vpcs) == before + made
    assert '"status": 444' in (cloud.directory / "requests.jsonl").read_text()


def test_a_delay_holds_a_call(api: Client) -> None:
    """And then it is answered."""
    fault(api, path="/v2/account", do="delay", seconds=0.2)
    started = time.monotonic()
    api("GET", "/account")
    assert time.monotonic() - started >= 0.2


def test_a_fault_that_lasts_ends_by_itself(api: Client) -> None:
    """It strikes every call meanwhile."""
    fault(api, path="/v2/account", lasts=0.2)
    assert [api.raw("GET", "/v2/account").status for _ in range(2)] == [503, 503]
    time.sleep(0.21)
    assert api.raw("GET", "/v2/account").status == 200


def test_rules_are_taken_back(api: Client) -> None:
    """One by its number, or all."""
    first, second = fault(api, times=0), fault(api, times=0, status=500)
    assert api.raw("GET", "/v2/account").status == 503
    assert api.raw("DELETE", f"/_cloud/faults/{first['id']}").body == {"removed": 1}
    assert api.raw("GET", "/v2/account").status == 500
    (left,) = api.raw("GET", "/_cloud/faults").body["faults"]
    assert (left["id"], left["met"], left["struck"]) == (second["id"], 2, 2)
    assert api.raw("DELETE", "/_cloud/faults").body == {"removed": 1}
    assert api.raw("GET", "/v2/account").status == 200


def test_rules_outlive_a_restart(api: Client, cloud: Cloud) -> None:
    """With what they counted so far."""
    fault(api, path="/v2/account", nth=2)
    api("GET", "/account")
    found = Faults(file=cloud.directory / "faults.json", event=cloud.event)
    assert found.meet("api", "GET", "/v2/account") is not None
    assert found.meet("api", "GET", "/v2/account") is None


def test_to_die_is_to_be_killed_with_the_strike_written_down(tmp_path: Path) -> None:
    """So the next daemon does not die of the same call."""
    code = (
        "from pathlib import Path; from rehearsal.cloud.faults import Faults\n"
        f"faults = Faults(file=Path({str(tmp_path / 'f.json')!r}), event=lambda kind, /, **about: None)\n"
        "faults.add({'do': 'die'})\n"
        "faults.around(('api', 'GET', '/'), lambda: 1, refuse=lambda fault: 2)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    after = Faults(file=tmp_path / "f.json", event=lambda kind, /, **about: None)
    assert after.around(("api", "GET", "/"), lambda: "answered", refuse=lambda fault: "refused") == "answered"


def test_another_process_asks_for_the_rules(api: Client) -> None:
    """As the front of the certificate authority does."""
    call = {"service": "acme", "method": "POST", "path": "/order-plz"}
    fault(api, service="acme", path="/order-.*", status=429)
    assert api.raw("POST", "/_cloud/faults/meet", call).body["fault"]["status"] == 429
    assert api.raw("POST", "/_cloud/faults/meet", call).body == {"fault": None}


def test_names_are_withheld(cloud: Cloud) -> None:
    """Denied, or not answered at all; other names are as ever."""
    with cloud.store.change() as state:
        state.domains["example.org"] = Domain(name="example.org")
        state.records[1] = Record(id=1, domain="example.org", type="A", name="www", data="198.51.100.9")
    resolver = dns.Resolver(cloud, forwarder=None)  # type: ignore[arg-type]
    cloud.faults.add({"service": "dns", "path": "www.example.org", "status": 3})
    cloud.faults.add({"service": "dns", "path": "www.example.org", "do": "drop", "nth": 2})
    question = dnslib.DNSRecord.question("www.example.org", "A")
    assert resolver.resolve(question, None).header.rcode == 3
    with pytest.raises(dnslib.DNSError):
        resolver.resolve(question, None)
    assert resolver.resolve(question, None).header.rcode == 0


def test_births(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    """A machine that never answers, one that was told something else, one there was no room for."""
    fault(api, service="droplet", method="birth", path="silent", do="drop")
    fault(api, service="droplet", method="birth", path="other", do="change", body={"caddy": "no-such-package"})
    fault(api, service="droplet", method="birth", path="none")
    silent, other = order(api, name="silent"), order(api, name="other", user_data="packages: [caddy]")
    none = api("POST", "/droplets", {**ORDER, "name": "none"})["droplet"]
    assert cloud.settle()
    assert (silent["status"], list(paper.machines)) == ("active", [other["id"]])
    assert paper.machines[other["id"]].about["user_data"] == "packages: [no-such-package]"
    api("GET", f"/droplets/{none['id']}", status=404)
    api("DELETE", f"/droplets/{silent['id']}", status=204)
    assert cloud.settle()
