"""The name server: UDP and TCP over one resolver."""

from __future__ import annotations

import logging
import threading
from functools import partial

from dnslib import QTYPE, RCODE, DNSError, DNSRecord
from dnslib.server import DNSHandler, DNSLogger, DNSServer

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.dns import names, sources, zones
from rehearsal.cloud.dns.forward import Forwarder
from rehearsal.cloud.dns.zones import Reply
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.serving import POLL_SECONDS

log = logging.getLogger("cloud")
LONGEST_CHAIN = 8


class Resolver:
    """Answers from the API's zones first, then own names, then outside; knows nothing else."""

    def __init__(self, cloud: Cloud, *, forwarder: Forwarder) -> None:
        self.cloud = cloud
        self.forwarder = forwarder

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """Answer one question."""
        name = str(request.q.qname).rstrip(".").lower()
        answer, type = request.reply(ra=1, aa=0), str(QTYPE.get(request.q.qtype))
        try:
            found = self._failing(name, type)
        except DNSError:
            raise
        except Exception as error:
            log.warning("dns %s: %s", name, error)
            answer.header.rcode = RCODE.SERVFAIL
            return answer
        answer.header.rcode = found.rcode
        answer.header.aa = int(found.authoritative)
        answer.add_answer(*found.answers)
        answer.add_auth(*found.authority)
        return answer

    def _failing(self, name: str, type: str) -> Reply:
        answer = partial(self.find, name, type)
        return self.cloud.faults.around(("dns", type, name), answer, refuse=_refusal, drop=_no_answer)

    def find(self, name: str, type: str) -> Reply:
        """Find the answer, following aliases."""
        reply = self._once(name, type)
        for _ in range(LONGEST_CHAIN):
            if reply.alias is None:
                return reply
            further = self._once(reply.alias, type)
            further.answers = [*reply.answers, *further.answers]
            reply = further
        return Reply(rcode=RCODE.SERVFAIL)

    def _once(self, name: str, type: str) -> Reply:
        with self.cloud.store.read() as state:
            if zone := sources.zone_of(state, name):
                return zones.answer(zone, name, type)
            address = names.address(state, name)
        if address:
            return names.reply(name, type, address)
        if self.forwarder.allows(name):
            return self.forwarder.ask(name, type)
        return Reply(rcode=RCODE.NXDOMAIN, authoritative=False)


def _refusal(fault: Fault) -> Reply:
    return Reply(rcode=fault.status if fault.status < 16 else RCODE.SERVFAIL)


def _no_answer() -> Reply:
    raise DNSError("dropped by a fault")


def serve(resolver: Resolver, *, host: str, port: int) -> list[DNSServer]:
    """Start answering on both transports."""
    quiet = DNSLogger(log="-recv,-send,-request,-reply,-truncated,-error,-data", logf=log.debug)
    servers = [DNSServer(resolver, address=host, port=port, tcp=tcp, logger=quiet) for tcp in (False, True)]
    for server in servers:
        server.server.daemon_threads = True
        more = {"poll_interval": POLL_SECONDS}
        threading.Thread(target=server.server.serve_forever, kwargs=more, daemon=True).start()
    return servers
