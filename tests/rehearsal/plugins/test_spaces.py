"""Buckets over S3: the verbs against a bucket server on loopback, names as Spaces has them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.plugins import diff, state
from rehearsal.plugins.digitalocean.api import Cloud
from rehearsal.plugins.digitalocean.spaces import SPACES
from rehearsal.plugins.digitalocean.table import RESOURCES
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.log import Log
from rehearsal.plugins.stand_in import Call
from rehearsal.plugins.wire import Values

TOKEN = "digitalocean:index/spacesBucket:SpacesBucket"
RULES, VERBS = RESOURCES[TOKEN], SPACES[TOKEN]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """A call whose session has buckets at REGION.spaces.test, which is here."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    real = socket.getaddrinfo

    def resolved(host: Any, *args: Any, **more: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith("spaces.test") else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    session = _cloud(f"http://{{{{.Region}}}}.spaces.test:{port}")
    yield Call(session=session, urn="", name="media", timeout=5, log=Log(None), cancelled=threading.Event())
    server.stop()


def _cloud(spaces: str, *, key: str | None = "key") -> Cloud:
    return Cloud(
        url="http://127.0.0.1:1",
        address="127.0.0.1",
        token="local-test",
        retries=0,
        first_wait=0.01,
        longest_wait=0.01,
        spaces_endpoint=spaces,
        spaces_access_id=key,
        spaces_secret_key=key,
    )


def _asked(**inputs: Any) -> Values:
    return state.asked(RULES, {"name": "media", "region": "fra1", **inputs})


def _unchanged(held: Values, inputs: Values) -> tuple[str, ...]:
    return diff.difference(RULES, state=held, old_inputs={}, inputs=inputs).properties


def test_a_bucket_lives_and_reads_back_as_it_was_asked_for(call: Call) -> None:
    inputs = {
        "name": "media",
        "region": "FRA1",
        "versioning": {"enabled": True},
        "lifecycleRules": [{"enabled": True, "noncurrentVersionExpiration": {"days": 30}}],
        "corsRules": [{"allowedMethods": ["GET"], "allowedOrigins": ["*"]}],
    }
    id, facts = VERBS.create(call, state.asked(RULES, inputs))
    assert (id, facts["bucketDomainName"]) == ("media", "media.fra1.digitaloceanspaces.com")
    held = {**state.planned(RULES, inputs), **facts}
    assert VERBS.read
    found = VERBS.read(call, "media", held)
    assert found
    assert _unchanged({**held, **found[1]}, inputs) == ()
    assert _unchanged({**held, **found[1]}, {**inputs, "region": "ams3"}) == ("region",)


def test_changes_are_made_in_place(call: Call) -> None:
    VERBS.create(call, _asked(lifecycleRules=[{"enabled": True, "expiration": {"days": 3}}]))
    assert VERBS.update
    before = {"name": "media", "region": "fra1", "acl": "private", "lifecycleRules": [{"enabled": True}]}
    VERBS.update(call, "media", before, _asked(versioning={"enabled": True}))
    assert VERBS.read
    found = VERBS.read(call, "media", before)
    assert found
    assert (found[1]["versioning"], found[1]["lifecycleRules"]) == ({"enabled": True}, [])


def test_versioning_is_always_told_and_stays_when_the_program_drops_it(call: Call) -> None:
    inputs = {"name": "plain", "region": "fra1"}
    assert VERBS.create(call, _asked(**inputs))[1]["versioning"] == {"enabled": False}
    assert VERBS.update
    VERBS.update(call, "plain", {"acl": "private"}, _asked(**inputs, versioning={"enabled": True}))
    held = {**state.planned(RULES, inputs), "versioning": {"enabled": True}}
    assert _unchanged(held, inputs) == ()
    assert VERBS.update(call, "plain", held, _asked(**inputs))["versioning"] == {"enabled": True}


def test_a_full_bucket_goes_only_when_it_may(call: Call) -> None:
    from botocore.exceptions import ClientError

    from rehearsal.plugins.digitalocean import spaces

    VERBS.create(call, _asked(versioning={"enabled": True}))
    s3 = spaces._client(call.session, _asked())
    for text in ("1", "2"):
        s3.put_object(Bucket="media", Key="k", Body=json.dumps(text).encode())
    assert VERBS.delete
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        VERBS.delete(call, "media", _asked())
    VERBS.delete(call, "media", _asked(forceDestroy=True))
    VERBS.delete(call, "media", _asked())  # gone is fine
    assert VERBS.read
    assert VERBS.read(call, "media", _asked()) is None


def test_buckets_elsewhere_are_refused(call: Call) -> None:
    far = Call(session=_cloud("https://192.0.2.1"), urn="", name="", timeout=1, log=call.log, cancelled=call.cancelled)
    with pytest.raises(Refused, match=r"spacesEndpoint: should (lie in|resolve to) the rehearsal"):
        VERBS.create(far, _asked())


def test_keys_are_asked_for(call: Call) -> None:
    bare = Call(
        session=_cloud("http://x", key=None), urn="", name="", timeout=1, log=call.log, cancelled=call.cancelled
    )
    with pytest.raises(Refused, match="Spaces credentials not configured"):
        VERBS.create(bare, _asked())
