"""The rules of the Hetzner Cloud plugin, as far as the rehearsal needs them: one entry for each resource."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rehearsal.plugins.hcloud.rules import (
    a_kind_of_subnet,
    a_network_once,
    a_range,
    an_assignee_has_a_type,
    has_records,
    left_alone,
    left_to_others,
    nameservers_fit,
    networks,
    one_of,
    outside_its_subnet,
    possible_rules,
    sha1,
)
from rehearsal.plugins.rules import Input, Resource

_text = Input
_flag = partial(Input, kind="flag")
_integer = partial(Input, kind="integer")
_set = partial(Input, kind="set")
_blocks = partial(Input, kind="blocks", empty=[])

NAME = _text()
LABELS = Input(kind="map")
PROTECTED = _flag(default=False)
_FRAMEWORK_LABELS = Input(kind="map", computed=True, default={})
_ADDRESSES = _set(empty=[], state_form=networks)

_automatic = partial(Resource, automatic_name=True)
_named = partial(Resource, automatic_name=True, named_means_delete_first=True)
_framework = partial(Resource, framework="plugin-framework")
_framework_named = partial(Resource, framework="plugin-framework", automatic_name=True)

RESOURCES: Mapping[str, Resource] = {
    "hcloud:index/sshKey:SshKey": _framework_named(
        inputs={"name": NAME, "publicKey": _text(required=True, replaces=True), "labels": _FRAMEWORK_LABELS},
        outputs=("fingerprint",),
    ),
    "hcloud:index/placementGroup:PlacementGroup": _automatic(
        inputs={"name": NAME, "type": _text(required=True), "labels": LABELS},
        outputs=("servers",),
    ),
    "hcloud:index/network:Network": _named(
        inputs={
            "name": NAME,
            "ipRange": _text(required=True, replaces=True),
            "labels": LABELS,
            "deleteProtection": PROTECTED,
            "exposeRoutesToVswitch": _flag(default=False),
        },
        checks=(a_range,),
    ),
    "hcloud:index/networkSubnet:NetworkSubnet": Resource(
        inputs={
            "networkId": _integer(required=True, replaces=True),
            "type": _text(required=True, replaces=True),
            "networkZone": _text(required=True, replaces=True),
            "ipRange": _text(required=True, replaces=True),
            "vswitchId": _integer(replaces=True),
        },
        outputs=("gateway",),
        checks=(a_kind_of_subnet, a_range),
    ),
    "hcloud:index/server:Server": _named(
        inputs={
            "name": NAME,
            "serverType": _text(required=True),
            "image": _text(replaces=True, computed=True),
            "location": _text(replaces=True, computed=True),
            "datacenter": _text(replaces=True, computed=True),
            "userData": _text(replaces=True, state_form=sha1),
            "sshKeys": Input(kind="list", replaces=True),
            "labels": LABELS,
            "firewallIds": _set(computed=True, same=left_to_others),
            "ignoreRemoteFirewallIds": _flag(default=False),
            "placementGroupId": _integer(),
            "publicNets": _blocks(
                unordered=True,
                same=left_alone,
                fields={
                    "ipv4Enabled": _flag(default=True),
                    "ipv6Enabled": _flag(default=True),
                    "ipv4": _integer(computed=True),
                    "ipv6": _integer(computed=True),
                },
            ),
            "networks": _blocks(
                unordered=True,
                same=left_alone,
                fields={
                    "networkId": _integer(computed=True),
                    "subnetId": _text(computed=True),
                    "ip": _text(computed=True),
                    "aliasIps": _set(empty=[], empty_checked=True),
                    "macAddress": _text(computed=True),
                },
            ),
            "backups": _flag(default=False),
            "deleteProtection": PROTECTED,
            "rebuildProtection": PROTECTED,
            "shutdownBeforeDeletion": _flag(default=False),
            "keepDisk": _flag(default=False),
            "iso": _text(),
            "rescue": _text(),
            "allowDeprecatedImages": _flag(),
        },
        outputs=("backupWindow", "ipv4Address", "ipv6Address", "ipv6Network", "primaryDiskSize", "status"),
        checks=(a_network_once,),
    ),
    "hcloud:index/serverNetwork:ServerNetwork": _framework(
        inputs={
            "serverId": _integer(required=True, replaces=True),
            "networkId": _integer(replaces=True, computed=True),
            "subnetId": _text(replaces=True),
            "ip": _text(replaces=True, computed=True),
            "aliasIps": _set(computed=True, default=[]),
        },
        outputs=("macAddress",),
        checks=(one_of("networkId", "subnetId"),),
        due=outside_its_subnet,
    ),
    "hcloud:index/floatingIp:FloatingIp": _named(
        inputs={
            "name": _text(computed=True),
            "type": _text(required=True, replaces=True),
            "homeLocation": _text(replaces=True, computed=True),
            "serverId": _integer(computed=True),
            "description": _text(),
            "labels": LABELS,
            "deleteProtection": PROTECTED,
        },
        outputs=("ipAddress", "ipNetwork"),
    ),
    "hcloud:index/floatingIpAssignment:FloatingIpAssignment": Resource(
        inputs={"floatingIpId": _integer(required=True, replaces=True), "serverId": _integer(required=True)},
    ),
    "hcloud:index/primaryIp:PrimaryIp": _framework_named(
        inputs={
            "name": NAME,
            "type": _text(required=True, replaces=True),
            "location": _text(replaces=True, computed=True),
            "datacenter": _text(replaces=True, computed=True),
            "assigneeId": _integer(computed=True),
            "assigneeType": _text(computed=True),
            "autoDelete": _flag(computed=True, default=False),
            "deleteProtection": _flag(computed=True, default=False),
            "labels": _FRAMEWORK_LABELS,
        },
        outputs=("ipAddress", "ipNetwork"),
        checks=(one_of("location", "datacenter", "assigneeId"), an_assignee_has_a_type),
    ),
    "hcloud:index/rdns:Rdns": _framework(
        inputs={
            "dnsPtr": _text(required=True),
            "ipAddress": _text(required=True, replaces=True),
            "serverId": _integer(replaces=True),
            "primaryIpId": _integer(replaces=True),
            "floatingIpId": _integer(replaces=True),
            "loadBalancerId": _integer(replaces=True),
        },
        checks=(one_of("serverId", "primaryIpId", "floatingIpId", "loadBalancerId"),),
    ),
    "hcloud:index/firewall:Firewall": _automatic(
        inputs={
            "name": NAME,
            "labels": Input(kind="map", computed=True),
            "applyTos": _blocks(
                computed=True,
                unordered=True,
                same=left_alone,
                fields={"labelSelector": _text(computed=True), "server": _integer(computed=True)},
            ),
            "rules": _blocks(
                unordered=True,
                fields={
                    "direction": _text(required=True),
                    "protocol": _text(required=True),
                    "port": _text(empty=""),
                    "sourceIps": _ADDRESSES,
                    "destinationIps": _ADDRESSES,
                    "description": _text(empty=""),
                },
            ),
        },
        checks=(possible_rules,),
    ),
    "hcloud:index/firewallAttachment:FirewallAttachment": Resource(
        inputs={
            "firewallId": _integer(required=True, replaces=True),
            "serverIds": _set(),
            "labelSelectors": _set(),
        },
    ),
    "hcloud:index/volume:Volume": _named(
        inputs={
            "name": NAME,
            "size": _integer(required=True),
            "location": _text(replaces=True, computed=True),
            "serverId": _integer(computed=True),
            "automount": _flag(),
            "format": _text(),
            "labels": LABELS,
            "deleteProtection": PROTECTED,
        },
        outputs=("linuxDevice",),
    ),
    "hcloud:index/volumeAttachment:VolumeAttachment": Resource(
        inputs={
            "volumeId": _integer(required=True, replaces=True),
            "serverId": _integer(required=True, replaces=True),
            "automount": _flag(computed=True),
        },
    ),
    "hcloud:index/zone:Zone": _framework_named(
        inputs={
            "name": _text(replaces=True),
            "mode": _text(required=True, replaces=True),
            "ttl": _integer(computed=True, default=3600),
            "labels": _FRAMEWORK_LABELS,
            "deleteProtection": _flag(computed=True),
            "primaryNameservers": Input(
                kind="blocks",
                computed=True,
                fields={
                    "address": _text(required=True),
                    "port": _integer(default=53),
                    "tsigAlgorithm": _text(),
                    "tsigKey": _text(),
                },
            ),
        },
        outputs=("authoritativeNameservers", "registrar"),
        checks=(nameservers_fit,),
    ),
    "hcloud:index/zoneRrset:ZoneRrset": _framework_named(
        inputs={
            "name": _text(replaces=True),
            "zone": _text(required=True, replaces=True),
            "type": _text(required=True, replaces=True),
            "ttl": _integer(),
            "labels": _FRAMEWORK_LABELS,
            "changeProtection": _flag(computed=True),
            "records": Input(
                kind="blocks",
                required=True,
                unordered=True,
                fields={"value": _text(required=True), "comment": _text()},
            ),
        },
        checks=(has_records,),
    ),
}
