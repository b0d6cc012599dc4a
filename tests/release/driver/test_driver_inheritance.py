"""A new machine takes over certificates, and then the visitors of the one before it."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from release.driver.archive import KEY
from release.driver.certificates import packed, sealed, unpacked, unsealed
from tests.release.driver.stores import account, store, text
from tests.release.driver.world import ADDRESS, World, client

SECRET = "certificate-secret"
BEFORE = "certificates: carried over from the machine before: staging.example.org, www.staging.example.org"
BUCKET = "certificates: carried over from the release bucket: staging.example.org, www.staging.example.org"


def given(world: World) -> dict[str, bytes]:
    """What the new machine was handed."""
    (answer,) = (message for message in world.heard() if "certificates" in message)
    return unpacked(b64decode(answer["certificates"])) if answer["certificates"] else {}


def kept(world: World) -> bytes | None:
    listed = client(world.bucket).list_objects_v2(Bucket=world.bucket["name"], Prefix=KEY).get("Contents")
    return client(world.bucket).get_object(Bucket=world.bucket["name"], Key=KEY)["Body"].read() if listed else None


def keep(world: World, files: dict[str, bytes], *, secret: str = SECRET) -> None:
    client(world.bucket).put_object(Bucket=world.bucket["name"], Key=KEY, Body=sealed(packed(files), secret=secret))


def order(world: World) -> list[str]:
    """What each side was told to do, in order of the driver's words."""
    new, before = ([str(m.get("go")) for m in world.heard(name) if "go" in m] for name in ("web-1", ADDRESS))
    return [*new, *before]


def test_a_first_release_finds_nobody_behind_the_address(world: World) -> None:
    world.server(new=True)
    answer = world.release().answer
    assert given(world) == {}
    assert answer["notes"] == []
    assert "hand-over" not in answer["phases"]


def test_a_new_machine_gets_the_store_of_the_one_before_which_then_leaves(world: World) -> None:
    world.server(new=True)
    world.before(certificates=text(store()))
    answer = world.release().answer
    assert given(world) == store()
    assert answer["notes"] == [BEFORE]
    assert order(world) == ["flip", "commit", "leave"]
    assert "hand-over" in answer["phases"]


def test_the_one_before_has_to_show_the_pinned_key(world: World) -> None:
    world.server(new=True)
    world.before(certificates=text(store()))
    world.release()
    (call,) = world.calls(ADDRESS)
    assert "HostKeyAlias=web-1" in call["argv"]
    assert call["known_hosts"] == "web-1 ssh-ed25519 AAAAweb-1\n"
    assert "StrictHostKeyChecking=yes" in call["argv"]


def test_a_machine_that_visitors_have_come_to_asks_nobody(world: World) -> None:
    world.server(serves="old")
    world.before(certificates=text(store()))
    world.release()
    assert world.calls(ADDRESS) == []


def test_a_machine_that_no_visitor_has_come_to_is_no_one_before(world: World) -> None:
    """`up` again after the address has moved to the new machine itself."""
    world.server(new=True)
    world.before(visited=False)
    keep(world, store())
    answer = world.release().answer
    assert answer["notes"] == [BUCKET]
    assert order(world) == ["flip", "commit"]


def test_when_it_is_lost_the_store_comes_from_the_bucket(world: World) -> None:
    world.server(new=True)
    keep(world, store())
    answer = world.release().answer
    assert given(world) == store()
    assert answer["notes"] == [BUCKET]


def test_a_damaged_copy_is_a_note_and_no_failure(world: World) -> None:
    world.server(new=True)
    keep(world, store(), secret="another")
    answer = world.release().answer
    assert given(world) == {}
    (note,) = answer["notes"]
    assert note.startswith("certificates: the release bucket: was not sealed with this stack's certificate-key")
    assert note.endswith("Caddy asks for new ones once the address points here")


def test_expired_certificates_stay_behind_and_the_account_goes(world: World) -> None:
    world.server(new=True)
    world.before(certificates=text(store(days=-1)))
    answer = world.release().answer
    assert given(world) == account()
    assert answer["notes"][0].startswith("certificates: the machine before: holds none that is valid for staging.")
    assert order(world)[-1] == "leave"


def test_one_that_does_not_leave_is_a_note(world: World) -> None:
    world.server(new=True)
    world.before(certificates=text(store()), refuses_to_leave=True)
    notes = world.release().answer["notes"]
    assert notes[-1].startswith("web-1: the machine before did not leave in order: ")


def test_a_release_that_fails_leaves_the_one_before_alone(world: World) -> None:
    world.server(new=True, fails_at="flip", error="no")
    world.before(certificates=text(store()))
    assert world.release().code == 1
    assert "leave" not in order(world)


def test_what_a_server_holds_is_kept_sealed(world: World) -> None:
    world.server(serves="old", certificates=text(store()))
    world.release()
    copy = kept(world)
    assert copy
    assert unpacked(unsealed(copy, secret=SECRET)) == store()
    world.release(env={"PLAIN": "other"})
    assert kept(world) == copy, "what has not changed is not written again"


def test_a_store_without_certificates_does_not_replace_one_with(world: World) -> None:
    keep(world, store())
    world.server(serves="old", certificates=text(account()))
    world.release()
    assert unpacked(unsealed(kept(world) or b"", secret=SECRET)) == store()


def test_what_arrives_is_kept(world: World) -> None:
    world.server(certificates=text(store()))
    arriving: dict[str, Any] = {
        **{key: world.document()[key] for key in ("site", "servers", "login_key", "bucket", "certificate_key")},
        **{"hosts": ["localhost"], "release": "aaaa-bbbb", "dns": "managed", "limit": 0},
    }
    world.run("arrive", "127.0.0.1", document=arriving)
    assert unpacked(unsealed(kept(world) or b"", secret=SECRET)) == store()
    assert not {"bucket", "certificate_key", "login_key"} & set(world.heard()[0])


def test_no_key_is_told_to_an_agent_or_printed(world: World) -> None:
    world.server(new=True, certificates=text(store()))
    world.before(certificates=text(store()))
    done = world.release()
    told = json.dumps([*world.heard()[:1], *world.heard(ADDRESS)])
    for secret in (SECRET, "PRIVATE KEY"):
        assert secret not in told
        assert secret not in done.out + done.err
