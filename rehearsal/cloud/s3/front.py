"""`*.digitaloceanspaces.com`, `*.your-objectstorage.com`: checks who asks and for what, then passes it on to moto."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from rehearsal.cloud.core import Cloud, log
from rehearsal.cloud.faults import Fault, HungUp
from rehearsal.cloud.s3 import access, actions, buckets, deletion, policies, profiles, target
from rehearsal.cloud.s3.admission import Admission, Visit
from rehearsal.cloud.s3.body import BLOCK, Body
from rehearsal.cloud.s3.errors import FAILURES, S3Error
from rehearsal.cloud.s3.keep import OWNER, Keep
from rehearsal.cloud.s3.target import Target
from rehearsal.cloud.store import new_uuid
from rehearsal.cloud.web import Traffic

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# What the front has dealt with, and what belongs to one connection only.
DROPPED = {
    *("host", "connection", "transfer-encoding", "authorization", "expect", "content-length", "content-encoding"),
    *("x-amz-date", "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer", "content-md5"),
}
SIGNING = ("X-Amz-", "AWSAccessKeyId", "Signature", "Expires")
WRITES = ("PUT", "POST", "DELETE")


class Front:
    """A WSGI application."""

    def __init__(self, cloud: Cloud, *, keep: Keep, traffic: Traffic) -> None:
        self.cloud = cloud
        self.keep = keep
        self.admission = Admission(cloud, keep=keep)
        self.traffic = traffic

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request, request_id, started = Request(environ), new_uuid(), time.monotonic()
        try:
            response = self._failing(request, environ["REQUEST_URI"], request_id)
        except (S3Error, HTTPException, ConnectionError) as error:
            response = self._refuse(request, request_id, error)
        response.headers["x-amz-request-id"] = request_id
        self._note(request, response, request_id, round((time.monotonic() - started) * 1000, 1))
        return response(environ, start_response)

    def _failing(self, request: Request, uri: str, request_id: str) -> Response:
        """The answer, where no rule strikes; their paths begin with the host: `/bucket.region.…/key`."""
        call = ("s3", request.method, f"/{request.host}{request.path}")
        answer = partial(self._answer, request, uri)
        skew = partial(self._answer, request, uri)
        return self.cloud.faults.around(call, answer, refuse=_refusal, drop=HungUp, skew=skew, id=request_id)

    def _refuse(self, request: Request, request_id: str, error: Exception) -> Response:
        if isinstance(error, ConnectionError):
            refusal = self._lost(error)
        elif isinstance(error, S3Error):
            refusal = error
        else:
            refusal = S3Error(400, "IncompleteBody", str(error))
        with suppress(HTTPException):  # a client that still sends would not read the answer
            while request.stream.read(BLOCK):
                pass
        return refusal.response(resource=request.path, request_id=request_id, head=request.method == "HEAD")

    def _answer(self, request: Request, uri: str, ahead: float = 0) -> Response:
        """The answer of a front whose clock is so many seconds ahead."""
        visit = self._visit(request, uri, now=datetime.now(UTC) + timedelta(seconds=ahead))
        profile, wanted = visit.profile, visit.target
        self.admission.admit(visit)
        if not wanted.bucket:
            return buckets.listing(self.cloud, wanted, owner=profile.owner)
        with self.cloud.store.read() as state:
            creates = buckets.creates(state, wanted)
        profile.check(wanted, visit.headers)
        if wanted.asked("location") is not None and wanted.method == "GET":
            return buckets.location(wanted)
        if buckets.makes(wanted) and not creates:
            return Response(status=200, headers={"Location": f"/{wanted.bucket}"})
        body = Body(request.stream, visit.headers)
        if policies.is_about(wanted):
            return policies.answer(self.cloud, profile, wanted, body)
        response = self._kept(visit, body)
        if response.status_code < 300 and not wanted.raw_key and not wanted.query:
            buckets.remember(self.cloud, wanted, created=creates)
        return response

    def _visit(self, request: Request, uri: str, *, now: datetime) -> Visit:
        host = request.host.partition(":")[0].lower()
        profile = profiles.find(host)
        if profile is None:
            raise S3Error(400, "InvalidURI", f"{host} is not the name of a bucket or a region")
        wanted = target.parse(
            method=request.method, host=request.host, uri=uri, domain=profile.domain, regions=profile.regions
        )
        headers = {name.lower(): value for name, value in request.headers.items()}
        tls = request.scheme == "https"
        return self.admission.visit(profile, wanted, headers, peer=request.remote_addr or "", tls=tls, now=now)

    def _kept(self, visit: Visit, body: Body) -> Response:
        """What moto answers, where it does not need a word of ours."""
        wanted = visit.target
        if access.deletes_several(wanted):
            return self._delete(visit, body.whole())
        if wanted.method == "PUT" and wanted.asked("lifecycle") is not None:
            body = Body.of(visit.profile.check_lifecycle(body.whole()))
        response = self._pass_on(wanted, visit.headers, body)
        if wanted.method == "GET" and wanted.asked("acl") is not None:
            _rewrite(response, lambda told: buckets.owned(told, visit.profile.owner))
        return response

    def _delete(self, visit: Visit, text: bytes) -> Response:
        bucket = visit.target.bucket

        def allowed(action: str, key: str) -> bool:
            return self.admission.decide(visit, action, bucket=bucket, resource=actions.arn(bucket, key)) != "Deny"

        left, refused = deletion.sort(text, allowed)
        if left is None:
            return Response(deletion.result(deletion.NOTHING, refused), content_type="application/xml")
        response = self._pass_on(visit.target, visit.headers, Body.of(left))
        if refused and response.status_code == 200:
            _rewrite(response, lambda told: deletion.result(told, refused))
        return response

    def _pass_on(self, wanted: Target, headers: Mapping[str, str], body: Body) -> Response:
        connection = self.keep.connect()
        try:
            self._send(connection, wanted, headers, body)
            answer = connection.getresponse()
        except BaseException:
            connection.close()  # with the last block missing, moto keeps nothing
            raise
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("connection", "server", "date")]
        response = Response(_stream(answer), status=answer.status, direct_passthrough=True)
        response.call_on_close(connection.close)
        response.headers.clear()
        for name, value in kept:
            response.headers.add(name, value)
        response.headers.pop("transfer-encoding", None)
        return response

    def _send(
        self,
        connection: http.client.HTTPConnection,
        wanted: Target,
        headers: Mapping[str, str],
        body: Body,
    ) -> None:
        query = urlencode([(k, v) for k, v in wanted.query if not k.startswith(SIGNING)], quote_via=quote)
        path = f"{wanted.inner_path}?{query}" if query else wanted.inner_path
        connection.putrequest(wanted.method, path, skip_accept_encoding=True)
        for name, value in {**access.default_acl(wanted), **inner_headers(headers)}.items():
            connection.putheader(name, value)
        creates = buckets.makes(wanted)
        connection.putheader("Content-Length", "0" if creates else str(body.length))
        connection.endheaders()
        for block in body.blocks():
            if not creates:  # a location in the body is Spaces' own business: the host name says it
                connection.send(block)

    def _lost(self, error: ConnectionError) -> S3Error:
        """The keeper of the objects is gone: start it again, and have the client come back."""
        with self.cloud.store.read() as state:
            names = list(state.buckets)
        if self.keep.ensure(names):
            self.cloud.event("objects lost", cause=str(error), buckets=names)
        return S3Error(503, *FAILURES[503])

    def _note(self, request: Request, response: Response, request_id: str, ms: float) -> None:
        self.cloud.count("s3_writes" if request.method in WRITES else "s3_reads")
        shown = urlencode([(k, v) for k, v in request.args.items(multi=True) if not k.startswith(SIGNING)])
        log.debug("s3 %s %s %s %s", request.method, request.host, request.path, response.status_code)
        self.traffic.write(
            api="s3",
            method=request.method,
            host=request.host,
            path=f"{request.path}?{shown}" if shown else request.path,
            status=response.status_code,
            ms=ms,
            id=request_id,
            peer=request.remote_addr,
        )


def _refusal(fault: Fault) -> Response:
    code, message = FAILURES.get(fault.status, ("InternalError", "We encountered an internal error."))
    raise S3Error(fault.status, code, message)


def inner_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers moto gets."""
    passed = {name: value for name, value in headers.items() if name not in DROPPED}
    encodings = [part.strip() for part in headers.get("content-encoding", "").split(",")]
    if kept := [part for part in encodings if part and part != "aws-chunked"]:
        passed["content-encoding"] = ", ".join(kept)
    return {**passed, "authorization": OWNER}


def _rewrite(response: Response, change: Callable[[bytes], bytes]) -> None:
    response.direct_passthrough = False
    response.set_data(change(response.get_data()))


def _stream(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while block := answer.read(BLOCK):
        yield block
