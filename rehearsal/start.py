"""Starting what a rehearsal stands on, from packages to the daemon, and the environment of a terminal in it."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
from pathlib import Path

from rehearsal import accounts, browser, engine, paths, shadow
from rehearsal.steps import Steps
from rehearsal.system import host, hypervisor, inside, processes, roots

_DAEMON_LIMIT = 60.0


def start(steps: Steps, *, cloud: str | None = None) -> dict[str, str]:
    """Start everything that does not run yet (running it again only looks); return a terminal's environment.

    `cloud` is where the stacks are taken instead of the cloud their files name.
    """
    with steps.step("packages of this computer"):
        host.ensure_host_packages(steps.note)
        browser.ensure_browser()
    with steps.step("the Pulumi engine"):
        found = engine.engine(steps.note)
        steps.note(found.describe())
    with steps.step("Debian 13 roots"):
        roots.ensure_roots(steps.note)
    with steps.step("network, cloud, certificates"):
        hypervisor.start_network()
        _ensure_daemon()
    with steps.step("shadow project"):
        moved = {"cloud": cloud, "region": accounts.ACCOUNTS[cloud].region} if cloud else None
        stacks = shadow.make_shadow(
            project=paths.REPOSITORY, shadow=paths.SHADOW, plugins=found.project_plugins(), moved=moved
        )
        inside.write_commands(engine=found.path, plugins=found.stand_ins)
        paths.BACKEND.mkdir(parents=True, exist_ok=True)
        environment = {**_environment(), **_plugins(found)}
        _write(environment)
        steps.note(f"{', '.join(stacks)} in {os.path.relpath(paths.SHADOW)}")
    return environment | {"PATH": f"{paths.BIN}:{os.environ['PATH']}"}


def _plugins(found: engine.Engine) -> dict[str, str]:
    """Stand-ins: nothing is fetched. Official ones: fetched here, where the network is, into the user's own home."""
    if found.official:
        subprocess.run([found.path, "-C", paths.SHADOW, "plugin", "install"], check=True)
        return {}
    return {"PULUMI_HOME": str(paths.STATE / "pulumi-home"), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


def _environment() -> dict[str, str]:
    """What puts a terminal into the rehearsal, besides PATH and the prompt."""
    return {
        **accounts.environment(),
        "PULUMI_BACKEND_URL": f"file://{paths.BACKEND}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase()),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "SLIPWAY_PROJECT": str(paths.SHADOW),
        "SLIPWAY_REHEARSAL_DIR": str(paths.STATE),
        "BROWSER": str(paths.BIN / "browser"),
    }


def _passphrase() -> Path:
    """The passphrase of the rehearsal's own backend: made once, readable by its owner only."""
    file = paths.STATE / "passphrase"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file


def _write(environment: dict[str, str]) -> None:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines.append(f'case ":$PATH:" in *:{paths.BIN}:*) ;; *) export PATH={shlex.quote(str(paths.BIN))}:"$PATH" ;; esac')
    lines.append("""case "${PS1-}" in *rehearsal*) ;; *) PS1="(rehearsal) ${PS1-\\$ }" ;; esac""")
    paths.ENV.write_text("# . this file: then `pulumi` and `slipway` mean the rehearsal\n" + "\n".join(lines) + "\n")


def _ensure_daemon() -> None:
    """The daemon that runs, or a new one: it finds its machines and its state again."""
    if _ready():
        return
    started = hypervisor.spawn_daemon([sys.executable, "-m", "rehearsal.cloud"], log=paths.log("daemon"))
    done = processes.wait_until(lambda: _ready() or not processes.alive(started), limit=_DAEMON_LIMIT)
    if not (done and _ready()):
        raise SystemExit(
            f"rehearsal: the daemon did not come up within {_DAEMON_LIMIT:.0f} s, see {paths.log('daemon')}"
        )


def _ready() -> bool:
    """The daemon that announced itself is the process that runs, not a later one with its number."""
    try:
        said = json.loads(paths.DAEMON.read_text())
    except (OSError, ValueError):
        return False
    return bool(processes.start_ticks(said["pid"]) == said["start_time"])
