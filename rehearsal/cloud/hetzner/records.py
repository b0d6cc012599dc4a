"""The values of records as the API takes them: lines of a zone file without their names; pure."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from dnslib import RR

from rehearsal.cloud.hetzner.errors import invalid, not_built
from rehearsal.cloud.rows import Json

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"(@|{_LABEL}(\.{_LABEL})*\.?)"
_TEXT = r'"([^"\\]|\\.){0,255}"'
FORMS = {
    "CNAME": _HOST,
    "NS": _HOST,
    "PTR": _HOST,
    "MX": rf"\d{{1,5}} +{_HOST}",
    "SRV": rf"\d{{1,5}} +\d{{1,5}} +\d{{1,5}} +{_HOST}",
    "TXT": rf"{_TEXT}( +{_TEXT})*",
    "CAA": r'\d{1,3} +(issue|issuewild|iodef) +"[^"]*"',
}
ADDRESSES = {"A": IPv4Address, "AAAA": IPv6Address}
HOSTS = ("CNAME", "NS", "PTR", "MX", "SRV")  # their values end with a name
UNSERVED = ("DS", "HINFO", "HTTPS", "RP", "SVCB", "TLSA")
MOST = 50


def check_type(type: Any) -> str:
    """Give a type that can be served."""
    if type in UNSERVED:
        raise not_built(f"records of type {type}")
    if type not in (*FORMS, *ADDRESSES, "SOA"):
        raise invalid("type", f"'{type}' is not a valid record type")
    return str(type)


def check(type: str, rows: Any) -> list[Json]:
    """Give the records of a request, or refuse one that is no record of the type."""
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise invalid("records", f"Length must be between 1 and {MOST}.")
    found = [_record(type, row) for row in rows]
    if len({row["value"] for row in found}) < len(found):
        raise invalid("records", "record values must be unique")
    if type == "CNAME" and len(found) > 1:
        raise invalid("records", "a CNAME has one record only")
    return found


def _record(type: str, row: Any) -> Json:
    value = row.get("value") if isinstance(row, dict) else None
    if not isinstance(value, str) or not _fits(type, value):
        raise invalid("records", f"'{value}' is not a valid value of a record of type {type}")
    return {"value": value, "comment": str(row.get("comment") or "")}


def _fits(type: str, value: str) -> bool:
    if address := ADDRESSES.get(type):
        try:
            return bool(address(value))
        except AddressValueError:
            return False
    return bool(re.fullmatch(FORMS[type], value))


def read(zone: str, type: str, value: str) -> Any:
    """Give what a DNS server answers; names without a dot at their end are the zone's."""
    (line,) = RR.fromZone(f"{zone}. 60 IN {type} {_absolute(zone, value) if type in HOSTS else value}")
    return line.rdata


def _absolute(zone: str, value: str) -> str:
    before, space, host = value.rpartition(" ")
    full = f"{zone}." if host == "@" else host if host.endswith(".") else f"{host}.{zone}."
    return f"{before}{space}{full}"
