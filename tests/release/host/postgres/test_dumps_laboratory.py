"""Dumps of a database that somebody else keeps, and their drill, with a real Postgres over TLS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.release.host.postgres.bucket import Shelf, shelf
from tests.release.host.postgres.laboratory import Laboratory, laboratory

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

# The cluster of the laboratory, as a cloud's: TLS with a certificate of its own, one user with a password.
AS_A_CLOUDS = """
cd /srv/postgres/17/main
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout tls.key -out tls.crt 2>/dev/null
chown postgres:postgres tls.key tls.crt
echo "ssl_cert_file='/srv/postgres/17/main/tls.crt'" >> /etc/postgresql/17/main/postgresql.conf
echo "ssl_key_file='/srv/postgres/17/main/tls.key'" >> /etc/postgresql/17/main/postgresql.conf
echo "archive_mode=off" >> /etc/postgresql/17/main/postgresql.conf
echo "port=PORT" >> /etc/postgresql/17/main/postgresql.conf
pg_ctlcluster 17 main restart
runuser -u postgres -- psql -q -p PORT -d gallery <<END
CREATE ROLE gallery LOGIN PASSWORD 'hunter2';
GRANT ALL ON SCHEMA public TO gallery;
ALTER TABLE picture OWNER TO gallery;
ALTER TABLE "Odd|name" OWNER TO gallery;
END
rm /etc/slipway/postgres.json
"""
PORT = 25432  # the laboratory shares the computer's own network


@pytest.fixture(scope="module")
def bucket() -> Iterator[Shelf]:
    with shelf() as made:
        yield made


@pytest.fixture(scope="module")
def lab(bucket: Shelf) -> Iterator[Laboratory]:
    with laboratory() as made:
        made.run("sh", "-eu", "-s", input=AS_A_CLOUDS.replace("PORT", str(PORT)))
        ca = made.inside("/srv/postgres/17/main/tls.crt").read_text()
        made.run("sh", "-euc", "echo 127.0.0.1 backups.localhost >> /etc/hosts; install -d /etc/slipway/gallery")
        database = {"host": "127.0.0.1", "port": PORT, "name": "gallery", "user": "gallery", "password": "hunter2"}
        document = {
            "site": "gallery",
            "database": {**database, "admin_user": "", "admin_password": "", "ca": ca},
            "bucket": {"name": "backups", "endpoint": f"http://localhost:{bucket.server_port}", "region": "here",
                       "access_key": "A", "secret_key": "S"},
            "notify": None,
        }  # fmt: skip
        told = made.backup("arrange", stdin=json.dumps(document) + "\n")
        assert told["changed"] == ["dumps"]
        yield made


def test_a_dump_and_its_drill(lab: Laboratory, bucket: Shelf) -> None:
    assert lab.backup("status")["newest"] is None
    assert lab.backup("drill")["error"] == "drill: the bucket holds no dump, make one with slipway backup now"
    made = lab.backup("now")
    assert made["ok"], made
    facts = json.loads(bucket.objects[f"dumps/{made['newest']['label']}.json"])
    assert facts["rows"] == {"public.Odd|name": 0, "public.picture": 20000}
    answer = lab.backup("drill")
    assert answer["ok"], answer
    assert (answer["tables"], answer["rows"]) == (2, 20000)
    assert lab.backup("status")["drill"]["label"] == made["newest"]["label"]
    assert len(lab.processes()) == 1
    assert lab.run("sh", "-c", "ls -d /var/lib/slipway-backup/d*", check=False).stdout == ""


def truncated(objects: dict[str, bytes], name: str) -> None:
    objects[f"{name}.dump"] = objects[f"{name}.dump"][:-512]


def emptied(objects: dict[str, bytes], name: str) -> None:
    objects[f"{name}.dump"] = b""


def gone(objects: dict[str, bytes], name: str) -> None:
    del objects[f"{name}.dump"]


def of_another_version(objects: dict[str, bytes], name: str) -> None:
    objects[f"{name}.json"] = json.dumps({**json.loads(objects[f"{name}.json"]), "version": "18"}).encode()


def short_of_a_row(objects: dict[str, bytes], name: str) -> None:
    facts = json.loads(objects[f"{name}.json"])
    facts["rows"]["public.picture"] += 1
    objects[f"{name}.json"] = json.dumps(facts).encode()


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (truncated, "bytes (got "),
        (emptied, "bytes (got 0)"),
        (gone, "The requested URL returned error: 404"),
        (of_another_version, "should be of Postgres 17 (got 18)"),
        (short_of_a_row, "drill: public.picture: 20001 rows live, 20000 rows restored"),
    ],
)
def test_a_spoilt_dump_is_red(
    lab: Laboratory, bucket: Shelf, spoil: Callable[[dict[str, bytes], str], None], cause: str
) -> None:
    name = max(bucket.objects).rpartition(".")[0]
    before = dict(bucket.objects)
    spoil(bucket.objects, name)
    answer = lab.backup("drill")
    bucket.objects = before
    assert not answer["ok"]
    assert cause in answer["error"]
    assert len(lab.processes()) == 1
