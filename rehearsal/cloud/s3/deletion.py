"""`POST ?delete` on a bucket with a policy: each object is asked about by itself; the refused ones stay."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

from rehearsal.cloud.s3 import actions
from rehearsal.cloud.s3.errors import S3Error

SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
ElementTree.register_namespace("", SPACE)
Allowed = Callable[[str, str], bool]  # an action, and the object's name


def sort(text: bytes, allowed: Allowed) -> tuple[bytes | None, list[str]]:
    """Give what is left to be deleted, None for nothing, and the names of what is not to be."""
    try:
        wanted = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise S3Error(400, "MalformedXML", "The XML you provided was not well-formed.") from None
    rows = [row for row in wanted if row.tag.endswith("Object")]
    refused = [row for row in rows if not _may(row, allowed)]
    for row in refused:
        wanted.remove(row)
    left = ElementTree.tostring(wanted) if len(refused) < len(rows) else None
    return (left if refused else text), [_text(row, "Key") for row in refused]


def _may(row: ElementTree.Element, allowed: Allowed) -> bool:
    return allowed(actions.deletion(_text(row, "VersionId")), _text(row, "Key"))


def _text(row: ElementTree.Element, name: str) -> str:
    return row.findtext(f"{{*}}{name}") or ""


NOTHING = f'<DeleteResult xmlns="{SPACE}"/>'.encode()


def result(answer: bytes, refused: list[str]) -> bytes:
    """Add the refused ones to an answer."""
    told = ElementTree.fromstring(answer)
    for key in refused:
        row = ElementTree.SubElement(told, f"{{{SPACE}}}Error")
        for name, text in (("Key", key), ("Code", "AccessDenied"), ("Message", "Access Denied.")):
            ElementTree.SubElement(row, f"{{{SPACE}}}{name}").text = text
    return ElementTree.tostring(told)
