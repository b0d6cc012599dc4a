"""How a new release is commonly brought to a server, on the same server: each a script that root runs there."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.rehearsal.stage import Stage
from tests.rehearsal.test_story import slots

__all__ = ["OTHER_WAYS", "PLANTED", "Planted", "Way", "prepare"]

PAUSE = "sleep 2"


@dataclass(frozen=True)
class Way:
    """One way, as a script; SLOT stands for the slot that serves."""

    what: str
    script: str

    def run(self, stage: Stage) -> None:
        """Do it on the server."""
        slot = next(iter(slots(stage).values()))
        stage.root(self.script.replace("SLOT", slot))


@dataclass(frozen=True)
class Planted(Way):
    """Something the prober has to see, and the kind of failure it is."""

    kind: str


INPLACE = "/var/tmp/in-place"
# A live tree, its environment made anew, the steps one after the other, then a restart of what serves.
IN_PLACE = f"""
cd {INPLACE}
rm -rf venv && python3 -m venv venv
venv/bin/pip install --quiet --no-input --no-index --find-links wheels -r requirements.txt
cp -a /srv/slipway/slots/SLOT/app/. tree/
cd tree
printf 'from gallery.settings import *\nSTATIC_ROOT = "{INPLACE}/static"\n' > in_place.py
export DJANGO_SETTINGS_MODULE=in_place SECRET_KEY=none DEBUG=1
../venv/bin/python manage.py migrate --noinput >/dev/null
../venv/bin/python manage.py collectstatic --noinput >/dev/null
systemctl restart slipway-web@SLOT
"""
UPSTREAM = """
file=$(grep -rl current.sock /etc/caddy/sites | head -1)
cp "$file" /var/tmp/site.caddy
for at in 1 2 3; do
  sed -i "s#unix//srv/slipway/run/current.sock#unix//run/slipway-SLOT/web.sock#" "$file"
  systemctl reload caddy
  sleep 2
  cp /var/tmp/site.caddy "$file"
  systemctl reload caddy
  sleep 2
done
"""
OTHER_WAYS = (
    Way("restart of the unit, 3 times", f"for at in 1 2 3; do systemctl restart slipway-web@SLOT; {PAUSE}; done"),
    Way(
        "gunicorn HUP, 3 times",
        f"for at in 1 2 3; do systemctl kill -s HUP --kill-whom=main slipway-web@SLOT; {PAUSE}; done",
    ),
    Way("caddy reload to a new upstream, 6 times", UPSTREAM),
    Way("in place: venv, install, migrate, collectstatic, restart", IN_PLACE),
)
PLANTED = (
    Planted("planted reset: the edge killed", "systemctl kill -s KILL --kill-whom=main caddy; sleep 3", kind="reset"),
    Planted(
        "planted 502: nothing behind the edge",
        "systemctl stop slipway-web@SLOT; sleep 7; systemctl start slipway-web@SLOT",
        kind="5xx",
    ),
    Planted(
        "planted stall: a server that hangs",
        "systemctl kill -s STOP slipway-web@SLOT; sleep 9; systemctl kill -s CONT slipway-web@SLOT; sleep 2",
        kind="timeout",
    ),
)


def prepare(stage: Stage) -> None:
    """What the in-place way finds on its server before it is timed: wheels that need no index, as the best case."""
    stage.root(f"apt-get -qq install -y python3-venv >/dev/null; mkdir -p {INPLACE}/tree")
    with tempfile.TemporaryDirectory() as scratch:
        file, wheels = stage.gallery / "requirements.txt", Path(scratch) / "wheels"
        target = ["--python-version", "3.13", "--only-binary=:all:", "--platform", "manylinux_2_28_x86_64"]
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels), *target, "-r", str(file)]
        subprocess.run(download, check=True)
        shutil.copy(file, scratch)
        packed = subprocess.run(["tar", "-C", scratch, "-cz", "."], check=True, capture_output=True).stdout
    sent = base64.encodebytes(packed).decode()
    stage.root(f"base64 -d <<'END' | tar -xz -C {INPLACE} --no-same-owner\n{sent}END\n")
