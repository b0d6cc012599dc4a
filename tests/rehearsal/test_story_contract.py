"""What every cloud promises a site, tried from where somebody would: outside, the site's machine, a stranger's machine.

That the address moves live is test_story_successor.py's, that nothing is left test_story_the_end.py's.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import components.clouds
from tests.rehearsal.stage import Stage

pytestmark = pytest.mark.rehearsal
CLOUDS = ("digitalocean", "hetzner")

NAMES = ("staging.example.org", "www.staging.example.org")
OUTSIDER = "inside .venv/bin/python -m tests.rehearsal.outsider"
OPEN = [22, 80, 443]
# What Postgres says to who asks without TLS, and to who asks well and has no password.
PLAIN, NO_PASSWORD = "no encryption", "no password supplied"
REFUSED = ("AccessDenied", "InvalidAccessKeyId", "403")


def test_a_server_is_open_on_three_ports_only(site: Stage) -> None:
    host = site.outputs("staging")["servers"][0]["host"]
    assert scanned(site, host, "1-65535")["open"] == OPEN


def scanned(site: Stage, host: str, ports: str) -> dict[str, list[int]]:
    """The TCP ports a stranger finds."""
    done = site.type(f"{OUTSIDER} .venv/bin/python -m tests.rehearsal.scan {host} --tcp {ports}")
    found: dict[str, list[int]] = json.loads(done.stdout)["tcp"]
    return found


@pytest.fixture(scope="module")
def database(site: Stage) -> dict[str, Any]:
    """Where the site's database is, as its own settings have it."""
    ask = (
        "import json\n"
        "from django.db import connection as c\n"
        "print(json.dumps({k.lower(): c.settings_dict[k] for k in ('HOST', 'PORT', 'NAME', 'USER')} | "
        "{'ca': c.settings_dict['OPTIONS']['sslrootcert'], 'mode': c.settings_dict['OPTIONS']['sslmode']}))\n"
    )
    found: dict[str, Any] = json.loads(site.type("slipway shell staging", input=ask).stdout.splitlines()[-1])
    assert found["mode"] == "verify-full"
    return found


def dialled(database: dict[str, Any], mode: str) -> str:
    """A dial without a password, in the words of a shell."""
    place = f"host={database['host']} port={database['port']} dbname={database['name']} user={database['user']}"
    return f"psql 'connect_timeout=3 {place} sslrootcert={database['ca']} sslmode={mode}' -w -c 'select 1' 2>&1 || true"


def test_its_database_takes_tls_and_nothing_else(site: Stage, database: dict[str, Any]) -> None:
    assert PLAIN in site.root(dialled(database, "disable"))
    assert NO_PASSWORD in site.root(dialled(database, "verify-full"))


def test_nobody_else_reaches_its_database(site: Stage, database: dict[str, Any]) -> None:
    """The machine itself is the control: the port is open to it."""
    port = int(database["port"])
    address = site.type(f"inside getent ahostsv4 {database['host']}").stdout.split()[0]
    assert scanned(site, address, f"{port}") == {"open": [], "refused": []}
    assert "open" in site.root(f"timeout 3 bash -c '</dev/tcp/{database['host']}/{port}' && echo open")


def test_a_bucket_is_private(site: Stage) -> None:
    source = site.outputs("staging")["release_source"]
    address = source["endpoint"].replace("https://", f"https://{source['name']}.")
    for path in ("", "manifests"):
        status = site.type(f"inside curl -s -o /dev/null -w '%{{http_code}}' {address}/{path}").stdout
        assert status == "403", f"{address}/{path}"


OPENED = """
import json, sys
import boto3
from botocore.exceptions import ClientError
given = json.load(sys.stdin)
client = boto3.client("s3", endpoint_url=given["endpoint"], region_name=given["region"],
                      aws_access_key_id=given["access_key"], aws_secret_access_key=given["secret_key"])
for bucket in given["buckets"]:
    try:
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        print(bucket, "opened")
    except ClientError as error:
        print(bucket, error.response["Error"]["Code"])
"""


def test_its_key_opens_no_bucket_of_another_environment(site: Stage) -> None:
    """production stands beside it, from the same program."""
    own, other = (site.outputs(stack)["release_source"] for stack in ("staging", "production"))
    given = json.dumps({**own, "buckets": [own["name"], other["name"]]})
    done = site.type(f"inside .venv/bin/python -c '{OPENED}'", input=given, secret=True)
    said = dict(line.split() for line in done.stdout.splitlines())
    assert said[own["name"]] == "opened"
    assert said[other["name"]] in REFUSED


def test_its_names_resolve_to_its_address(site: Stage) -> None:
    address = site.outputs("staging")["address"]
    for name in NAMES:
        assert site.type(f"inside getent ahostsv4 {name}").stdout.split()[0] == address


def test_the_control_finds_what_listens(site: Stage) -> None:
    """Both firewalls keep a planted listener from strangers; the machine itself reaches it."""
    host = site.outputs("staging")["servers"][0]["host"]
    site.root("systemd-run --quiet --unit=planted-port python3 -m http.server 8766; sleep 0.5")
    try:
        assert scanned(site, host, "8766") == {"open": [], "refused": []}
        assert "open" in site.root("bash -c '</dev/tcp/127.0.0.1/8766' && echo open")
    finally:
        site.root("systemctl stop planted-port")


def test_the_suite_names_every_cloud() -> None:
    """A third cloud is held to it as soon as it is there."""
    assert set(components.clouds.CLOUDS) == set(CLOUDS)
