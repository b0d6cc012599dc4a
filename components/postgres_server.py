"""A Postgres that slipway keeps itself, on a machine for it alone or beside the site, with its backups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi_random as random
import pulumi_tls as tls
from pulumi import ComponentResource, CustomResource, Input, Output, Resource, ResourceOptions

from components.clouds.cloud import Cloud, Database, DataServers, Login, of_generation, owner_of
from components.driver import keeper, run
from components.media_store import bucket_document
from components.ready import ready
from components.release import answer_of
from components.rotations import drawn
from components.web_servers import WebServer, WebServers, birth_of, user_data
from settings import Postgres as Wanted

PORT = 5432
YEARS = 10
HOURS = 365 * 24
LOOPBACK = "127.0.0.1"


class Postgres:
    """What a kept Postgres consists of, wherever it runs; plain code, so that every cloud has the same components."""

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        site: str,
        extensions: Sequence[str],
        notify: Input[str] | None,
        protect: bool,
        generations: tuple[int, ...],
        resource: ComponentResource,
    ) -> None:
        self.name = name
        self.site = site
        self.resource = resource
        self.inside = ResourceOptions(parent=resource)
        self.server: dict[str, Any] = {}  # for whoever logs in there, with `login_key`
        self.login_key: Output[str] | None = None
        self.repository: dict[str, Any] = {}  # the bucket of its backups, its key, and the cipher
        self._cloud = cloud
        self._extensions = extensions
        self._notify = notify
        self._protect = protect
        self._generations = generations
        self._guarded = ResourceOptions(parent=resource, protect=protect)

    def keep(
        self,
        machine: WebServer,
        *,
        login_key: Output[str],
        address: Output[str],
        device: Output[str],
        disk_gb: int,
        after: Sequence[Resource],
        births: Sequence[CustomResource],
    ) -> Database:
        """Have it kept on this machine: what a release is told is known once a login has been seen to succeed."""
        authority, certificate, private_key = self._certified(address)
        own = self.site.replace("-", "_")
        logins, owner = self._logins(own), owner_of(own, self._generations)
        admin = Login(Output.from_input(f"{own}_admin"), self._password("admin-password", 32))
        former = logins[-2] if len(logins) > 1 else None
        backups = self._cloud.bucket("backups", versioned=True, kept=True, opts=self.inside)
        at = bucket_document(backups)
        self.server, self.login_key = dict(machine.document()), login_key
        self.repository = {**at, "cipher": self._password("backup-key", 48)}
        document = {
            "server": machine.document(),
            "login_key": login_key,
            "site": self.site,
            "address": address,
            "device": device,
            "disk_gb": disk_gb,  # a disk that has grown is told of
            "database": own,
            "user": _role(logins[-1]),
            "former": _role(former) if former else None,
            "owner": owner,
            "admin": _role(admin),
            "extensions": list(self._extensions),
            "authority": authority,
            "certificate": certificate,
            "private_key": private_key,
            "backup": {"bucket": at.pop("name"), **at, "cipher": self.repository["cipher"]},
            "notify": self._notify,
            "keeper": keeper(),
        }
        kept = run(
            "database",
            self.name,
            document,
            triggers=[each.id for each in births],  # another machine, though it may be called the same
            opts=ResourceOptions.merge(self.inside, ResourceOptions(depends_on=after)),
        )
        answer_of(kept, resource=self.resource)
        return Database(
            host=Output.all(address, kept.stdout).apply(lambda both: str(both[0])),
            port=Output.from_input(PORT),
            name=Output.from_input(own),
            user=logins[-1].user,
            password=logins[-1].password,
            admin_user=admin.user,
            admin_password=admin.password,
            ca=authority,
            owner=owner,
            former=former,
        )

    def _logins(self, own: str) -> list[Login]:
        """One for each valid generation, oldest first."""
        passwords = drawn("user-password", self._generations, length=32, protect=self._protect, opts=self.inside)
        names = [of_generation(own, each, joined="_") for each in self._generations]
        return [Login(Output.from_input(name), password) for name, password in zip(names, passwords, strict=True)]

    def _password(self, name: str, length: int) -> Output[str]:
        made = random.RandomPassword(name, length=length, special=False, opts=self._guarded)
        return Output.secret(made.result)

    def _certified(self, address: Output[str]) -> tuple[Output[str], Output[str], Output[str]]:
        """The authority's certificate, the server's, and the server's key."""
        signing = self._key("authority")
        authority = tls.SelfSignedCert(
            "authority",
            private_key_pem=signing.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(common_name=f"{self.site} database"),
            is_ca_certificate=True,
            set_subject_key_id=True,
            allowed_uses=["cert_signing", "crl_signing"],
            validity_period_hours=YEARS * HOURS,
            early_renewal_hours=HOURS,
            opts=self.inside,
        )
        key = self._key("certificate")
        request = tls.CertRequest(
            "certificate",
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(common_name=address),
            ip_addresses=[address],
            opts=self.inside,
        )
        signed = tls.LocallySignedCert(
            "certificate",
            ca_cert_pem=authority.cert_pem,
            ca_private_key_pem=signing.private_key_pem,
            cert_request_pem=request.cert_request_pem,
            allowed_uses=["digital_signature", "server_auth"],
            validity_period_hours=YEARS * HOURS,
            early_renewal_hours=HOURS,
            opts=self.inside,
        )
        return authority.cert_pem, signed.cert_pem, Output.secret(key.private_key_pem)

    def _key(self, name: str) -> tls.PrivateKey:
        return tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve="P256", opts=self.inside)


def _role(login: Login) -> dict[str, Any]:
    return {"role": login.user, "password": login.password}


def on_data_server(kept: Postgres, machines: DataServers, *, wanted: Wanted, ssh_from: Sequence[str]) -> Database:
    """On a machine of its own, with a disk that outlives it."""
    login = tls.PrivateKey("login", algorithm="ED25519", opts=kept.inside)
    host_key = tls.PrivateKey(kept.name, algorithm="ED25519", opts=kept.inside)
    made = machines.data_server(
        kept.name,
        user_data("postgres", site=kept.site, host_key=host_key, login=login),
        size=wanted.size,
        disk_gb=wanted.disk,
        generation=wanted.generation,
        login_public_key=login.public_key_openssh.apply(str.strip),
        ssh_from=ssh_from,
        opts=kept.inside,
    )
    machine = WebServer(made.server, host_key=host_key.public_key_openssh.apply(str.strip))
    login_key: Output[str] = Output.secret(login.private_key_openssh)
    proven = ready(
        made.server,
        host_key=machine.host_key,
        login_key=login_key,
        birth=birth_of("postgres", site=kept.site),
        renew=("database-generation", wanted.generation),
        reasons=[f"database-generation {wanted.generation}", f"database-size {wanted.size}"],
        resource=kept.resource,
    )
    return kept.keep(
        machine,
        login_key=login_key,
        address=made.private,
        device=made.disk,
        disk_gb=wanted.disk,
        after=[proven],
        births=[made.server.machine],
    )


def on_web_server(kept: Postgres, web: WebServers) -> Database:
    """On the web server's own disk, for a site that cannot pay for two machines."""
    return kept.keep(
        web.servers[0],
        login_key=web.login_key,
        address=Output.from_input(LOOPBACK),
        device=Output.from_input(""),
        disk_gb=0,
        after=web.ready,
        births=[web.servers[0].server.machine],
    )
