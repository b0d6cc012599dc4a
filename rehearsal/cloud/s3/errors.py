"""Refusals in S3's own XML."""

from __future__ import annotations

from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

FAILURES = {
    403: ("AccessDenied", "Access Denied."),
    429: ("SlowDown", "Please reduce your request rate."),
    503: ("SlowDown", "Please reduce your request rate."),
}


class S3Error(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def response(self, *, resource: str, request_id: str, head: bool) -> Response:
        """Give the XML; a HEAD has none."""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
            f"<Resource>{escape(resource)}</Resource><RequestId>{request_id}</RequestId></Error>"
        )
        return Response("" if head else body, status=self.status, content_type="application/xml")


def denied(message: str = "Access Denied.") -> S3Error:
    """Refuse what a key, or nobody's key, does not open."""
    return S3Error(403, "AccessDenied", message)
