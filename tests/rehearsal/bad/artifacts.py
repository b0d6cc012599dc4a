"""Artifacts with a flaw, where a release finds them: in the release bucket and in this computer's cache."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Callable

from release.places import cache_directory
from tests.rehearsal.bad.planting import Plant, Undo, config, new_release
from tests.rehearsal.stage import Stage

Flaw = Callable[[bytes], bytes | None]  # what becomes of an object; None: it is not there
OBJECT = """import base64, json, sys
from release.bucket import Bucket
asked = json.load(sys.stdin)
bucket = Bucket.parse(asked["bucket"])
if asked["content"] is None:
    bucket.remove(asked["key"])
else:
    bucket.put(asked["key"], base64.b64decode(asked["content"]))
"""


def read_only_key(site: Stage) -> Undo:
    """The key of the release bucket may read and nothing else, as an account's owner can say."""
    place = site.outputs("staging")["release_source"]
    key = f"spaces/keys/{place['access_key']}"
    known = site.api(key)["key"]
    grants = [{"bucket": each["bucket"], "permission": "read"} for each in known["grants"]]
    site.api(key, method="PUT", body={"name": known["name"], "grants": grants})
    return lambda: site.api(key, method="PUT", body={"name": known["name"], "grants": known["grants"]})


def flipped(content: bytes) -> bytes:
    """One byte in the middle is another."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def whole(content: bytes) -> bytes:
    return content


def in_bucket(*, layer: Flaw | None = None, manifest: Flaw | None = None, pin: bool = False) -> Plant:
    """An artifact that was built and never released lies in the release bucket, with a flaw; perhaps it is pinned."""

    def plant(site: Stage) -> Undo:
        artifact, code = built(site)
        keys = {f"layers/{code}.tar.zst": layer, f"manifests/{artifact}.json": manifest}
        there = [
            key for key, flaw in keys.items() if flaw and put(site, key, flaw((cache_directory() / key).read_bytes()))
        ]
        if pin:
            config("artifact", artifact)(site)
        return lambda: [put(site, key, None) for key in there]

    return plant


def in_cache(flaw: Flaw) -> Plant:
    """The same on this computer, before it goes anywhere."""

    def plant(site: Stage) -> Undo:
        _, code = built(site)
        path = cache_directory() / f"layers/{code}.tar.zst"
        before = path.read_bytes()
        path.write_bytes(flaw(before) or b"")
        return lambda: path.write_bytes(before)

    return plant


def running_layer(flaw: Flaw) -> Plant:
    """The code of the artifact that runs, in the release bucket."""

    def plant(site: Stage) -> Undo:
        key = f"layers/{code_of(site.outputs('staging')['artifact'])}.tar.zst"
        before = (cache_directory() / key).read_bytes()
        put(site, key, flaw(before))
        return lambda: put(site, key, before)

    return plant


def built(site: Stage) -> tuple[str, str]:
    """A new release's artifact and its code layer, in this computer's cache."""
    new_release()(site)
    said = json.loads(site.type("slipway build staging --json").stdout)
    return said["artifact"], code_of(said["artifact"])


def code_of(artifact: str) -> str:
    content = (cache_directory() / f"manifests/{artifact}.json").read_bytes()
    assert "sha256-" + hashlib.sha256(content).hexdigest() == artifact
    return str(json.loads(content)["layers"]["code"])


def put(site: Stage, key: str, content: bytes | None) -> bool:
    """An object of the release bucket, or none."""
    encoded = None if content is None else base64.b64encode(content).decode()
    asked = {"bucket": site.outputs("staging")["release_source"], "key": key, "content": encoded}
    site.type(f"inside .venv/bin/python -c {shlex.quote(OBJECT)}", input=json.dumps(asked), secret=True)
    return content is not None
