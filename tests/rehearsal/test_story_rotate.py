"""Secrets made anew and configuration changed on a site that is visited: nobody notices, and what was signed stays."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.stage import Stage, end_prober

pytestmark = [pytest.mark.rehearsal, pytest.mark.once]
CLOUDS = ("digitalocean", "hetzner")

URL = "https://staging.example.org"
# A login as a visitor holds it, and a link as a mail holds it.
SIGN = """
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
user, _ = get_user_model().objects.get_or_create(username="visitor", is_staff=True, is_superuser=True)
session = SessionStore()
session.update({"_auth_user_id": str(user.pk), "_auth_user_hash": user.get_session_auth_hash(),
                "_auth_user_backend": "django.contrib.auth.backends.ModelBackend"})
session.create()
print(session.session_key, signing.dumps({"for": "a visitor"}))
"""


class Visit:
    """The prober's requests while something is done."""

    def __init__(self, site: Stage, report: Path) -> None:
        self._site, self._report = site, report
        self.found: dict[str, Any] = {}

    def __enter__(self) -> Visit:
        # Patient: on a computer that is busy with other things an answer takes its time and is one all the same.
        plan = f"{URL}/ --rate 15 --seconds 900 --timeout 30 --out {self._report}"
        self._prober = self._site.start(f"inside .venv/bin/python -m rehearsal.prober {plan}")
        time.sleep(2)
        return self

    def __exit__(self, *left: object) -> None:
        time.sleep(2)
        self.found = end_prober(self._prober, self._report)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The first ones; what was counted and how long requests took stands beside them."""
        counted = {key: self.found[key] for key in ("sent", "failures", "statuses", "milliseconds", "interruption")}
        return [counted, *self.found["first_failures"]] if self.found["failed"] else []


def django(site: Stage, code: str) -> str:
    return (
        site.type(f"slipway manage staging shell -c {shlex.quote(code)}", secret=True).stdout.strip().splitlines()[-1]
    )


def is_logged_in(site: Stage, session: str) -> bool:
    asked = f"inside curl -s -o /dev/null -w '%{{http_code}}' -b sessionid={session} {URL}/admin/"
    return site.type(asked, secret=True).stdout.strip() == "200"


def logins(site: Stage) -> set[str]:
    """Roles of the site's that may log in; the admin is the cloud's, or ends in its word."""
    sql = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname ~ '^slipway(_[0-9]+)?$'"
    return set(asked(site, sql))


def asked(site: Stage, sql: str) -> list[str]:
    """The first column of what the database answers the site."""
    code = f"from django.db import connection; c = connection.cursor(); c.execute({sql!r}); "
    told = django(site, code + "import json; print(json.dumps([row[0] for row in c.fetchall()]))")
    return [str(each) for each in json.loads(told)]


def rotations(site: Stage) -> dict[str, list[int]]:
    found: dict[str, list[int]] = site.outputs("staging")["recorded"]["rotations"]
    return found


def test_changed_configuration_is_another_release_of_the_same_artifact(site: Stage, tmp_path: Path) -> None:
    before = site.outputs("staging")
    site.type("pulumi config set -s staging --path env.GREETING hello")
    with Visit(site, tmp_path / "probe.json") as visit:
        site.up("staging")
    after = site.outputs("staging")
    assert after["artifact"] == before["artifact"]
    assert after["release"] != before["release"]
    assert site.live(URL)["release"] == after["release"]
    assert "migrate" not in after["phases"]
    assert django(site, "import os; print(os.environ['GREETING'])") == "hello"
    assert visit.found["sent"] > 50
    assert visit.failures == []


def test_sessions_and_links_outlive_the_key_they_were_signed_with(site: Stage, tmp_path: Path) -> None:
    session, link = django(site, SIGN).split()
    assert is_logged_in(site, session)
    with Visit(site, tmp_path / "probe.json") as visit:
        site.type("slipway rotate staging secret-key --yes")
    assert visit.found["sent"] > 50
    assert visit.failures == []
    assert rotations(site)["secret-key"] == [1, 2]
    assert is_logged_in(site, session)
    read = f"from django.core import signing; print(signing.loads({link!r})['for'])"
    assert django(site, read) == "a visitor"
    site.type("slipway rotate staging secret-key --drop --yes")
    assert rotations(site)["secret-key"] == [2]
    done = site.type(f"slipway manage staging shell -c {shlex.quote(read)}", check=False, secret=True)
    assert "BadSignature" in done.stderr


def test_the_database_gets_another_password_and_no_request_fails(site: Stage, tmp_path: Path) -> None:
    assert logins(site) == {"slipway"}
    with Visit(site, tmp_path / "probe.json") as visit:
        site.type("slipway rotate staging database-password --yes")
    assert visit.found["sent"] > 50
    assert visit.failures == []
    assert rotations(site)["database-password"] == [2]
    assert logins(site) == {"slipway_2"}
    assert asked(site, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == ["slipway_owner"]
    # what a migration does, which only an owner may
    changed = "ALTER TABLE django_session ALTER session_data SET STATISTICS 100"
    django(site, f"from django.db import connection; connection.cursor().execute({changed!r}); print('changed')")


def test_the_same_prober_sees_a_password_changed_in_place(site: Stage, tmp_path: Path) -> None:
    """What a rotation is made to avoid: one login, whose new password the slot that serves does not know."""
    code = "from django.db import connection; print(connection.settings_dict['PASSWORD'])"
    password = django(site, code)
    script = (
        "SET ROLE NONE;\nALTER ROLE SESSION_USER PASSWORD 'another';\n"
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE usename = session_user AND pid <> pg_backend_pid();\nSELECT pg_sleep(4);\n"
        f"ALTER ROLE SESSION_USER PASSWORD '{password}';\n"
    )
    with Visit(site, tmp_path / "probe.json") as visit:
        site.type("slipway db shell staging", input=script, secret=True)
    assert visit.found["statuses"].get("500", 0) > 0, visit.found


def test_keys_of_the_buckets_are_made_anew(site: Stage, tmp_path: Path) -> None:
    if site.cloud_name == "hetzner":
        done = site.type("slipway rotate staging storage-keys --yes", check=False)
        assert "storage-keys: are made by hand on hetzner" in done.stderr
        return
    before = site.outputs("staging")["media"]["bucket"]["access_key"]
    with Visit(site, tmp_path / "probe.json") as visit:
        site.type("slipway rotate staging storage-keys --yes")
    assert visit.failures == []
    found = site.outputs("staging")
    assert found["media"]["bucket"]["access_key"] != before
    stored = (
        "from django.core.files.storage import storages as s; from django.core.files.base import ContentFile as C; "
    )
    name = django(site, stored + "print(s['default'].save('rotated.txt', C(b'kept')))")
    assert django(site, stored + f"print(s['default'].open({name!r}).read().decode())") == "kept"


def test_a_site_that_is_not_meant_for_the_public_asks_for_a_password(site: Stage, tmp_path: Path) -> None:
    def status(path: str, *options: str) -> str:
        return site.type(f"inside curl -s -o /dev/null -w '%{{http_code}}' {' '.join(options)} {URL}{path}").stdout

    site.type("pulumi config set -s staging --secret staging-password open-sesame", secret=True)
    site.up("staging")
    assert [status(path) for path in ("/", "/admin/", "/_up", "/_slipway/release", "/robots.txt")] == [
        *("401", "401", "200", "200", "200")
    ]
    assert status("/", "-u staging:open-sesame") == "200"
    told = site.type(f"inside curl -s -D - -u staging:open-sesame {URL}/robots.txt").stdout
    assert "x-robots-tag: noindex" in told.lower()
    assert "Disallow: /" in told
    assert "open-sesame" not in site.root("cat /etc/caddy/sites/*.caddy /var/lib/slipway-agent/*/state.json")
    assert site.type("slipway status staging", check=False).returncode == 0
    site.type("pulumi config rm -s staging staging-password")
    site.up("staging")
    assert status("/") == "200"


def test_a_release_leaves_its_record_and_a_picture(site: Stage, tmp_path: Path) -> None:
    picture = tmp_path / "release.svg"
    made = json.loads(site.type(f"slipway record staging --json --svg {picture}").stdout)
    found = site.outputs("staging")
    assert (made["release"], made["artifact"], made["decided"]) == (found["release"], found["artifact"], "released")
    (server,) = made["servers"].values()
    assert {"fetch", "preflight", "start", "gate", "flip", "drain"} <= {step["name"] for step in server["steps"]}
    assert server["bytes"] == 0  # the same artifact as before
    assert server["requests"]["inside"]["failed"] == 0
    assert server["requests"]["outside"]["seen"] > 0
    assert picture.read_text().startswith("<svg")
    assert "gate" in site.type("slipway record staging").stdout
    on_it = json.loads(site.root(f"cat /srv/slipway/releases/{made['release']}/record.json"))
    assert on_it["release"] == made["release"]
