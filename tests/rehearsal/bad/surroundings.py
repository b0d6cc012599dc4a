"""Machines, artifacts and promotions that a release must not come out of."""

from __future__ import annotations

from tests.rehearsal.bad.artifacts import flipped, in_bucket, in_cache, read_only_key, running_layer, whole
from tests.rehearsal.bad.planting import (
    UP,
    Bad,
    all_of,
    another_up,
    config,
    edit,
    fault,
    gone_live,
    machine,
    new_release,
    small_disk,
    stopped_ssh,
    typed,
    untouched,
)
from tests.rehearsal.bad.project import ADD, COUNT, MODELS, NOTE, REMOVE, migration

NO_CACHE = f"SLIPWAY_CACHE={{scratch}} {UP}"
NOBODYS = f"sha256-{'0' * 64}"
MACHINE = {
    "a disk that is full": Bad(
        all_of(small_disk(then="fallocate -l 60M /srv/slipway/dump"), new_release()),
        r"web-1: disk: /srv/slipway: should be less than 90% full",
        "free some of it or take a larger server-size",
    ),
    "a disk that fills up on the way": Bad(
        all_of(small_disk(inodes=200), new_release(files=400)),
        r"web-1: /srv/slipway/layers: the disk filled up while layer \w+ was unpacked",
        "free some of it or take a larger server-size",
    ),
    "a Debian package nobody has": Bad(
        config("packages[0]", "no-such-package"),
        r"web-1: packages: Unable to locate package no-such-package",
        "correct the name",
    ),
    "another release at work there": Bad(
        all_of(
            machine(
                "systemd-run --quiet --unit=at-work flock /run/lock/slipway-slipway.lock sleep 300",
                undo="systemctl stop at-work",
            ),
            new_release(),
        ),
        r"web-1: lock: .* is at work on this machine",
        "wait for it and run pulumi up again",
    ),
    "two at once": Bad(another_up(f"{UP} --refresh"), r".*the stack is currently locked by 1 lock", "cancel"),
    "no way in": Bad(all_of(stopped_ssh(), new_release()), r"web-1: ssh \S+: ", "run pulumi up again"),
}
ARTIFACT = {
    "a layer with a byte that is wrong in the bucket": Bad(
        in_bucket(layer=flipped), r"web-1: layer \w+: is damaged", "run pulumi up again"
    ),
    "a layer with a byte that is wrong here": Bad(
        in_cache(flipped), r"layer \w+…: \S+: (is damaged|holds something else)", "remove it and build again"
    ),
    "a manifest that was edited": Bad(
        in_bucket(layer=whole, manifest=flipped, pin=True),
        r"sha256-\w+: its manifest was edited",
        "then build it here",
        typed=NO_CACHE,
    ),
    "a layer that is missing": Bad(
        in_bucket(manifest=whole, pin=True), r"sha256-\w+: missing layers: code", "promote it again", typed=NO_CACHE
    ),
    "a pin of nothing": Bad(config("artifact", NOBODYS), rf"{NOBODYS}: its manifest is in neither", "build it here"),
    "a pin that is none": Bad(
        config("artifact", "sha256-12"), r"stacks/Pulumi\.staging\.yaml: artifact: should be", "(got 'sha256-12')"
    ),
    "a bucket that is read-only": Bad(
        all_of(read_only_key, new_release()),
        r"bucket slipway-staging-releases-\w+: the storage refused with AccessDenied",
        "see at the cloud what its key may do",
    ),
    "a bucket that is overrun": Bad(
        all_of(fault(service="s3", method="PUT", path="/slipway-staging-releases.*", times=0), new_release()),
        r"bucket slipway-staging-releases-\w+: the storage refused with SlowDown",
        "the same again in a minute goes on",
    ),
    "a clock an hour off": Bad(
        all_of(fault(service="s3", do="skew", seconds=3600, times=0), new_release()),
        r"bucket slipway-staging-releases-\w+: this computer's clock and the storage's should agree",
        "set this computer's clock",
    ),
}
PROMOTION = {
    "a promotion of what nobody has proven": Bad(
        untouched,
        rf"{NOBODYS}: no environment has proven it",
        "--hotfix",
        typed=f"slipway promote {NOBODYS} production",
    ),
    "a promotion after a failure": Bad(
        all_of(config("packages[0]", "no-such-package"), typed(UP)),
        r"staging: its last update should have succeeded",
        "run pulumi up -s staging first",
        typed="slipway promote staging production",
    ),
    "a promotion of a damaged layer": Bad(
        running_layer(flipped),
        r"layer \w+…: bucket slipway-staging-releases-\w+: holds something else",
        "nothing is pinned",
        typed="slipway promote staging production",
    ),
    "a way back over a migration that destroys": Bad(
        all_of(
            edit(MODELS, COUNT, NOTE),
            migration(ADD, name="0002_note"),
            gone_live(),
            edit(MODELS, NOTE, COUNT),
            migration(REMOVE, name="0003_no_note", after="0002_note"),
            gone_live(),
        ),
        r"staging: \S+: cannot serve from the database as it is now: pictures\.0003_no_note drops the column",
        "go forward instead",
        typed="slipway rollback staging --yes",
    ),
    "a way back to nothing": Bad(
        untouched,
        r"staging: should be a kept release \(got abcdef\)",
        "",
        typed="slipway rollback staging abcdef --yes",
    ),
}
