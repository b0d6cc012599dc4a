"""The stand-ins' fence: they talk to a rehearsal on this computer and to nothing else."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network

_OWN = (ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("198.51.100.0/24"))
_PRIVATE = ip_network("10.0.0.0/8")


class Refused(Exception):
    """What a stand-in will not do, and the way out."""


def own_address(host: str, *, what: str, private: bool = False) -> str:
    """An address of `host` within the rehearsal, or a refusal that says why."""
    allowed = (*_OWN, _PRIVATE) if private else _OWN
    addresses = _resolved(host, what)
    outside = [address for address in addresses if not any(ip_address(address) in network for network in allowed)]
    if outside:
        raise Refused(
            f"{what}: should lie in the rehearsal (got {host}, which is {outside[0]}), "
            "these plugins are stand-ins: for a real cloud install the official ones"
        )
    return addresses[0]


def local_token(token: str | None, *, what: str) -> str:
    """The token, which must be one of a rehearsal."""
    if not token or not token.startswith("local-"):
        raise Refused(
            f"{what}: should start with local- (got {'another one' if token else 'none'}), "
            "this plugin is a stand-in for rehearsals: for a real cloud install the official one"
        )
    return token


def _resolved(host: str, what: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(f"{what}: should resolve to the rehearsal (got {host}: {error.strerror})") from None
    return [str(entry[4][0]).split("%")[0] for entry in found]
