"""The rules of the DigitalOcean plugin, as far as the rehearsal needs them: one entry for each resource."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from rehearsal.plugins.digitalocean.rules import (
    database_needs_a_version,
    firewall_needs_a_rule,
    record_needs_its_numbers,
    same_ports,
    same_record_data,
    same_versioning,
)
from rehearsal.plugins.rules import Input, Resource, lower


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


_text = Input
_flag = partial(Input, kind="flag")
_integer = partial(Input, kind="integer")
_texts = partial(Input, kind="list")
_set = partial(Input, kind="set")
_blocks = partial(Input, kind="blocks", empty=[])
_block = partial(Input, kind="block")

NAME = _text()
_ADDRESSES: Any = _set(empty=[])


def _firewall_rules(side: str) -> Mapping[str, Input]:
    return {
        "protocol": _text(required=True),
        "portRange": _text(empty="", same=same_ports),
        **{f"{side}{what}": _ADDRESSES for what in ("Addresses", "DropletIds", "LoadBalancerUids", "KubernetesIds")},
        f"{side}Tags": _ADDRESSES,
    }


_automatic = partial(Resource, automatic_name=True)
_named = partial(Resource, automatic_name=True, named_means_delete_first=True)

RESOURCES: Mapping[str, Resource] = {
    "digitalocean:index/sshKey:SshKey": _named(
        inputs={"name": NAME, "publicKey": _text(required=True, replaces=True, state_form=str.strip)},
        outputs=("fingerprint",),
    ),
    "digitalocean:index/vpc:Vpc": _named(
        inputs={
            "name": NAME,
            "region": _text(required=True, replaces=True),
            "ipRange": _text(replaces=True, computed=True),
            "description": _text(),
        },
        outputs=("createdAt", "default", "vpcUrn"),
    ),
    "digitalocean:index/droplet:Droplet": _named(
        inputs={
            "name": NAME,
            "image": _text(required=True, replaces=True),
            "size": _text(required=True, state_form=lower),
            "region": _text(replaces=True, computed=True, state_form=lower),
            "sshKeys": _set(replaces=True),
            "userData": _text(replaces=True, state_form=_sha1),
            "vpcUuid": _text(replaces=True, computed=True),
            "tags": _set(),
            "monitoring": _flag(replaces=True, default=False),
            "ipv6": _flag(replaces=True, replaces_when=lambda old, new: bool(old) and not new, default=False),
            "ipv6Address": _text(computed=True),
            "backups": _flag(default=False),
            "backupPolicy": _block(fields={"plan": _text(), "weekday": _text(), "hour": _integer()}),
            "dropletAgent": _flag(replaces=True),
            "gracefulShutdown": _flag(default=False),
            "resizeDisk": _flag(default=True),
            "privateNetworking": _flag(computed=True),
            "publicNetworking": _flag(replaces=True, computed=True),
            "volumeIds": _set(computed=True),
        },
        outputs=(
            "createdAt", "disk", "dropletUrn", "ipv4Address", "ipv4AddressPrivate", "locked", "memory",
            "priceHourly", "priceMonthly", "status", "vcpus",
        ),
    ),
    "digitalocean:index/reservedIp:ReservedIp": Resource(
        inputs={
            "region": _text(required=True, replaces=True, state_form=lower),
            "dropletId": _integer(),
            "ipAddress": _text(computed=True),
        },
        outputs=("reservedIpUrn",),
    ),
    "digitalocean:index/reservedIpAssignment:ReservedIpAssignment": Resource(
        inputs={
            "dropletId": _integer(required=True, replaces=True),
            "ipAddress": _text(required=True, replaces=True),
        },
    ),
    "digitalocean:index/firewall:Firewall": _automatic(
        inputs={
            "name": NAME,
            "dropletIds": _set(),
            "tags": _set(),
            "inboundRules": _blocks(fields=_firewall_rules("source"), unordered=True),
            "outboundRules": _blocks(fields=_firewall_rules("destination"), unordered=True),
        },
        outputs=("createdAt", "pendingChanges", "status"),
        checks=(firewall_needs_a_rule,),
    ),
    "digitalocean:index/databaseCluster:DatabaseCluster": _named(
        inputs={
            "name": _text(replaces=True),
            "engine": _text(required=True, replaces=True),
            "version": _text(),
            "region": _text(required=True, state_form=lower),
            "size": _text(required=True),
            "nodeCount": _integer(required=True),
            "privateNetworkUuid": _text(replaces=True, computed=True),
            "projectId": _text(replaces=True, computed=True),
            "storageSizeMib": _text(computed=True),
            "tags": _set(),
            "maintenanceWindows": _blocks(fields={"day": _text(required=True), "hour": _text(required=True)}),
            "backupRestore": _block(fields={"databaseName": _text(required=True), "backupCreatedAt": _text()}),
            "evictionPolicy": _text(),
            "sqlMode": _text(),
            "storageAutoscale": _block(
                fields={
                    "enabled": _flag(required=True),
                    "incrementGib": _integer(),
                    "thresholdPercent": _integer(),
                }
            ),
        },
        outputs=(
            "clusterUrn", "database", "host", "metricsEndpoints", "password", "port", "privateHost", "privateUri",
            "uiDatabase", "uiHost", "uiPassword", "uiPort", "uiUri", "uiUser", "uri", "user",
        ),
        secrets=frozenset({"password", "privateUri", "uiPassword", "uiUri", "uri"}),
        checks=(database_needs_a_version,),
    ),
    "digitalocean:index/databaseDb:DatabaseDb": _named(
        inputs={"clusterId": _text(required=True, replaces=True), "name": _text(replaces=True)},
    ),
    "digitalocean:index/databaseUser:DatabaseUser": _named(
        inputs={
            "clusterId": _text(required=True, replaces=True),
            "name": _text(replaces=True),
            "mysqlAuthPlugin": _text(),
            "settings": _blocks(),
        },
        outputs=("accessCert", "accessKey", "password", "role"),
        secrets=frozenset({"accessCert", "accessKey", "password"}),
    ),
    "digitalocean:index/databaseFirewall:DatabaseFirewall": Resource(
        inputs={
            "clusterId": _text(required=True, replaces=True),
            "rules": _blocks(
                required=True,
                unordered=True,
                fields={
                    "type": _text(required=True),
                    "value": _text(required=True),
                    "uuid": _text(computed=True),
                    "createdAt": _text(computed=True),
                },
            ),
        },
    ),
    "digitalocean:index/spacesBucket:SpacesBucket": _named(
        inputs={
            "name": NAME,
            "region": _text(replaces=True, default="nyc3", state_form=lower),
            "acl": _text(default="private"),
            "forceDestroy": _flag(default=False),
            "versioning": _block(fields={"enabled": _flag(default=False)}, same=same_versioning),
            "lifecycleRules": _blocks(
                fields={
                    "id": _text(computed=True),
                    "prefix": _text(),
                    "enabled": _flag(required=True),
                    "abortIncompleteMultipartUploadDays": _integer(),
                    "expiration": _block(
                        fields={"date": _text(), "days": _integer(), "expiredObjectDeleteMarker": _flag()}
                    ),
                    "noncurrentVersionExpiration": _block(fields={"days": _integer()}),
                }
            ),
            "corsRules": _blocks(
                fields={
                    "allowedMethods": _texts(required=True),
                    "allowedOrigins": _texts(required=True),
                    "allowedHeaders": _texts(),
                    "maxAgeSeconds": _integer(),
                }
            ),
        },
        outputs=("bucketDomainName", "bucketUrn", "endpoint"),
    ),
    "digitalocean:index/spacesKey:SpacesKey": _automatic(
        inputs={
            "name": NAME,
            "grants": _blocks(fields={"bucket": _text(required=True), "permission": _text(required=True)}),
        },
        outputs=("accessKey", "createdAt", "secretKey"),
        secrets=frozenset({"secretKey"}),
    ),
    "digitalocean:index/dnsRecord:DnsRecord": _named(
        inputs={
            "name": NAME,
            "domain": _text(required=True, replaces=True),
            "type": _text(required=True, replaces=True),
            "value": _text(required=True, same=same_record_data),
            "ttl": _integer(computed=True),
            "priority": _integer(),
            "port": _integer(),
            "weight": _integer(),
            "flags": _integer(),
            "tag": _text(),
        },
        outputs=("fqdn",),
        checks=(record_needs_its_numbers,),
    ),
    "digitalocean:index/domain:Domain": Resource(
        inputs={"name": _text(required=True, replaces=True), "ipAddress": _text(replaces=True)},
        outputs=("domainUrn", "ttl"),
    ),
    "digitalocean:index/tag:Tag": _named(
        inputs={"name": _text(replaces=True)},
        outputs=(
            "databasesCount", "dropletsCount", "imagesCount", "totalResourceCount", "volumeSnapshotsCount",
            "volumesCount",
        ),
    ),
    "digitalocean:index/project:Project": _automatic(
        inputs={
            "name": NAME,
            "description": _text(),
            "environment": _text(),
            "purpose": _text(default="Web Application"),
            "isDefault": _flag(default=False),
            "resources": _set(computed=True),
        },
        outputs=("createdAt", "ownerId", "ownerUuid", "updatedAt"),
    ),
}  # fmt: skip
