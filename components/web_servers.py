"""The machines a site runs on: their keys, their user data, and the wait until they are ready."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_command as command
import pulumi_tls as tls
from pulumi import ComponentResource, Output, ResourceOptions

from components.cloud_init import CloudInitError, render
from components.clouds.cloud import Cloud, Server
from settings import Servers

READY = (Path(__file__).parent / "ready.sh").read_text()
LOGIN = "deploy"
# As long as the real ones, which are unknown when a first preview measures the user data.
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + ("x" * 70 + "\n") * 5 + "-----END OPENSSH PRIVATE KEY-----\n"
PUBLIC_KEY = f"ssh-ed25519 {'x' * 68}"
DIALS = 120  # with the plugin's pauses about ten minutes, a machine's first boot included
DIAL_SECONDS = 10


@dataclass(frozen=True)
class WebServer:
    """A machine that has proven itself, and the key it proves it with."""

    server: Server
    host_key: Output[str]

    def document(self) -> dict[str, pulumi.Input[str]]:
        """The machine as documents name it."""
        return {"name": self.server.name, "host": self.server.host, "host_key": self.host_key}


class WebServers(ComponentResource):
    """Machines that are open to the web, reachable with one key, and ready for releases."""

    def __init__(
        self, name: str, *, cloud: Cloud, site: str, wanted: Servers, opts: ResourceOptions, protect: bool | None = None
    ) -> None:
        """`protect` is for machines whose own disk holds data, which goes with them."""
        super().__init__("slipway:components:WebServers", name, None, opts)
        self._inside = ResourceOptions(parent=self)
        names = [f"{name}-{number}" for number in range(1, wanted.count + 1)]
        login = tls.PrivateKey("login", algorithm="ED25519", opts=self._inside)
        keys = {each: tls.PrivateKey(each, algorithm="ED25519", opts=self._inside) for each in names}
        self._birth = birth_of(site=site)
        self._generation = wanted.generation
        made = cloud.servers(
            {each: user_data(site=site, host_key=key, login=login) for each, key in keys.items()},
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
        self.ready = [self._ready(each, reasons) for each in self.servers]
        born = {
            each.server.name: ready.stdout.apply(str.strip)
            for each, ready in zip(self.servers, self.ready, strict=True)
        }
        self.births = {"cloud-init": self._birth, **born}
        if pulumi.runtime.is_dry_run() and "0.0.0.0/0" in wanted.ssh_from:
            pulumi.info("ssh-from: SSH (keys only) is open to every address, narrow it with ssh-from", resource=self)
        self.register_outputs({"hosts": [each.server.host for each in self.servers]})

    @property
    def document(self) -> list[dict[str, pulumi.Input[str]]]:
        """The machines as documents name them."""
        return [each.document() for each in self.servers]

    def _ready(self, web: WebServer, reasons: list[str]) -> command.remote.Command:
        ready = command.remote.Command(
            web.server.name,
            connection=command.remote.ConnectionArgs(
                host=web.server.host,
                user=LOGIN,
                private_key=self.login_key,
                host_key=web.host_key,
                dial_error_limit=DIALS,
                per_dial_timeout=DIAL_SECONDS,
            ),
            create=f"bash -s {self._birth}",
            stdin=READY,
            triggers=[web.server.machine.id, *reasons],
            add_previous_output_in_env=False,
            logging=command.remote.Logging.NONE,  # a failure carries its output in its own text
            # what a machine was born from stays what it was born from
            opts=ResourceOptions.merge(
                self._inside, ResourceOptions(ignore_changes=["create", "stdin"], hooks=self._hint(web.server.name))
            ),
        )
        ready.stdout.apply(lambda birth: self._compare(web.server.name, birth.strip()))
        return ready

    def _hint(self, name: str) -> pulumi.ResourceHookBinding:
        """`up` again would only wait for the same machine."""

        def say(_: pulumi.ErrorHookArgs) -> bool:
            renew = f"pulumi config set server-generation {self._generation + 1} -s {pulumi.get_stack()}"
            pulumi.warn(
                f"{name} is not ready: where `pulumi up` again does not help, a new one is made by {renew}", self
            )
            return False

        return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name} is not ready", say)])

    def _compare(self, name: str, birth: str) -> None:
        if birth != self._birth:
            text = f"{name} was made from an older cloud-init/ and stays as it is, raise server-generation to renew it"
            pulumi.info(text, resource=self)


def user_data(*, site: str, host_key: tls.PrivateKey, login: tls.PrivateKey) -> Output[str]:
    """A machine's user data, which carries its host key and is therefore secret."""
    keys = Output.all(host_key.private_key_openssh, host_key.public_key_openssh, login.public_key_openssh)
    return Output.secret(keys.apply(lambda found: _render(site, *found)))


def birth_of(*, site: str) -> str:
    """What names a machine's cloud-init, keys aside; user data that no cloud would take is refused by a preview."""
    return hashlib.sha256(_render(site, PRIVATE_KEY, PUBLIC_KEY, PUBLIC_KEY).encode()).hexdigest()[:12]


def _render(site: str, private: str, public: str, login: str) -> str:
    try:
        # every size gets swap: a gigabyte of disk is cheap, and a migration's peak is not known beforehand
        return render(
            "web", site=site, host_key_private=private, host_key_public=public, login_public_key=login, swap=True
        )
    except CloudInitError as error:
        raise pulumi.RunError(str(error)) from None


def _line(key: Output[str]) -> Output[str]:
    return key.apply(str.strip)
