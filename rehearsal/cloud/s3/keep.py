"""The process that keeps the objects: moto, on the namespace's loopback, living longer than the daemon."""

from __future__ import annotations

import http.client
import socket
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from rehearsal.cloud.ports import Spawn
from rehearsal.cloud.rows import Json

ENVIRONMENT = {
    "MOTO_ALLOW_NONEXISTENT_REGION": "true",
    "MOTO_DISABLE_GLOBAL_CORS": "1",
    "PYTHONUNBUFFERED": "1",
}
# moto tells accounts apart by what is in a signature and does not check it: the front has.
OWNER = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=front"
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
NAMESPACE = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}
START_SECONDS = 30.0


def command(port: int) -> list[str]:
    """Give what to run."""
    return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


class Keep:
    """Talks to moto, and starts it when it is not there."""

    def __init__(self, *, spawn: Spawn, port: int) -> None:
        self.spawn = spawn
        self.port = port
        self._starting = threading.Lock()

    def ensure(self, buckets: Iterable[str]) -> bool:
        """Have moto run with these buckets; True when it had to be started, and so has lost what was in them."""
        with self._starting:
            if self._listens():
                return False
            self.spawn("moto", "s3", command(self.port), environment=ENVIRONMENT)
            self._await()
            for name in buckets:
                self.ask("PUT", f"/{quote(name)}")
            return True

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            if time.monotonic() > deadline:
                raise RuntimeError(f"moto on 127.0.0.1:{self.port}: should listen within {START_SECONDS:.0f} s")
            time.sleep(0.05)

    def connect(self) -> http.client.HTTPConnection:
        """Give a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Ask as the owner of everything."""
        connection = self.connect()
        try:
            connection.request(method, path, headers={"Authorization": OWNER, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_public(self, path: str) -> bool:
        """Say whether everybody may read an object."""
        status, raw = self.ask("GET", f"{path}?acl")
        if status != 200:
            return False
        grants = ElementTree.fromstring(raw).iterfind(".//s3:Grant", NAMESPACE)
        return any(EVERYBODY in "".join(grant.itertext()) for grant in grants)

    def objects(self, bucket: str) -> list[Json]:
        """List everything in a bucket."""
        found: list[Json] = []
        more = ""
        while True:
            _, raw = self.ask("GET", f"/{quote(bucket)}?list-type=2{more}")
            page = ElementTree.fromstring(raw)
            found += [_object(row) for row in page.findall("s3:Contents", NAMESPACE)]
            token = page.findtext("s3:NextContinuationToken", None, NAMESPACE)
            if not token:
                return found
            more = f"&continuation-token={quote(token, safe='')}"


def _object(row: ElementTree.Element) -> Json:
    def text(name: str) -> str:
        return row.findtext(f"s3:{name}", "", NAMESPACE)

    return {
        "key": text("Key"),
        "size": int(text("Size") or 0),
        "etag": text("ETag").strip('"'),
        "last_modified": text("LastModified"),
    }
