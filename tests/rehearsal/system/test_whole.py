"""The rehearsal's computer for real: machines, network, database and certificates, in a state of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.browser import ensure_browser
from rehearsal.system import host

pytestmark = pytest.mark.rehearsal

REPOSITORY = Path(__file__).resolve().parents[3]
WEB, OTHER, RESERVED, DATABASE = "198.51.100.17", "198.51.100.18", "198.51.100.130", "10.100.0.10"
CLUSTER = "c0ffee00-1111-2222-3333-444444444444"
CLUSTER_NAME = "private-db-do-user-0.db.ondigitalocean.com"
SITE = "site.example.org"
PRELUDE = """
import json, os, signal, sys
from pathlib import Path
from rehearsal import paths
from rehearsal.cloud.ports import FirewallRules, Rule
from rehearsal.system import commands, hypervisor, machines, postgres, processes, traces, volumes
cloud = hypervisor.Hypervisor()
"""
USER_DATA = """#cloud-config
# "quoted", $dollars, üñïcödé and trailing spaces   
package_update: true
packages: [caddy, postgresql-client]
write_files:
  - {path: /root/site.caddy, content: "{site} { respond \\"hello\\" }"}
runcmd:
  - echo first boot >> /root/boots
"""


class World:
    """A rehearsal's computer in its own state directory."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.key = state.with_name("key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLIPWAY_REHEARSAL_DIR": str(self.state), "PYTHONPATH": str(REPOSITORY)}

    def python(self, code: str) -> Any:
        """Run code of the project in a process of its own and give what it prints, as JSON if it is."""
        program = PRELUDE + textwrap.dedent(code)
        done = subprocess.run([sys.executable, "-c", program], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.state / "bin/inside", *command], capture_output=True, text=True, timeout=90)

    def ssh(self, address: str, script: str) -> subprocess.CompletedProcess[str]:
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=2"]
        flags = [word for option in options for word in ("-o", option)]
        return self.inside("ssh", "-i", str(self.key), *flags, f"root@{address}", script)

    def out(self, address: str, script: str) -> str:
        done = self.ssh(address, script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def create_machine(self, number: int, address: str, private: str, user_data: str = "#cloud-config\n") -> None:
        keys = [self.key.with_suffix(".pub").read_text().strip()]
        self.python(f"""
            cloud.create_machine(id={number}, name="web-{number}", user_data={user_data!r}, public_ip={address!r},
                private_ip={private!r}, vpc_range="10.100.0.0/20", ssh_keys={keys!r}, region="fra1", tags=["web"],
                memory_mb=1024)
        """)


def eventually(check: Callable[[], bool], *, limit: float = 30) -> bool:
    deadline = time.monotonic() + limit
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("needs root and Linux")
    host.ensure_host_packages()
    ensure_browser()
    world = World(tmp_path_factory.mktemp("rehearsal") / "state")
    fixed = {SITE: WEB, "acme-v02.api.letsencrypt.org": "198.51.100.3", CLUSTER_NAME: DATABASE}
    names = Path(__file__).with_name("names.py")
    try:
        world.python(f"""
            hypervisor.start_network()
            processes.spawn("dns", "test", commands.inside([sys.executable, {str(names)!r}, {json.dumps(fixed)!r}]))
            cloud.create_network("vpc", "10.100.0.0/20")
        """)
        world.create_machine(17, WEB, "10.100.0.2", USER_DATA)
        world.create_machine(18, OTHER, "10.100.0.3")
        assert eventually(lambda: world.ssh(WEB, "cloud-init status --wait").returncode == 0)
        yield world
    finally:
        forgotten = subprocess.Popen([world.state / "bin/inside", "sleep", "600"])
        world.python("cloud.create_volume(1, gigabytes=1, format='ext4'); cloud.attach_volume(1, 18, name='data')")
        mounted = world.ssh(OTHER, "mount /dev/disk/by-id/data /mnt && touch /mnt/file")
        held = world.python("print(json.dumps(volumes.devices()))")
        # As after a crash: no records, and a keeper that cannot clean up behind itself.
        world.python("os.kill(processes.find('machine', 18).pid, signal.SIGKILL)")
        shutil.rmtree(world.state / "run")
        left = world.python("hypervisor.destroy_everything(); print(json.dumps(hypervisor.leftovers()))")
    assert left == []
    assert (mounted.returncode, len(held)) == (0, 1)  # there was a device to let go of
    assert str(world.state) not in subprocess.run(["losetup", "--list"], capture_output=True, text=True).stdout
    assert forgotten.wait(timeout=5) != 0


def test_a_machine_is_what_its_user_data_says(world: World) -> None:
    assert world.out(WEB, "cloud-init status; systemctl is-system-running") == "status: done\nrunning"
    assert world.out(WEB, "hostname") == "web-17"
    assert world.out(WEB, "cat /var/lib/cloud/instance/user-data.txt").encode() == USER_DATA.strip().encode()
    assert world.out(WEB, "cat /etc/machine-id") != world.out(OTHER, "cat /etc/machine-id")
    assert world.out(WEB, "cat /etc/ssh/ssh_host_*.pub") != world.out(OTHER, "cat /etc/ssh/ssh_host_*.pub")
    assert world.out(WEB, "hostname -I") == f"{WEB} 10.100.0.2"
    assert "'manage_etc_hosts' as True" in world.out(WEB, "cat /etc/hosts")  # by the vendor's data


def test_a_machine_says_as_much_as_it_likes_on_its_console(world: World) -> None:
    """A console that nobody reads would block the first process of the machine as soon as it is full."""
    script = "head -c 300000 /dev/zero | tr '\\0' x | timeout 10 tee /dev/console | wc -c"
    assert world.out(WEB, script) == "300000"


def test_machines_reach_each_other_the_services_and_nothing_else(world: World) -> None:
    reach = "curl -s -o /dev/null -m 2 -w '%{http_code}'"
    assert world.out(OTHER, f"{reach} http://{WEB}") == "200"
    assert world.out(OTHER, f"{reach} http://10.100.0.2") == "200"
    assert world.out(OTHER, f"{reach} https://acme-v02.api.letsencrypt.org/directory") == "200"
    for closed in ("http://198.51.100.1:8081", "http://192.88.99.1", "http://198.51.100.99", "http://10.213.0.1"):
        assert world.ssh(OTHER, f"{reach} {closed}").stdout == "000", closed


def test_the_cloud_firewall_is_between_everybody_and_a_machine(world: World) -> None:
    rules = """
        everywhere = ("0.0.0.0/0", "::/0")
        inbound = (Rule(protocol="tcp", ports="22", addresses=everywhere),
                   Rule(protocol="tcp", ports="80-81", addresses=("198.51.100.18",)))
        outbound = tuple(Rule(protocol=name, ports="", addresses=everywhere) for name in ("tcp", "udp", "icmp"))
        cloud.set_firewalls({17: [FirewallRules(name="web", inbound=inbound, outbound=outbound)]})
    """
    reach = ["curl", "-s", "-o", "/dev/null", "-m", "2", f"http://{WEB}"]
    assert world.inside(*reach).returncode == 0
    world.python(rules)
    assert world.inside(*reach).returncode == 28  # dropped, not refused
    assert world.ssh(OTHER, " ".join(reach)).returncode == 0
    assert world.ssh(WEB, "true").returncode == 0
    world.python("cloud.set_firewalls({})")
    assert world.inside(*reach).returncode == 0


def test_a_reserved_address_moves(world: World) -> None:
    for number in (17, 18):
        world.python(f"cloud.assign_address({RESERVED!r}, {number})")
        assert world.out(RESERVED, "hostname") == f"web-{number}"
    world.python(f"cloud.assign_address({RESERVED!r}, None)")
    assert world.ssh(RESERVED, "true").returncode == 255
    assert RESERVED not in world.out(OTHER, "hostname -I")


def test_a_database_is_reached_over_verified_tls_by_those_trusted(world: World) -> None:
    world.python(f"""
        cloud.create_database(id={CLUSTER!r}, name="db", host_ip={DATABASE!r}, names=[{CLUSTER_NAME!r}], port=25060,
            admin_password="it's", max_connections=22, version="17")
        statements = ["CREATE ROLE app LOGIN PASSWORD 'app'", "CREATE DATABASE app OWNER doadmin"]
        cloud.database_sql({CLUSTER!r}, database="postgres", statements=statements)
    """)
    authority = world.python("print(json.dumps(cloud.database_ca()))")
    world.out(WEB, f"cat > /root/ca.pem << 'END'\n{authority}END")

    def psql(user: str, password: str, database: str, sql: str, mode: str = "verify-full") -> str:
        where = f"host={CLUSTER_NAME} port=25060 sslmode={mode} sslrootcert=/root/ca.pem connect_timeout=3"
        command = f'psql "{where} user={user} dbname={database}" -Atc "{sql}" 2>&1'
        return world.ssh(WEB, f'PGPASSWORD="{password}" {command}').stdout.strip()

    mine = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert psql("doadmin", "it's", "defaultdb", mine) == "doadmin|f|t|t"
    assert "permission denied for schema public" in psql("app", "app", "app", "CREATE TABLE t (n int)")
    assert "no encryption" in psql("app", "app", "app", "SELECT 1", mode="disable")
    usable = "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    assert psql("app", "app", "app", usable) == "22"
    world.python(f"cloud.resize_database({CLUSTER!r}, max_connections=47)")
    assert psql("app", "app", "app", usable) == "47"
    world.python(f"cloud.set_trusted({CLUSTER!r}, ['10.100.0.3'])")
    assert "no pg_hba.conf entry" in psql("app", "app", "app", "SELECT 1")
    world.python(f"cloud.set_trusted({CLUSTER!r}, ['0.0.0.0/0'])")
    world.python(f"os.kill(processes.find('postgres', {CLUSTER!r}).pid, signal.SIGKILL); cloud.adopt()")
    assert psql("app", "app", "app", "SELECT 1") == "1"


def test_a_site_gets_a_certificate_that_everything_inside_trusts(world: World) -> None:
    caddyfile = f'{SITE} {{\n  respond "hello"\n}}\n'
    world.out(WEB, f"cat > /etc/caddy/Caddyfile << 'END'\n{caddyfile}END\nsystemctl reload caddy")
    assert eventually(lambda: world.inside("curl", "-sf", f"https://{SITE}/").stdout == "hello")
    python = "import urllib.request as u; print(u.urlopen(f'https://" + SITE + "/').read().decode())"
    assert world.inside(sys.executable, "-c", python).stdout.strip() == "hello"
    port = json.loads((world.state / "doorway.json").read_text())["port"]
    through = ["curl", "-s", "-x", f"http://127.0.0.1:{port}", "--cacert", str(world.state / "ca-bundle.pem")]
    assert subprocess.run([*through, f"https://{SITE}/"], capture_output=True).stdout == b"hello"


def test_the_browser_trusts_a_site_of_the_rehearsal(world: World) -> None:
    world.python("from rehearsal.system import inside; inside.write_commands(engine=Path('/bin/true'))")
    command = [str(world.state / "bin/browser"), "--headless=new", "--dump-dom", f"https://{SITE}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "hello" in done.stdout, done.stderr


def test_a_machine_comes_back(world: World) -> None:
    before = world.out(OTHER, "systemctl show -p UserspaceTimestampMonotonic; cat /etc/machine-id")
    world.out(OTHER, "touch /root/kept")
    world.python("cloud.power(18, 'reboot')")
    assert eventually(lambda: world.ssh(OTHER, "ls /root/kept").returncode == 0)
    assert world.out(OTHER, "systemctl show -p UserspaceTimestampMonotonic; cat /etc/machine-id") != before
    world.ssh(OTHER, "systemctl --no-block poweroff")
    assert eventually(lambda: world.python("print(json.dumps(cloud.machine_state(18)))") == "stopped")
    world.python("cloud.power(18, 'power_on')")
    assert eventually(lambda: world.ssh(OTHER, "ls /root/kept").returncode == 0)
    world.python("cloud.power(18, 'shutdown')")
    assert world.python("print(json.dumps(cloud.machine_state(18)))") == "stopped"
    assert world.ssh(OTHER, "true").returncode == 255
    world.python("cloud.power(18, 'power_on')")
    assert eventually(lambda: world.ssh(OTHER, "ls /root/kept").returncode == 0)


def test_a_killed_keeper_is_made_up_for(world: World) -> None:
    world.python("os.kill(processes.find('machine', 18).pid, signal.SIGKILL)")
    world.python("cloud.adopt()")
    assert eventually(lambda: world.ssh(OTHER, "systemctl is-system-running --wait").stdout.strip() == "running")


def test_a_command_inside_leaves_no_mount_and_keeps_exit_code_and_directory(world: World) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    assert world.inside("sh", "-c", "pwd; exit 7").returncode == 7
    assert world.inside("pwd").stdout.strip() == os.getcwd()
    assert Path("/proc/self/mountinfo").read_text() == mounts
