"""The driver's pure parts: release ids, secrets in texts, what an agent is told."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from release.bucket import Bucket
from release.driver.__main__ import tell_trouble
from release.driver.conversation import Conversation
from release.driver.documents import Wanted
from release.driver.failure import Failure
from release.driver.release_id import release_id
from release.driver.session import Ended, Session
from release.host.agent.masking import masked, pattern, secrets_in
from release.ssh import Server

ARTIFACT = "sha256-" + "ab" * 32
DOCUMENT: dict[str, Any] = {"secret_key": "key", "env": {"A": "1"}, "hosts": ["é.example.org"], "servers": [1]}


def test_a_release_id_names_artifact_and_configuration() -> None:
    assert release_id(ARTIFACT, DOCUMENT) == "abababababab-e5e56aba"


@pytest.mark.parametrize(
    "key", ["servers", "address", "login_key", "bucket", "certificate_key", "source", "limits", "protect"]
)
def test_where_and_how_are_not_configuration(key: str) -> None:
    assert release_id(ARTIFACT, {**DOCUMENT, key: "other"}) == release_id(ARTIFACT, DOCUMENT)


@pytest.mark.parametrize("change", [{"env": {"A": "2"}}, {"secret_key": "other"}, {"health": "/up"}])
def test_everything_else_is(change: dict[str, Any]) -> None:
    assert release_id(ARTIFACT, {**DOCUMENT, **change}) != release_id(ARTIFACT, DOCUMENT)


def test_the_order_of_keys_means_nothing() -> None:
    assert release_id(ARTIFACT, dict(reversed(DOCUMENT.items()))) == release_id(ARTIFACT, DOCUMENT)


def test_every_secret_of_a_document_is_found() -> None:
    document = {
        "secrets": {"A": "one", "B": "two"},
        "secret_key": "three",
        "database": {"host": "h", "password": "four", "admin_password": "five"},
        "media": {"bucket": {"name": "n", "access_key": "a", "secret_key": "six"}},
        "login_key": "seven",
        "certificate_key": "eight",
        "env": {"PLAIN": "plain"},
    }
    assert set(secrets_in(document)) == {"one", "two", "three", "four", "five", "six", "seven", "eight"}


def test_longer_secrets_go_first_and_short_ones_stay() -> None:
    hidden = pattern(["secret", "secret-longer", "no"])
    assert masked("a secret, a secret-longer, no", hidden) == "a [secret], a [secret], no"


def test_a_failure_has_its_cause_in_one_line() -> None:
    assert Failure("a\nb", lines=["c"]).text(verb="release") == "release: a b\nc"


def test_the_driver_starts_without_pulumi_and_boto() -> None:
    code = (
        "import sys, release.driver.__main__, release.driver.rollout, release.driver.arrive; "
        "print([name for name in ('pulumi', 'boto3', 'botocore', 'zstandard') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_a_bucket_is_addressed_by_its_own_host_name() -> None:
    place = {"name": "media-1", "region": "fra1", "endpoint": "https://fra1.digitaloceanspaces.com"}
    url = Bucket.parse({**place, "access_key": "AK", "secret_key": "SK"}).presign("layers/x.tar.zst", seconds=900)
    assert url.startswith(
        "https://media-1.fra1.digitaloceanspaces.com/layers/x.tar.zst?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    )
    assert "us-east-1" in url


def test_a_release_that_failed_is_told_without_its_secrets(tmp_path: Path) -> None:
    document = {"site": "gallery", "environment": "staging", "notify": f"tee {tmp_path}/told", "login_key": "hunter2!"}
    tell_trouble("release", document, cause=Failure("web-1: gate: hunter2! answered 500", lines=["more"]))
    assert (tmp_path / "told").read_text() == "gallery staging: release failed: web-1: gate: [secret] answered 500\n"


@pytest.mark.parametrize(("drain", "least"), [(60, 110), (600, 650)])
def test_an_agent_whose_workers_drain_is_waited_for(drain: float, least: float) -> None:
    """It is silent meanwhile, and would be called lost."""
    waited: list[float] = []

    def receive(*, limit: float) -> dict[str, Any]:
        waited.append(limit)
        raise Ended("closed", code=0)

    talk = Conversation(server=Server("web-1", "192.0.2.1", "ssh-ed25519 AAAA"), wanted=cast(Wanted, Drains(drain)))
    talk._session, talk.state = cast(Session, SimpleNamespace(receive=receive)), "flipped"
    talk.last_word()
    assert waited[0] >= least


@dataclass(frozen=True)
class Drains:
    drain: float
