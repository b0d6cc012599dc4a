"""A name server for tests of the machines: a few fixed names, and the package sources through the host's resolvers."""

from __future__ import annotations

import json
import sys
import time

from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.server import DNSLogger, DNSServer

from rehearsal import paths
from rehearsal.system import host, network


class Names:
    """Answers `fixed` names, passes allowed ones on, denies the rest."""

    def __init__(self, fixed: dict[str, str]) -> None:
        self.fixed = fixed
        self.allowed = network.allowed_names()

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        """Answer one question."""
        name, reply = str(request.q.qname).rstrip(".").lower(), request.reply()
        if name in self.fixed:
            if request.q.qtype == QTYPE.A:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(self.fixed[name]), ttl=5))
        elif name in self.allowed:
            return self._pass_on(request)
        else:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply

    def _pass_on(self, request: DNSRecord) -> DNSRecord:
        answer = DNSRecord.parse(request.send(host.resolvers()[0], 53, timeout=5))
        network.allow_addresses([str(row.rdata) for row in answer.rr if row.rtype == QTYPE.A])
        return answer


if __name__ == "__main__":
    names = Names(json.loads(sys.argv[1]))
    for tcp in (False, True):
        quiet = DNSLogger(log="-recv,-send,-request,-reply,-truncated,-data")
        DNSServer(names, address=paths.GATEWAY, port=53, tcp=tcp, logger=quiet).start_thread()
    while True:
        time.sleep(60)
