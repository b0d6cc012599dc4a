"""A certificate authority whose clock is an hour ahead: its own certificate is not valid yet for anybody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rehearsal.stage import Stage, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

URL, ADDED = "https://staging.example.org", "https://more.staging.example.org"
SKEW = {"service": "acme-tls", "do": "skew", "seconds": 3600, "times": 0}
TEMPLATE = "pictures/templates/pictures/base.html"


@pytest.fixture(scope="module")
def site(stage: Stage) -> Iterator[Stage]:
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    stage.up("staging")
    yield stage
    stage.heal()
    stage.type("pulumi config rm --path 'hosts[2]' -s staging")
    stage.type("pulumi destroy --yes --skip-preview --non-interactive -s staging")


def test_a_release_goes_live_and_says_which_name_has_no_certificate(site: Stage) -> None:
    """Nothing of what serves depends on the authority: the names that were there are served by the new release."""
    before = site.live(URL)
    undo = site.edit(TEMPLATE, "</footer>", "<!-- while its clock is off --></footer>")
    site.type(f"pulumi config set --path 'hosts[2]' {ADDED.removeprefix('https://')} -s staging")
    site.fault(**SKEW)
    done = site.up("staging")
    undo()
    said = " ".join(done.stdout.split())
    assert f"{ADDED} got no certificate, the authority said:" in said, said
    assert "certificate has expired or is not yet valid" in said
    assert "pulumi up looks again" in said
    assert site.live(URL)["release"] != before["release"]
    assert "while its clock is off" in site.page(URL)
    assert site.type(f"inside curl -s {ADDED}/", check=False).returncode != 0


def test_it_has_one_once_the_clock_is_right(site: Stage) -> None:
    site.heal()
    site.up("staging")
    wait_until(lambda: site.page(ADDED) == "", limit=60, what="the way to the first name, over verified HTTPS")
    assert site.type(f"inside curl -sSL -o /dev/null -w '%{{url_effective}}' {ADDED}/").stdout == f"{URL}/"
