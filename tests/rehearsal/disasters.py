"""What a disaster of the database is watched with: its machine, a writer on the site, a machine of somebody else."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rehearsal.stage import Stage, wait_until

SCAN = Path(__file__).with_name("scan.py")
WEBHOOK = 8877
RECEIVER = f"""cat > /root/receiver.py <<'END'
import http.server


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with open("/root/heard", "ab") as file:
            file.write(body + b"\\n")
        self.send_response(200)
        self.end_headers()


http.server.ThreadingHTTPServer(("", {WEBHOOK}), Webhook).serve_forever()
END
: > /root/heard
systemd-run --quiet --unit=receiver python3 /root/receiver.py
until (</dev/tcp/127.0.0.1/{WEBHOOK}) 2>/dev/null; do sleep 0.1; done
"""
# Rows through the site's own connection; what is printed as committed has been acknowledged.
WRITER = """import time
from django.contrib.auth.models import Group
from django.db import connection
end, number = time.time() + {seconds}, 0
while time.time() < end:
    number += 1
    try:
        Group.objects.create(name=f"{name} {{number}}")
        print("committed", number, flush=True)
    except Exception as error:
        print("failed", type(error).__name__, flush=True)
        connection.close()
        time.sleep(0.1)
    time.sleep(0.05)

print("ended", flush=True)
"""


@dataclass(frozen=True)
class Keeper:
    """The machine that keeps a stack's database."""

    stage: Stage

    def root(self, script: str) -> str:
        return self.stage.data_root(script).strip()

    def sql(self, statements: str) -> str:
        """As the superuser, in the site's database."""
        return self.root(
            f"cd /; runuser -u postgres -- psql -qtAX -v ON_ERROR_STOP=1 -d slipway <<'SQL'\n{statements};\nSQL\n"
        )

    def backup(self, verb: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.root(f"/usr/local/lib/slipway/backup {verb} || true"))
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """What the cloud calls it: id, disk."""
        found: dict[str, Any] = self.stage.outputs("staging")["cloud"]["data"]
        return found

    @property
    def host(self) -> str:
        return str(self.stage.outputs("staging")["data"]["server"]["host"])

    @property
    def private(self) -> str:
        """Where the site reaches it."""
        return str(json.loads(self.root("cat /etc/slipway/postgres.json"))["address"])

    def power(self, action: str) -> None:
        self.stage.api(f"servers/{self.facts['id']}/actions/{action}", method="POST", body={})

    def caught_up(self) -> bool:
        """Everything that was written is in the bucket."""
        self.sql("SELECT pg_switch_wal()")
        return bool(self.backup("status")["archive"] == {"behind": 0, "queue": 0})

    def stored(self, name: str) -> set[int]:
        """The numbers of the rows that a writer of this name left."""
        rows = self.sql(f"SELECT split_part(name, ' ', 2) FROM auth_group WHERE name LIKE '{name} %'")
        return {int(row) for row in rows.splitlines()}


@dataclass(frozen=True)
class Writer:
    """Writes row after row for some seconds, and remembers which were acknowledged."""

    process: subprocess.Popen[str]

    @staticmethod
    def begin(stage: Stage, name: str, *, seconds: int, place: Path) -> Writer:
        script = place / f"{name}.py"
        script.write_text(WRITER.format(name=name, seconds=seconds))
        return Writer(stage.start(f"slipway shell staging < {script}"))

    def committed(self) -> set[int]:
        """Wait for its end."""
        said, _ = self.process.communicate(timeout=300)
        assert "ended" in said.splitlines(), said[-2000:]
        return {int(number) for number in re.findall(r"^committed (\d+)$", said, re.MULTILINE)}


@dataclass(frozen=True)
class Third:
    """A machine in the same account, in no network, behind no firewall; it takes webhooks."""

    stage: Stage
    id: int
    host: str
    key: str

    @staticmethod
    def order(stage: Stage, *, place: Path) -> Third:
        file = place / "third"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
        stage.api("ssh_keys", method="POST", body={"name": "third", "public_key": file.with_suffix(".pub").read_text()})
        body = {"name": "third", "server_type": "cx23", "image": "debian-13", "location": "fsn1", "ssh_keys": ["third"]}
        made = stage.api("servers", method="POST", body=body)["server"]
        third = Third(stage, made["id"], made["public_net"]["ipv4"]["ip"], file.read_text())
        wait_until(lambda: bool(third.root("cloud-init status --wait")), limit=90, what="first boot of a third machine")
        third.root(RECEIVER)
        return third

    def root(self, script: str) -> str:
        return self.stage.logged_in(f"root@{self.host}", "bash -eus", key=self.key, input=script)

    @property
    def webhook(self) -> str:
        return f"http://{self.host}:{WEBHOOK}/"

    def heard(self) -> list[str]:
        return [json.loads(line)["text"] for line in self.root("cat /root/heard").splitlines()]


def scan(host: str, ports: str) -> str:
    """A shell script that scans from wherever it is run."""
    return f"python3 - {host} --tcp {ports} <<'SCAN'\n{SCAN.read_text()}\nSCAN\n"
