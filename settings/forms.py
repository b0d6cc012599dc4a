"""What the texts of a stack file should look like, in a rule, in words, and in what a wrong one was meant to be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_interface, ip_network

from settings.calendar_times import is_calendar_time, meant_by_cron


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Form:
    """A rule for a text; `better` makes of a wrong one what was probably meant, told only where that is right."""

    words: str
    fits: Callable[[str], bool]
    better: Callable[[str], str] = _as_it_is

    def way_out(self, wrong: str) -> str:
        tried = self.better(wrong)
        return f", write {tried}" if self.fits(tried) else ""


def _like(pattern: str, words: str, better: Callable[[str], str] = _as_it_is) -> Form:
    return Form(words, lambda text: re.fullmatch(pattern, text) is not None, better)


def _bare_host(text: str) -> str:
    """A host without what an address bar or a zone file adds to it."""
    bare = re.sub(r"^[a-z]+://|[:/].*$", "", text.strip().lower()).rstrip(".")
    try:
        return bare if bare.isascii() else bare.encode("idna").decode()
    except UnicodeError:
        return bare


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text)) and "%" not in text
    except ValueError:
        return False


def _network_of(text: str) -> str:
    """The network of an address that was written with one."""
    try:
        return str(ip_interface(text).network)
    except ValueError:
        return text


def _module(text: str) -> str:
    return text.removesuffix(".py").strip("./").replace("/", ".")


def _size(text: str) -> str:
    bare = text.upper().replace(" ", "").replace("IB", "B")
    return f"{bare}MB" if bare.isdigit() else f"{bare.removesuffix('B')}B"


def _variable(text: str) -> str:
    return re.sub(r"[\s.-]+", "_", text)


_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST = rf"(?=.{{1,253}}$)({_LABEL}\.)+(?!\d+$){_LABEL}"  # four numbers are an address

DOMAIN = _like(_HOST, "a name such as example.org", _bare_host)
HOST = _like(_HOST, "a host name such as www.example.org", _bare_host)
REGION = _like(
    r"[a-z][a-z0-9-]+", "a region's slug such as fra1", lambda text: text.lower() if len(text) in (3, 4) else ""
)
NETWORK_ID = _like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "the id of a private network that exists", str.lower)
NETWORK = Form("an address or network such as 203.0.113.0/24", _is_network, _network_of)
SIZE = _like(r"[a-z][a-z0-9_-]+", "small, medium, large or the cloud's own slug", str.lower)
EXTENSION = _like(r"[a-z][a-z0-9_-]*", "the name of a Postgres extension", str.lower)
ARTIFACT = _like(
    r"sha256-[0-9a-f]{64}",
    "an artifact's id, sha256- and 64 hex digits",
    lambda text: text.replace("sha256:", "sha256-"),
)
PROJECT = _like(r"(?!~)[^\0]+", "a directory with manage.py, absolute or relative to this project")
STACK = _like(r"[A-Za-z0-9._-]+", "the name of a stack")
SITE = _like(
    r"[a-z][a-z0-9-]{0,20}",
    "a short name of letters, digits and dashes",
    lambda text: re.sub(r"[\s_.]+", "-", text.lower()),
)
MODULE = _like(
    r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(?<!\.py)(:[A-Za-z_]\w*)?",
    "a Django settings module",
    _module,
)
VARIABLE = _like(r"[A-Za-z_][A-Za-z0-9_]*", "names of environment variables, of letters, digits and _", _variable)
NAME = _like(
    r"[a-z][a-z0-9-]{0,30}",
    "names of small letters, digits and dashes",
    lambda text: re.sub(r"[\s_.]+", "-", text.lower()),
)
COMMAND = _like(r"[a-z_][^\n]*", "a line such as qcluster or process_tasks --queue mail")
SHELL = _like(r"\S[^\n]*", "a line for the shell such as npm ci && npm run build")
REASON = _like(r"\S[^\n]*", "a line that says why")
MIGRATION = _like(r"[a-z_][a-z0-9_]*\.[0-9]{4}\w*", "an app's label and a migration's number such as shop.0007")
TIME = Form("a systemd calendar time such as *-*-* 03:00 or hourly", is_calendar_time, meant_by_cron)
PATH = _like(
    r"/[^\s#]*", "a path such as /health/", lambda text: "/" + re.sub(r"^https?://[^/]+", "", text).lstrip("/")
)
UPLOAD = _like(r"[1-9][0-9]*(KB|MB|GB)", "a size such as 25MB", _size)
PACKAGE = _like(r"[a-z0-9][a-z0-9+.-]+", "the name of a Debian package", str.lower)
LOSING = _like(
    "stack|cloud|site|region|network|database|media|server-size|server-generation", "a setting whose change loses data"
)
SETTING = _like(r"[A-Z][A-Z0-9_]*|STORAGES\.(default|staticfiles)", "the name of a Django setting", str.upper)
PLACE = _like(r"/(?!.*\.\./)[^\s:]+", "an absolute path")
