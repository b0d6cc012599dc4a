"""The certificate authority that sites ask: Pebble, which validates for real, behind the name of Let's Encrypt."""

import sys

from rehearsal import paths
from rehearsal.system import ca, commands, processes, services

_HOME = paths.STATE / "acme"
_PEBBLE, _ADMIN = "127.0.0.1:14000", "127.0.0.1:15000"
_NINETY_DAYS = 90 * 24 * 3600
_SETTINGS = {
    "listenAddress": _PEBBLE,
    "managementListenAddress": _ADMIN,
    "certificate": "/home/pebble.crt",
    "privateKey": "/home/pebble.key",
    "httpPort": 80,
    "tlsPort": 443,
    "certificateValidityPeriod": _NINETY_DAYS,
}
# No artificial waits before validation, which test clients' patience; everything else as strict as Pebble is.
_ENVIRONMENT = {"PEBBLE_VA_NOSLEEP": "1"}
_LIMIT = 30


class AcmeError(RuntimeError):
    """The certificate authority did not start"""


def start() -> None:
    """Start Pebble and its front, and trust its root; what runs already is left alone."""
    _HOME.mkdir(parents=True, exist_ok=True)
    _write_settings()
    processes.spawn("acme", "pebble", services.command(services.plan(_HOME), _pebble()), environment=_ENVIRONMENT)
    _trust_root()
    front = [sys.executable, "-m", "rehearsal.system.acme_front", str(_HOME), _PEBBLE]
    processes.spawn("acme", "front", commands.inside(front), environment={"PYTHONPATH": str(paths.REPOSITORY)})


def _pebble() -> list[str]:
    return ["pebble", "-strict", "-config", "/home/pebble.json", "-dnsserver", f"{paths.GATEWAY}:53"]


def _write_settings() -> None:
    if not (_HOME / "pebble.json").exists():
        _write_certificate("pebble", ["localhost", "127.0.0.1"])
        _write_certificate("front", [paths.ACME_NAME, paths.ACME_TRIAL_NAME])
        processes.write_json(_HOME / "pebble.json", {"pebble": _SETTINGS})
    (_HOME / "ca.pem").write_text(ca.rehearsal().certificate())


def _write_certificate(name: str, names: list[str]) -> None:
    certificate, key = ca.issue(names)
    (_HOME / f"{name}.crt").write_text(certificate)
    ca.write_private(_HOME / f"{name}.key", key)


def _trust_root() -> None:
    """Pebble makes a new root at every start; certificates from an earlier one stay in use, so roots add up."""
    if not processes.wait_until(_root, limit=_LIMIT):
        raise AcmeError(f"acme: Pebble should answer within {_LIMIT} s, see {paths.log('acme-pebble')}")
    known = paths.PEBBLE_ROOTS.read_text() if paths.PEBBLE_ROOTS.exists() else ""
    if (root := _root()) not in known:
        paths.PEBBLE_ROOTS.write_text(known + root)
    ca.write_bundle()


def _root() -> str:
    ask = ["curl", "--silent", "--fail", "--max-time", "5", "--cacert", "/home/ca.pem", f"https://{_ADMIN}/roots/0"]
    return services.run(services.plan(_HOME), ask).stdout
