"""Taking over what exists: the very commands of docs/importing.md, on things made by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.rehearsal.stage import REPOSITORY, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

STACK = "takeover"
PAGE = (REPOSITORY / "docs/importing.md").read_text()
BY_HAND = """
import boto3, json, os, time, urllib.request

def call(method, path, body=None):
    headers = {"Authorization": "Bearer " + os.environ["DIGITALOCEAN_TOKEN"], "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(os.environ["DIGITALOCEAN_API_URL"] + "/v2" + path, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "{}")

if "example.org" not in [zone["name"] for zone in call("GET", "/domains")["domains"]]:
    call("POST", "/domains", {"name": "example.org"})
call("POST", "/vpcs", {"name": "first-of-its-region", "region": "fra1"})  # becomes the default and stays
vpc = call("POST", "/vpcs", {"name": "old-network", "region": "fra1"})["vpc"]["id"]
cluster = {"name": "old-database", "engine": "pg", "version": "17", "size": "db-s-1vcpu-2gb", "region": "fra1",
           "num_nodes": 1, "private_network_uuid": vpc}
id = call("POST", "/databases", cluster)["database"]["id"]
while call("GET", f"/databases/{id}")["database"]["status"] != "online":
    time.sleep(0.5)
call("POST", f"/databases/{id}/dbs", {"name": "shop"})
call("POST", f"/databases/{id}/users", {"name": "shop"})
address = call("POST", "/reserved_ips", {"region": "fra1"})["reserved_ip"]["ip"]
record = {"type": "A", "name": "www.takeover", "data": address, "ttl": 1800}
record = call("POST", "/domains/example.org/records", record)["domain_record"]["id"]
key = call("POST", "/spaces/keys", {"name": "old", "grants": [{"bucket": "", "permission": "fullaccess"}]})["key"]
s3 = boto3.client("s3", endpoint_url="https://fra1.digitaloceanspaces.com", region_name="us-east-1",
                  aws_access_key_id=key["access_key"], aws_secret_access_key=key["secret_key"],
                  verify="/etc/ssl/certs/ca-certificates.crt")
s3.create_bucket(Bucket="old-uploads")
s3.put_object(Bucket="old-uploads", Key="kept.txt", Body=b"kept")
call("DELETE", "/spaces/keys/" + key["access_key"])
print(json.dumps({"VPC_ID": vpc, "CLUSTER_ID": id, "ADDRESS": address, "RECORD_ID": record, "BUCKET": "old-uploads",
                  "REGION": "fra1"}))
"""


@dataclass(frozen=True)
class Takeover:
    """The stack that takes over, and the ids of what it takes."""

    stage: Stage
    ids: dict[str, str]

    def commands(self, section: str) -> list[str]:
        """The lines of a section's shell block, with this stack's names and ids."""
        block = PAGE.split(f"## {section}\n")[1].split("```sh\n")[1].split("```")[0]
        block = block.replace("production", STACK).replace("www.example.org", f"www.{STACK}.example.org")
        for word, id in self.ids.items():
            block = re.sub(rf"\b{word}\b", str(id), block)
        return [line for line in block.splitlines() if line]

    def run(self, lines: list[str]) -> None:
        unasked = [re.sub(r"^pulumi up\b", "pulumi up --yes --skip-preview", line) for line in lines]
        self.stage.type(" && ".join(unasked))

    def plan(self) -> dict[str, str]:
        """What the next `up` would do with each kind of thing; never a delete or a replacement."""
        shown = json.loads(self.stage.type(f"pulumi preview --json -s {STACK}").stdout)
        assert not [step for step in shown["steps"] if re.search("delete|replace", step["op"])], shown
        return {str(step["urn"]).split(":")[-3]: step["op"] for step in shown["steps"]}


@pytest.fixture(scope="module")
def takeover(stage: Stage) -> Iterator[Takeover]:
    file = stage.state / f"project/stacks/Pulumi.{STACK}.yaml"
    settings = {
        "region": "fra1",
        "site": "shop",
        "domain": "example.org",
        "hosts": [f"www.{STACK}.example.org"],
        "project": str(stage.gallery),
        "settings": "gallery.settings",
        "database-size": "medium",
    }
    file.write_text(json.dumps({"config": settings}))
    stage.type(f"pulumi stack init {STACK}")
    made = stage.type("inside .venv/bin/python -", input=BY_HAND).stdout
    yield Takeover(stage, json.loads(made))
    stage.type(f"pulumi destroy --yes --skip-preview -s {STACK}")
    stage.type(f"pulumi stack rm --yes {STACK}")


def test_everything_but_the_bucket(takeover: Takeover) -> None:
    takeover.run([line for line in takeover.commands("Network, database, address, records") if "preview" not in line])
    ops = takeover.plan()
    kinds = ("Vpc", "DatabaseCluster", "DatabaseDb", "DatabaseUser", "ReservedIp", "DnsRecord")
    # the engine leaves out what stays as it is; what was not found again would be a create
    assert {ops.get(kind, "same") for kind in kinds} == {"same", "update"}, ops


def test_the_bucket(takeover: Takeover) -> None:
    takeover.run(takeover.commands("Bucket"))
    outputs = takeover.stage.outputs(STACK)
    assert outputs["media_bucket"] == "old-uploads"
    assert outputs["address"] == takeover.ids["ADDRESS"]
    assert outputs["cloud"]["database"]["id"] == takeover.ids["CLUSTER_ID"]
    held = takeover.stage.cloud("buckets/old-uploads/objects")["objects"]
    assert "kept.txt" in [each["key"] for each in held]
    assert set(takeover.plan().values()) == {"same"}
    assert takeover.stage.type(f"slipway status {STACK}").returncode == 0
