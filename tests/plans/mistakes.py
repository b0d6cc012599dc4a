"""Mistaken edits of a stack file: the edit, the setting that is refused, and the words that say what to do.

A refusal with MEANT in it says how to really mean it, one without says what to write instead; HARMLESS ones are
planned. Regions are DigitalOcean's; `there` has the words for another cloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEANT = "To really mean it"
HARMLESS = ""
NO_NETWORK = "has no meaning on hetzner, where an environment makes its own, take network out"
NO_STANDBY = "has no meaning on hetzner, which sells no database, take database-standby out"
NO_SERVER = "has no meaning on digitalocean, which keeps the database on servers of its own, take database-.* out"
KEEP_IT = "write 2 to keep it or 3 to renew it"
KEEP_THEM = "write 2 to keep them or 3 to renew"

Edit = Mapping[str, Any]
Mistakes = Mapping[str, tuple[Edit, str, str]]


@dataclass(frozen=True)
class As:
    """The value that another setting has in this file: the text of a secret is the engine's own."""

    key: str


ANOTHER_NETWORK = "another network"
OTHER = f"sha256-{'b' * 64}"
_THERE = {"hetzner": {"ams3": "nbg1", "fra11": "fsn11"}}
# What a stack without a Postgres of the cloud's cannot say; the second without any.
SIZES: Edit = dict.fromkeys(("database-size", "database-standby", "database-generation", "database-disk"))
GONE: Edit = {**SIZES, "extensions": None}
KEYS: Edit = dict.fromkeys(
    ("storage-access-key", "storage-secret-key", "storage-site-access-key", "storage-site-secret-key")
)


def there(cloud: str, value: Any) -> Any:
    """A region as this cloud calls one like it."""
    return _THERE.get(cloud, {}).get(value, value) if isinstance(value, str) else value


# Each stack that stands; Hetzner's have two pairs of keys, too.
STACKS: Mapping[str, Mapping[str, Edit]] = {
    "digitalocean": {
        "production": {
            "server-generation": 2,
            "server-size": "medium",
            "database-size": "medium",
            "database-standby": True,
            "protect": True,
            "extensions": ["citext"],
        },
        "qa": {"hosts": ["qa.example.org"], "network": "one network"},
    },
    "hetzner": {
        "production": {
            "server-generation": 2,
            "server-size": "medium",
            "database-size": "medium",
            "database-generation": 2,
            "database-disk": 40,
            "protect": True,
            "extensions": ["citext"],
        },
        "qa": {"hosts": ["qa.example.org"], "database-generation": 2, "database-disk": 40},
        "small": {"hosts": ["small.example.org"], "database": "local", "database-generation": None},
        "tiny": {"hosts": ["tiny.example.org"], "database": "sqlite"},
    },
}

_PROTECTED: Mistakes = {
    "region": ({"region": "ams3"}, "region", MEANT),
    "a region with a typo": ({"region": "fra11"}, "region", MEANT),
    "no region": ({"region": None}, "region", "is required"),
    "site renamed": ({"site": "shop"}, "site", MEANT),
    "media on disk": ({"media": "disk"}, "media", MEANT),
    "media public": ({"media": "public"}, HARMLESS, ""),
    "no database": ({"database": "none", **GONE}, "database", MEANT),
    "no database, its size left": ({"database": "none"}, "database-size", "no meaning"),
    "a database on the web server": ({"database": "local", **SIZES}, "database", MEANT),
    "a database in a file": ({"database": "sqlite", **GONE}, "database", MEANT),
    "a larger database": ({"database-size": "large"}, HARMLESS, ""),
    "other extensions": ({"extensions": ["hstore"]}, HARMLESS, ""),
    "a larger server": ({"server-size": "large"}, HARMLESS, ""),
    "a smaller server": ({"server-size": "small"}, HARMLESS, ""),
    "server-generation raised": ({"server-generation": 3}, HARMLESS, ""),
    "server-generation lowered": ({"server-generation": 1}, "server-generation", KEEP_THEM),
    "no server-generation": ({"server-generation": None}, "server-generation", KEEP_THEM),
    "server-generation in words": ({"server-generation": "two"}, "server-generation", "integer"),
    "no servers": ({"servers": 0}, "servers", "1 or more"),
    "two servers": ({"servers": 2}, "servers", "load balancer"),
    "another zone": ({"domain": "example.net", "hosts": ["example.net"]}, "domain", "zone in this"),
    "a host outside the zone": ({"hosts": ["www.example.net"]}, "hosts", "should end in"),
    "other hosts": ({"hosts": ["shop.example.org"]}, HARMLESS, ""),
    "no names": ({"domain": None, "hosts": None}, HARMLESS, ""),
    "dns kept elsewhere": ({"dns": "external"}, HARMLESS, ""),
    "a cloud with a typo": ({"cloud": "digitalocaen"}, "cloud", "digitalocean"),
    "a key with a typo": ({"regoin": "fra1"}, "regoin", "did you mean region"),
    "another artifact": ({"artifact": OTHER}, HARMLESS, ""),
    "an artifact with a typo": ({"artifact": "sha256-b"}, "artifact", "64 hex digits"),
    "another project beside the pin": ({"project": "examples/other"}, HARMLESS, ""),
    "neither artifact nor project": ({"artifact": None}, "project", "is required"),
    "no settings module": ({"settings": None}, "settings", "is required"),
    "no secrets": ({"secrets": None}, HARMLESS, ""),
    "no env": ({"env": None}, HARMLESS, ""),
    "packages": ({"packages": ["gettext"]}, HARMLESS, ""),
    "unprotected": ({"protect": False}, HARMLESS, ""),
    "protect left out": ({"protect": None}, HARMLESS, ""),
    "unprotected, and the region": ({"protect": False, "region": "ams3"}, "region", "1. protect: false, everything"),
    "protect left out, and no database": ({"protect": None, "database": "none", **GONE}, "database", MEANT),
    "given up while protected": ({"region": "ams3", "accept-data-loss": ["region"]}, "region", MEANT),
    "given up in the run that unprotects": (
        {"site": "shop", "protect": False, "accept-data-loss": ["site"]},
        "site",
        "1. protect: false, everything",
    ),
    "given up and nothing changed": ({"accept-data-loss": ["region"]}, "accept-data-loss", "take it out again"),
    "given up what is no setting": ({"accept-data-loss": ["regoin"]}, "accept-data-loss", "a setting whose change"),
    "region and site at once": ({"region": "ams3", "site": "shop"}, "region", r"accept-data-loss: \[site, region\]"),
}
_UNPROTECTED: Mistakes = {
    "region": ({"region": "ams3"}, "region", MEANT),
    "site renamed": ({"site": "shop"}, "site", MEANT),
    "media on disk": ({"media": "disk"}, "media", MEANT),
    "no database": ({"database": "none", **GONE}, "database", MEANT),
    "protected, and the region": ({"protect": True, "region": "ams3"}, "region", MEANT),
    "another setting given up": ({"region": "ams3", "accept-data-loss": ["site"]}, "region", MEANT),
    "a larger server": ({"server-size": "large"}, HARMLESS, ""),
    "protected": ({"protect": True}, HARMLESS, ""),
}

# By stack; where a cloud has nothing of a kind, the refusal says so.
MISTAKES: Mapping[str, Mapping[str, Mistakes]] = {
    "digitalocean": {
        "production": {
            **_PROTECTED,
            "a network of one's own": ({"network": ANOTHER_NETWORK}, "network", MEANT),
            "a smaller database": ({"database-size": "small"}, "database-standby", "needs a larger database"),
            "a smaller database, no standby": ({"database-size": "small", "database-standby": False}, HARMLESS, ""),
            "no standby": ({"database-standby": False}, HARMLESS, ""),
            "a database's generation": ({"database-generation": 2}, "database-generation", NO_SERVER),
            "a database's disk": ({"database-disk": 60}, "database-disk", NO_SERVER),
            "to hetzner": ({"cloud": "hetzner"}, "cloud", MEANT),
            "to hetzner, with a region of its": (
                {"cloud": "hetzner", "region": "fsn1"},
                "cloud",
                r"accept-data-loss: \[cloud, region\]",
            ),
        },
        "qa": {
            **_UNPROTECTED,
            "another network": ({"network": ANOTHER_NETWORK}, "network", MEANT),
            "no network of one's own": ({"network": None}, "network", MEANT),
            "to hetzner": ({"cloud": "hetzner", "region": "fsn1", "network": None}, "cloud", MEANT),
        },
    },
    "hetzner": {
        "production": {
            **_PROTECTED,
            "a network of one's own": ({"network": ANOTHER_NETWORK}, "network", NO_NETWORK),
            "a standby": ({"database-standby": True}, "database-standby", NO_STANDBY),
            "a smaller database": ({"database-size": "small"}, HARMLESS, ""),
            "a size of another cloud's": ({"database-size": "db-s-1vcpu-1gb"}, "database-size", "Hetzner's x86"),
            "database-generation raised": ({"database-generation": 3}, HARMLESS, ""),
            "database-generation lowered": ({"database-generation": 1}, "database-generation", KEEP_IT),
            "no database-generation": ({"database-generation": None}, "database-generation", KEEP_IT),
            "database-generation in words": ({"database-generation": "two"}, "database-generation", "integer"),
            "a larger disk": ({"database-disk": 60}, HARMLESS, ""),
            "a smaller disk": ({"database-disk": 30}, "database-disk", "a disk only grows .*, write 40"),
            "no database-disk": ({"database-disk": None}, "database-disk", "a disk only grows .*, write 40"),
            "hardly a disk": ({"database-disk": 5}, "database-disk", "10 or more"),
            "a disk in words": ({"database-disk": "40 GB"}, "database-disk", "integer"),
            "a smaller disk, unprotected": ({"database-disk": 30, "protect": False}, "database-disk", "write 40"),
            "another pair of the program's": (
                {"storage-access-key": As("storage-secret-key"), "storage-secret-key": As("storage-access-key")},
                HARMLESS,
                "",
            ),
            "another pair of the servers'": ({"storage-site-secret-key": As("storage-secret-key")}, HARMLESS, ""),
            "no keys": (KEYS, "storage-access-key", "is required on hetzner"),
            "a key forgotten": ({"storage-site-secret-key": None}, "storage-site-secret-key", "goes with the other"),
            "a key in plain text": ({"storage-access-key": "AKIA"}, "storage-access-key", "is in plain text"),
            "to digitalocean": ({"cloud": "digitalocean"}, "cloud", MEANT),
            "no cloud": ({"cloud": None}, "cloud", MEANT),
            "to digitalocean, with a region of its": (
                {"cloud": "digitalocean", "region": "fra1", **KEYS},
                "cloud",
                r"accept-data-loss: \[cloud, region\]",
            ),
            "unprotected, and no database": ({"protect": False, "database": "none", **GONE}, "database", "1. protect"),
            "unprotected, and the database's server": ({"protect": False, "database-generation": 3}, HARMLESS, ""),
        },
        "qa": {
            **_UNPROTECTED,
            "a network of one's own": ({"network": ANOTHER_NETWORK}, "network", NO_NETWORK),
            "a larger database": ({"database-size": "large"}, HARMLESS, ""),
            "a smaller disk": ({"database-disk": 30}, "database-disk", "a disk only grows"),
            "database-generation lowered": ({"database-generation": 1}, "database-generation", KEEP_IT),
            "a database on the web server": ({"database": "local", **SIZES}, "database", MEANT),
            "a database in a file": ({"database": "sqlite", **GONE}, "database", MEANT),
            "protected, and no database": ({"protect": True, "database": "none", **GONE}, "database", MEANT),
            "to digitalocean": ({"cloud": "digitalocean", "region": "fra1", **KEYS}, "cloud", MEANT),
        },
        "small": {
            "a database of the cloud's": ({"database": "managed"}, "database", MEANT),
            "a database in a file": ({"database": "sqlite"}, "database", MEANT),
            "no database": ({"database": "none"}, "database", MEANT),
            "a larger server": ({"server-size": "large"}, "server-size", MEANT),
            "server-generation raised": ({"server-generation": 2}, "server-generation", MEANT),
            "region": ({"region": "ams3"}, "region", MEANT),
            "protected": ({"protect": True}, HARMLESS, ""),
        },
        "tiny": {
            "a database of the cloud's": ({"database": "managed"}, "database", MEANT),
            "a database on the web server": ({"database": "local"}, "database", MEANT),
            "no database": ({"database": "none"}, "database", MEANT),
            "a larger server": ({"server-size": "large"}, HARMLESS, ""),
            "region": ({"region": "ams3"}, "region", MEANT),
        },
    },
}

# The refusals' own steps, so that the rest is known to see a loss: the stack, the edit, and the kinds that then go.
MEANT_EDITS: Mapping[str, Mapping[str, tuple[str, Edit, set[str]]]] = {
    "digitalocean": {
        "region and network": (
            "qa",
            {"region": "ams3", "network": None, "accept-data-loss": ["region", "network"]},
            {"DatabaseCluster", "DatabaseDb", "SpacesBucket", "ReservedIp"},
        ),
    },
    "hetzner": {
        "region": (
            "qa",
            {"region": "ams3", "accept-data-loss": ["region"]},
            {"Volume", "FloatingIp", "Command"},
        ),
        "no database": ("qa", {"database": "none", **GONE, "accept-data-loss": ["database"]}, {"Volume"}),
        "a database in a file": ("qa", {"database": "sqlite", **GONE, "accept-data-loss": ["database"]}, {"Volume"}),
        "to digitalocean": (
            "qa",
            {
                **{"cloud": "digitalocean", "region": "fra1", **KEYS, **GONE},
                "accept-data-loss": ["cloud", "region"],
            },
            {"Volume", "FloatingIp", "Network", "Command"},
        ),
        "a database of the cloud's": (
            "small",
            {"database": "managed", "accept-data-loss": ["database"]},
            set(),
        ),
    },
}
