"""The machines a site runs on: their keys, their user data, and the wait until they are ready."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.cloud_init import CloudInitError, render
from components.clouds.cloud import Cloud, Server
from components.ready import ready
from settings import Servers

# As long as the real ones, which are unknown when a first preview measures the user data.
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + ("x" * 70 + "\n") * 5 + "-----END OPENSSH PRIVATE KEY-----\n"
ADDRESS = "255.255.255.255"
PUBLIC_KEY = f"ssh-ed25519 {'x' * 68}"


@dataclass(frozen=True)
class WebServer:
    """A machine that has proven itself, and the key it proves it with."""

    server: Server
    host_key: Output[str]

    def document(self) -> dict[str, pulumi.Input[str]]:
        """The machine as documents name it; by its id too, for its successor may get the same address."""
        return {
            "name": self.server.name,
            "machine": self.server.machine.id,
            "host": self.server.host,
            "host_key": self.host_key,
        }


class WebServers(ComponentResource):
    """Machines that are open to the web, reachable with one key, and ready for releases."""

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        site: str,
        address: Output[str],
        wanted: Servers,
        opts: ResourceOptions,
        protect: bool | None = None,
    ) -> None:
        """Every one has the environment's address; `protect` is for those whose own disk holds data."""
        super().__init__("slipway:components:WebServers", name, None, opts)
        self._inside = ResourceOptions(parent=self)
        names = [f"{name}-{number}" for number in range(1, wanted.count + 1)]
        login = tls.PrivateKey("login", algorithm="ED25519", opts=self._inside)
        keys = {each: tls.PrivateKey(each, algorithm="ED25519", opts=self._inside) for each in names}
        self._birth = birth_of(site=site)
        made = cloud.servers(
            {each: user_data(site=site, address=address, host_key=key, login=login) for each, key in keys.items()},
            size=wanted.size,
            generation=wanted.generation,
            login_public_key=_line(login.public_key_openssh),
            ssh_from=wanted.ssh_from,
            opts=ResourceOptions.merge(self._inside, ResourceOptions(protect=protect)),
        )
        self.login_key: Output[str] = Output.secret(login.private_key_openssh)
        self.servers = [WebServer(each, host_key=_line(keys[each.name].public_key_openssh)) for each in made]
        # a plan shows these beside a machine it replaces
        reasons = [f"server-generation {wanted.generation}", f"server-size {wanted.size}"]
        self.ready = [
            ready(
                each.server,
                host_key=each.host_key,
                login_key=self.login_key,
                birth=self._birth,
                renew=("server-generation", wanted.generation),
                reasons=reasons,
                resource=self,
            )
            for each in self.servers
        ]
        born = {
            each.server.name: proven.stdout.apply(str.strip)
            for each, proven in zip(self.servers, self.ready, strict=True)
        }
        self.births = {"cloud-init": self._birth, **born}
        if pulumi.runtime.is_dry_run() and "0.0.0.0/0" in wanted.ssh_from:
            pulumi.info("ssh-from: SSH (keys only) is open to every address, narrow it with ssh-from", resource=self)
        self.register_outputs({"hosts": [each.server.host for each in self.servers]})

    @property
    def document(self) -> list[dict[str, pulumi.Input[str]]]:
        """The machines as documents name them."""
        return [each.document() for each in self.servers]


def user_data(
    template: str = "web", *, site: str, address: Input[str] = "", host_key: tls.PrivateKey, login: tls.PrivateKey
) -> Output[str]:
    """A machine's user data, which carries its host key and is therefore secret."""
    keys = (host_key.private_key_openssh, host_key.public_key_openssh, login.public_key_openssh)
    return Output.secret(Output.all(address, *keys).apply(lambda found: _render(template, site, *found)))


def birth_of(template: str = "web", *, site: str) -> str:
    """What names a machine's cloud-init, keys aside; user data that no cloud would take is refused by a preview."""
    text = _render(template, site, ADDRESS, PRIVATE_KEY, PUBLIC_KEY, PUBLIC_KEY)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _render(template: str, site: str, address: str, private: str, public: str, login: str) -> str:
    try:
        # every size gets swap: a gigabyte of disk is cheap, and a migration's peak is not known beforehand
        return render(
            template,
            site=site,
            address=address,
            host_key_private=private,
            host_key_public=public,
            login_public_key=login,
            swap=True,
        )
    except CloudInitError as error:
        raise pulumi.RunError(str(error)) from None


def _line(key: Output[str]) -> Output[str]:
    return key.apply(str.strip)
