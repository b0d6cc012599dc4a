"""A bucket whose key was made a moment ago, or may not list."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from release import bucket
from release.bucket import Bucket, BucketError

PLACE = Bucket(name="releases", region="fra1", endpoint="https://fra1.example", access_key="A", secret_key="S")


class Storage:
    """Refuses as often as it is told to, then takes a file."""

    def __init__(self, refusals: int, *, status: int) -> None:
        self.refusals, self.status, self.code = refusals, status, "InvalidAccessKeyId"
        self.taken: list[bytes] = []

    def refuse(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise bucket.Refused("the storage refused", status=self.status, code=self.code)

    def head_object(self, **_: Any) -> dict[str, Any]:
        self.refuse()
        return {}

    def get_object(self, **_: Any) -> dict[str, Any]:
        self.refuse()
        return {"Body": StreamingBody(io.BytesIO(b"all of it"), 9)}

    def put_object(self, *, Body: Any, **_: Any) -> dict[str, Any]:
        content = Body.read()
        self.refuse()
        self.taken.append(content)
        return {}


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    path = tmp_path / "layer"
    path.write_bytes(b"all of it")
    return path


def storage(monkeypatch: pytest.MonkeyPatch, refusals: int, *, status: int) -> Storage:
    made = Storage(refusals, status=status)
    call: Callable[[Bucket, Callable[[Storage], Any]], Any] = lambda _, ask: ask(made)  # noqa: E731
    monkeypatch.setattr(Bucket, "call", call)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return made


def test_an_upload_is_tried_again_from_its_beginning(monkeypatch: pytest.MonkeyPatch, layer: Path) -> None:
    made = storage(monkeypatch, 2, status=403)
    PLACE.put("layers/x", layer)
    assert made.taken == [b"all of it"]


def test_another_refusal_is_final(monkeypatch: pytest.MonkeyPatch, layer: Path) -> None:
    storage(monkeypatch, 1, status=400)
    with pytest.raises(BucketError):
        PLACE.put("layers/x", layer)


def test_a_limited_key_is_refused_what_is_not_there_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    made = storage(monkeypatch, 2, status=403)
    made.code = "AccessDenied"
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waits"))
    assert not PLACE.has("layers/x")
    assert PLACE.get("manifests/x") is None


def test_a_new_key_is_waited_for_by_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    made = storage(monkeypatch, 2, status=403)
    assert PLACE.get("manifests/x") == b"all of it"
    assert made.refusals == 0


def test_a_clock_that_is_off_is_told_at_once(monkeypatch: pytest.MonkeyPatch, layer: Path) -> None:
    made = storage(monkeypatch, 2, status=403)
    made.code = "RequestTimeTooSkewed"
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waits"))
    with pytest.raises(BucketError):
        PLACE.put("layers/x", layer)
    refusal: Any = {"Error": {"Code": made.code, "Message": "The difference is too large."}, "ResponseMetadata": {}}
    monkeypatch.undo()
    with pytest.raises(BucketError, match=r"should agree within 15 minutes .*, set this computer's clock$"):
        PLACE.call(lambda _: (_ for _ in ()).throw(ClientError(refusal, "PutObject")))


def test_a_refusal_of_the_key_says_where_to_look() -> None:
    refusal: Any = {"Error": {"Code": "AccessDenied", "Message": "Access Denied."}, "ResponseMetadata": {}}
    with pytest.raises(BucketError, match=r"^bucket releases: the storage refused .*, see at the cloud what its key"):
        PLACE.call(lambda _: (_ for _ in ()).throw(ClientError(refusal, "PutObject")))
