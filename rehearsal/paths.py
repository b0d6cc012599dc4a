"""Where the rehearsal of this checkout lives: its directories, its id, the names and addresses made from it."""

import hashlib
import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]

PUBLIC: Final = IPv4Network("198.51.100.0/24")
PRIVATE: Final = IPv4Network("10.0.0.0/8")
GATEWAY: Final = "198.51.100.1"  # DNS on 53, the API on API_PORT; what machines see as their gateway
S3: Final = "198.51.100.2"
ACME: Final = "198.51.100.3"
METADATA: Final = "169.254.169.254"
API_PORT: Final = 8081
API_URL: Final = f"http://{GATEWAY}:{API_PORT}"
ACME_NAME: Final = "acme-v02.api.letsencrypt.org"
ACME_TRIAL_NAME: Final = "acme-staging-v02.api.letsencrypt.org"  # where Caddy tries again after a refusal


def _shared_cache() -> Path:
    if chosen := os.environ.get("SLIPWAY_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "slipway"


# The state directory is everything that `destroy` removes; the cache stays.
STATE: Final = Path(os.environ.get("SLIPWAY_REHEARSAL_DIR") or REPOSITORY / ".rehearsal").absolute()
SHARED_CACHE: Final = _shared_cache()  # slipway's own: layers and manifests
CACHE: Final = SHARED_CACHE / "rehearsal"  # Debian roots, package archives, the engine

# Six hex digits that every name this rehearsal leaves on the host carries.
IDENTITY: Final = hashlib.sha256(str(STATE).encode()).hexdigest()[:6]

NETNS: Final = f"slipway-{IDENTITY}"  # the main network namespace, and the prefix of the machines'
CGROUP: Final = f"slipway-{IDENTITY}"  # in every hierarchy used
NFT_TABLE: Final = f"slipway_{IDENTITY}"  # on the host
HOST_LINK: Final = f"sw{IDENTITY}h"  # the veth end that stays on the host
INNER_LINK: Final = f"sw{IDENTITY}n"  # the veth end in the main namespace

RUN: Final = STATE / "run"  # records of processes: <kind>-<name>.json
LOG: Final = STATE / "log"
BIN: Final = STATE / "bin"  # the commands that run inside: inside, pulumi, slipway, browser, python3.13
SHADOW: Final = STATE / "project"
SCREENSHOTS: Final = STATE / "screenshots"
BACKEND: Final = STATE / "backend"
MACHINES: Final = STATE / "machines"
POSTGRES: Final = STATE / "postgres"
VOLUMES: Final = STATE / "volumes"
CA: Final = STATE / "ca.pem"  # the rehearsal's root certificate
CA_BUNDLE: Final = STATE / "ca-bundle.pem"  # what `inside` trusts: the host's roots, ours and Pebble's
PEBBLE_ROOTS: Final = STATE / "pebble-roots.pem"  # every root a Pebble of this rehearsal has issued from
RESOLV_CONF: Final = STATE / "resolv.conf"
ENV: Final = STATE / "env"
CHOSEN: Final = STATE / "cloud"  # the cloud the stacks were taken to, empty where each lives where its file says
DAEMON: Final = STATE / "daemon.json"
DOORWAY: Final = STATE / "doorway.json"  # {"port": the loopback port of the proxy for a person on the host}
REQUESTS: Final = STATE / "requests.jsonl"


def link_network() -> IPv4Network:
    """The /30 between host and main namespace: the host has its first address, the namespace the second."""
    first, second = (int(IDENTITY[at : at + 2], 16) for at in (0, 2))
    return IPv4Network((int(IPv4Address("10.213.0.0")) + first * 256 + second % 64 * 4, 30))


def machine_netns(machine: int) -> str:
    """The network namespace of one machine."""
    return f"{NETNS}-{machine}"


def netns_file(name: str) -> Path:
    """Where iproute2 keeps a named network namespace."""
    return Path("/run/netns") / name


def record(kind: str, name: str | int) -> Path:
    """The record of a process that was started."""
    return RUN / f"{kind}-{name}.json"


def log(name: str) -> Path:
    """A log file of this rehearsal."""
    return LOG / f"{name}.log"


def machine(number: int) -> Path:
    """The directory of one machine: its definition and its disk."""
    return MACHINES / str(number)


def postgres(cluster: str) -> Path:
    """The directory of one Postgres cluster."""
    return POSTGRES / cluster
