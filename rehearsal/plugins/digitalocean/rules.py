"""Rules of the DigitalOcean plugin that a table cannot say: cross-checks, and texts that mean the same."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins.wire import UNKNOWN, Values

_ALL_PORTS = ("0", "all", "1-65535")
DOTTED = ("CNAME", "MX", "NS", "SRV", "CAA")


def firewall_needs_a_rule(values: Values) -> str | None:
    """A firewall without rules, and a rule without ports, are refused before the cloud is asked."""
    rules = [rule for side in ("inboundRules", "outboundRules") for rule in _known(values.get(side))]
    if not rules and UNKNOWN not in (values.get("inboundRules"), values.get("outboundRules")):
        return "at least one rule must be specified"
    for rule in rules:
        if isinstance(rule, dict) and rule.get("protocol") not in ("icmp", UNKNOWN) and not rule.get("portRange"):
            return f"portRange: is required for protocol {rule.get('protocol')}"
    return None


def database_needs_a_version(values: Values) -> str | None:
    """The cloud has a default version, the plugin does not."""
    return "version: is required" if not values.get("version") else None


def record_needs_its_numbers(values: Values) -> str | None:
    """Each record type has fields it cannot do without."""
    needed = {"MX": ("priority",), "SRV": ("priority", "weight"), "CAA": ("flags", "tag")}
    kind = values.get("type")
    missing = [name for name in needed.get(kind, ()) if values.get(name) is None] if isinstance(kind, str) else []
    return f"{missing[0]}: is required for record type {kind}" if missing else None


def same_ports(wanted: Any, held: Any, rule: Values) -> bool:
    """All ports have three spellings."""
    return bool(wanted == held) or (wanted in _ALL_PORTS and held in _ALL_PORTS)


def same_record_data(wanted: Any, held: Any, record: Values) -> bool:
    """The cloud writes `@` for the zone itself, and may shorten a name within the zone."""
    domain = f"{record.get('domain')}."
    return bool(wanted == held) or (held == "@" and wanted == domain) or held == f"{wanted}.{domain}"


def same_versioning(wanted: Any, held: Any, bucket: Values) -> bool:
    """A bucket always tells of its versioning; taken out of the program it stays as it is."""
    return wanted is None or bool(wanted == held)


def _known(rules: Any) -> list[Any]:
    return [rule for rule in rules if rule is not UNKNOWN] if isinstance(rules, list) else []
