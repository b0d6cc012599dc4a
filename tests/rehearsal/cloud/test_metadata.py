"""What a machine is told about itself."""

from __future__ import annotations

import json

from werkzeug.test import Client as Browser

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.metadata import Metadata
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.test_droplets import KEY, order


def test_a_machine_reads_about_itself(api: Client, cloud: Cloud) -> None:
    """By the address it asks from; nobody else gets anything."""
    key = api("POST", "/account/keys", {"name": "me", "public_key": KEY})["ssh_key"]["id"]
    droplet = order(api, ssh_keys=[key], user_data="#cloud-config\n", tags=["a", "b"])
    row = cloud.store.state.droplets[droplet["id"]]
    browser = Browser(Metadata(cloud, peer=lambda request: row.public_ip))

    def get(path: str) -> str:
        answer = browser.get(f"/metadata/v1{path}")
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.get_data(as_text=True)

    assert get("/").splitlines()[:4] == ["id", "hostname", "user-data", "vendor-data"]
    assert "interfaces/" in get("/").splitlines()
    assert (get("/id"), get("/hostname"), get("/user-data")) == (str(row.id), "web-1", "#cloud-config\n")
    assert (get("/public-keys"), get("/tags"), get("/region")) == (KEY, "a\nb", "fra1")
    assert get("/interfaces/public/0/ipv4/address") == row.public_ip
    assert get("/interfaces/private/0/ipv4/netmask") == "255.255.240.0"
    assert get("/reserved_ip/ipv4/active") == "false"
    assert browser.get("/metadata/v1/interfaces").status_code == 301
    assert browser.get("/metadata/v1/absent").status_code == 404
    address = api("POST", "/reserved_ips", {"droplet_id": row.id})["reserved_ip"]["ip"]
    assert cloud.settle()
    assert (get("/reserved_ip/ipv4/active"), get("/reserved_ip/ipv4/ip_address")) == ("true", address)
    about = json.loads(get(".json"))
    assert (about["droplet_id"], about["interfaces"]["private"][0]["ipv4"]["ip_address"]) == (row.id, row.private_ip)
    assert Browser(Metadata(cloud)).get("/metadata/v1/id").status_code == 404
