"""Machines that keep a Postgres, made of the program's own cloud-init and driver, before any stack asks for one."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from components.cloud_init import render
from tests.rehearsal.stage import Done, Stage, wait_until

SITE = "gallery"
ADDRESS = "192.0.2.9"  # an environment's, which nobody dials here
MEMORY_SIZE = "s-1vcpu-2gb"
PEM = serialization.Encoding.PEM


def key_pair() -> tuple[str, str]:
    """A key as the program makes them for logins and hosts: private, public."""
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), public.decode()


@dataclass(frozen=True)
class Authority:
    """The database's own, and what it signs."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def certificate(self) -> str:
        return _certificate("slipway", self.key, issuer=self.key, names=[], authority=True)

    def issue(self, address: str) -> tuple[str, str]:
        """Certificate and key of the server at this address."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        return _certificate(address, key, issuer=self.key, names=[address], authority=False), private


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: ec.EllipticCurvePrivateKey,
    names: list[str],
    authority: bool,
) -> str:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slipway")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        alternatives = [x509.IPAddress(ip_address(each)) for each in names]
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return made.sign(issuer, hashes.SHA256()).public_bytes(PEM).decode()


@dataclass
class DataMachine:
    """One machine born from postgres.yaml, and the document it is kept by."""

    stage: Stage
    id: int
    host: str
    private: str
    host_key: str
    login: tuple[str, str]
    document: dict[str, Any] = field(default_factory=dict)

    def keep(self, *, check: bool = True, **changes: Any) -> dict[str, Any]:
        """The driver's verb as a Command runs it; its answer."""
        done = self.driver(**changes)
        if check and done.returncode:
            raise AssertionError(f"database: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr}
        return found

    def driver(self, **changes: Any) -> Done:
        document = json.dumps({**self.document, **changes})
        command = f"inside {sys.executable} -m release.driver database database"
        return self.stage.type(command, input=document, check=False, secret=True)

    def root(self, script: str, *, check: bool = True) -> str:
        """What a shell script says, run by root over SSH."""
        key = self.stage.state / f"key-{self.id}"
        key.touch(mode=0o600)
        key.write_text(self.login[0])
        options = f"-i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        command = f"inside ssh {options} -o ConnectTimeout=3 deploy@{self.host} sudo bash -eus"
        done = self.stage.type(command, input=script, check=check, secret=True)
        return done.stdout.strip()

    def backup(self, words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.root(f"/usr/local/lib/slipway/backup {words} || true"))
        return found

    def sql(self, statement: str, *, database: str = SITE) -> str:
        """As the superuser over the socket."""
        return self.root(f"runuser -u postgres -- psql -XAtq -d {database} <<'END'\n{statement}\nEND")

    def psql(self, of: DataMachine, statement: str, *, role: str = "user", **changes: str) -> str:
        """What a client on this machine is told by the other's Postgres, or why not."""
        login = of.document[role]
        self.root(f"cat > /tmp/ca.crt <<'END'\n{changes.pop('ca', of.document['authority'])}END")
        where = {"host": of.private, "sslmode": "verify-full", "sslrootcert": "/tmp/ca.crt", "connect_timeout": "3"}
        where |= {"user": login["role"], "password": login["password"], "dbname": SITE, **changes}
        words = " ".join(f"{key}={value}" for key, value in where.items())
        return self.root(f"psql -XAtq '{words}' 2>&1 <<'END' || true\n{statement}\nEND")

    def power(self, action: str) -> None:
        """Switch it, as its owner would, and wait until that is done."""
        asked = self.stage.api(f"droplets/{self.id}/actions", method="POST", body={"type": action})["action"]["id"]
        done = f"actions/{asked}"
        wait_until(lambda: self.stage.api(done)["action"]["status"] == "completed", limit=90, what=action)

    def disk(self) -> Path:
        """Where the local cloud keeps what lies at /srv."""
        return self.stage.state / f"machines/{self.id}/upper/srv"


def born(stage: Stage, name: str, *, login: tuple[str, str] | None = None, template: str = "postgres") -> DataMachine:
    """Order a machine with our user data and wait for the end of its first boot."""
    login, (private, public) = login or key_pair(), key_pair()
    user_data = render(
        template,
        site=SITE,
        address=ADDRESS if template == "web" else "",
        host_key_private=private,
        host_key_public=public,
        login_public_key=login[1],
        swap=True,
    )
    body = {"name": name, "region": "fra1", "size": MEMORY_SIZE, "image": "debian-13-x64", "user_data": user_data}
    droplet = stage.api("droplets", method="POST", body=body)["droplet"]["id"]
    wait_until(lambda: _addresses(stage, droplet) != {}, limit=60, what=f"{name} has addresses")
    found = _addresses(stage, droplet)
    machine = DataMachine(stage, droplet, found["public"], found["private"], public, login)
    wait_until(lambda: _booted(machine), limit=240, what=f"{name} has ended its first boot")
    return machine


def _addresses(stage: Stage, droplet: int) -> dict[str, str]:
    found = stage.api(f"droplets/{droplet}")["droplet"]
    networks = found["networks"]["v4"] if found["status"] == "active" else []
    return {each["type"]: each["ip_address"] for each in networks}


def _booted(machine: DataMachine) -> bool:
    return "done" in machine.root("cloud-init status --wait; ls /var/lib/slipway-agent/bootstrapped")


def gone(machine: DataMachine) -> None:
    """Have the machine destroyed."""
    header = '-H "Authorization: Bearer $DIGITALOCEAN_TOKEN"'
    machine.stage.type(f"inside curl -fsS -X DELETE {header} $DIGITALOCEAN_API_URL/v2/droplets/{machine.id}")


def documented(machine: DataMachine, *, authority: Authority, bucket: dict[str, str], address: str = "") -> None:
    """The document the program would send for this machine."""
    certificate, private_key = authority.issue(address or machine.private)
    machine.document = {
        "server": {"name": "database", "host": machine.host, "host_key": machine.host_key},
        "login_key": machine.login[0],
        "site": SITE,
        "address": address or machine.private,
        "device": "",
        "database": SITE,
        "user": {"role": SITE, "password": secrets.token_urlsafe(18)},
        "admin": {"role": f"{SITE}_admin", "password": secrets.token_urlsafe(18)},
        "authority": authority.certificate,
        "certificate": certificate,
        "private_key": private_key,
        "extensions": [],
        "backup": {**bucket, "cipher": secrets.token_urlsafe(32)},
    }


def bucket(stage: Stage, name: str) -> dict[str, str]:
    """A bucket and a key that opens it and nothing else."""
    everything = [{"bucket": "", "permission": "fullaccess"}]
    key = stage.api("spaces/keys", method="POST", body={"name": name, "grants": everything})["key"]
    endpoint = "https://fra1.digitaloceanspaces.com"
    program = (
        "import boto3, os, sys; boto3.client('s3', endpoint_url=sys.argv[1], region_name='fra1')"
        ".create_bucket(Bucket=sys.argv[2])"
    )
    environment = f"AWS_ACCESS_KEY_ID={key['access_key']} AWS_SECRET_ACCESS_KEY={key['secret_key']}"
    stage.type(f'{environment} inside {sys.executable} -c "{program}" {endpoint} {name}', secret=True)
    grants = [{"bucket": name, "permission": "readwrite"}]
    own = stage.api("spaces/keys", method="POST", body={"name": f"{name}-own", "grants": grants})["key"]
    return {
        "bucket": name,
        "endpoint": endpoint,
        "region": "fra1",
        "access_key": own["access_key"],
        "secret_key": own["secret_key"],
    }


__all__ = ["SITE", "Authority", "DataMachine", "born", "bucket", "documented", "gone", "key_pair"]
