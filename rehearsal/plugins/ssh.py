"""An SSH session for a remote command: OpenSSH's own client, a pinned host key, patient dialling."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.plugins import guard, shell
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.stand_in import Call
from rehearsal.plugins.wire import Values

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 5.0, 1.5
_NO_LIMIT = -1


class DialFailed(Exception):
    """The machine did not take the connection often enough."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A connection that is up: each run is one more channel of it."""

    call: Call
    argv: tuple[str, ...]

    def run(
        self,
        command: str,
        *,
        environment: Mapping[str, str],
        previous: Mapping[str, str],
        stdin: str | None,
        logging: str | None,
    ) -> Values:
        """Run a command on the machine."""
        if missing := self._not_accepted(environment):
            raise Refused(f'could not set environment variable "{missing}": ssh: setenv failed')
        if missing := self._not_accepted(previous):
            self.call.log.warning(
                self.call.urn, f"Unable to set '{missing}': the SSH server does not accept it (AcceptEnv)"
            )
        sent = {**environment, **previous}
        return shell.run(
            self.call,
            command,
            argv=[*self._argv(sent), command],
            directory=None,
            environment={**os.environ, **sent},
            stdin=stdin,
            logging=logging,
            died="Process exited with status {}",
        )

    def _not_accepted(self, variables: Mapping[str, str]) -> str | None:
        """The first variable that the server drops. OpenSSH's client does not say so, hence the look at the far end."""
        if not variables:
            return None
        test = "; ".join(f'[ "${{{name}+set}}" ] || {{ echo {shlex.quote(name)}; exit; }}' for name in variables)
        told = subprocess.run(
            [*self._argv(variables), test],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return told.stdout.strip() or None

    def _argv(self, variables: Mapping[str, str]) -> list[str]:
        *client, host = self.argv
        # By name: values travel in the client's environment, so that none is seen in a list of processes.
        return [*client, *(f"-oSendEnv={name}" for name in variables), host]


@contextmanager
def connected(call: Call, connection: Values) -> Iterator[Session]:
    """Dial the machine, hold the connection for the body, hang up and leave no key behind."""
    guard.own_address(connection["host"], what="connection.host", private=True)
    for key in ("password", "privateKeyPassword"):
        if connection.get(key) is not None:
            raise Refused(f"connection.{key}: this stand-in knows private keys without a passphrase only")
    with tempfile.TemporaryDirectory(prefix="slipway-ssh-") as scratch:
        argv = _client(connection, Path(scratch))
        _dial(call, argv, connection)
        try:
            yield Session(call=call, argv=argv)
        finally:
            subprocess.run([*argv[:-1], "-Oexit", argv[-1]], capture_output=True, check=False)


def _client(connection: Values, scratch: Path) -> tuple[str, ...]:
    options = {
        "BatchMode": "yes",
        "ControlPath": str(scratch / "control"),
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "Port": str(connection["port"]),
        "User": connection["user"],
        **_timeout(connection),
        **_identity(connection, scratch),
        **_pin(connection, scratch),
    }
    return ("ssh", "-F/dev/null", *(f"-o{name}={value}" for name, value in options.items()), connection["host"])


def _timeout(connection: Values) -> dict[str, str]:
    return {"ConnectTimeout": str(connection["perDialTimeout"])} if connection["perDialTimeout"] > 0 else {}


def _identity(connection: Values, scratch: Path) -> dict[str, str]:
    if agent := connection.get("agentSocketPath"):
        return {"IdentityAgent": agent, "IdentitiesOnly": "no"}
    if not connection.get("privateKey"):
        return {}
    key = _written(scratch / "key", connection["privateKey"].strip() + "\n")
    return {"IdentityFile": str(key), "IdentityAgent": "none"}


def _pin(connection: Values, scratch: Path) -> dict[str, str]:
    line = connection.get("hostKey")
    if not line:
        return {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null"}
    algorithm = line.split()[0]
    known = _written(scratch / "known_hosts", f"machine {' '.join(line.split()[:2])}\n")
    return {
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlgorithms": algorithm,
        "HostKeyAlias": "machine",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(known),
    }


def _written(path: Path, text: str) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def _dial(call: Call, argv: tuple[str, ...], connection: Values) -> None:
    """Connect, as often as the program allows, with pauses that grow as the official plugin's do."""
    limit, pause, attempt = connection["dialErrorLimit"], _FIRST_PAUSE, 0
    ends = time.monotonic() + call.timeout if call.timeout else float("inf")
    while failed := _dialled(argv):
        attempt += 1
        if limit > _NO_LIMIT and attempt > limit:
            raise DialFailed(f"after {attempt - 1} failed attempts: {failed}")
        if call.cancelled.is_set() or time.monotonic() + pause > ends:
            raise DialFailed(f"{'cancelled' if call.cancelled.is_set() else 'timed out'}, the last attempt: {failed}")
        call.log.info(call.urn, f"Dial {attempt}/{'inf' if limit == _NO_LIMIT else limit} failed: retrying")
        call.cancelled.wait(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _dialled(argv: tuple[str, ...]) -> str | None:
    """Bring the shared connection up; why not, or None."""
    # The master goes to the background when it is through: it must hold none of our pipes, or we would wait for it.
    *client, host = argv
    with tempfile.TemporaryFile() as complaints:
        done = subprocess.run(
            # The master lets through whatever variables a channel names.
            [*client, "-oControlMaster=yes", "-oControlPersist=600", "-oSendEnv=*", "-fN", host],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            check=False,
        )
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip()
    return None if done.returncode == 0 else _reason(said) or f"ssh ended with status {done.returncode}"


def _reason(said: str) -> str:
    """The one line that matters of what the client said."""
    if "Host key verification failed" in said:
        return "ssh: handshake failed: ssh: host key mismatch"
    return said.splitlines()[-1] if said else ""
