"""What can be wrong in a stack file: what a person reads, word for word; nothing is made, written or changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bad_inputs.desk import GOOD, Desk

PIN = f"sha256-{'0' * 64}"
COMPLAINTS: list[tuple[dict[str, Any], str]] = [
    ({"cloud": "aws"}, "cloud: should be digitalocean or hetzner (got 'aws')"),
    (
        {"cloud": "digital-ocean"},
        "cloud: should be digitalocean or hetzner (got 'digital-ocean'), did you mean digitalocean?",
    ),
    (
        {"storage-access-key": "A"},
        "storage-secret-key: goes with the other storage keys, set it with pulumi config set --secret "
        "storage-secret-key",
    ),
    ({"server-sise": "small"}, "unknown key: server-sise, did you mean server-size?"),
    ({"zzz": 1}, "unknown key: zzz, the known ones are in Pulumi.yaml"),
    ({"region": ""}, "region: is required, set it with pulumi config set region fra1"),
    ({"region": "FRA1"}, "region: should be a region's slug such as fra1 (got 'FRA1'), write fra1"),
    ({"region": "Frankfurt"}, "region: should be a region's slug such as fra1 (got 'Frankfurt')"),
    ({"network": "default"}, "network: should be the id of a private network that exists (got 'default')"),
    ({"domain": "localhost"}, "domain: should be a name such as example.org (got 'localhost')"),
    (
        {"domain": "https://example.org/"},
        "domain: should be a name such as example.org (got 'https://example.org/'), write example.org",
    ),
    (
        {"domain": "example.org."},
        "domain: should be a name such as example.org (got 'example.org.'), write example.org",
    ),
    ({"domain": "Example.org"}, "domain: should be a name such as example.org (got 'Example.org'), write example.org"),
    ({"domain": "203.0.113.7"}, "domain: should be a name such as example.org (got '203.0.113.7')"),
    (
        {"domain": "", "hosts": ["a.example.org"]},
        "domain: is required with dns: managed, set it with pulumi config set domain <name>",
    ),
    (
        {"hosts": ["www.example.com"]},
        "hosts[0]: should end in .example.org with dns: managed (got 'www.example.com'), or say dns: external",
    ),
    (
        {"hosts": ["example.org", "Www.example.org"]},
        "hosts[1]: should be a host name such as www.example.org (got 'Www.example.org'), write www.example.org",
    ),
    ({"hosts": ["*.example.org"]}, "hosts[0]: should be a host name such as www.example.org (got '*.example.org')"),
    (
        {"hosts": ["bücher.example.org"]},
        "hosts[0]: should be a host name such as www.example.org (got 'bücher.example.org'), write "
        "xn--bcher-kva.example.org",
    ),
    (
        {"hosts": ["example.org:8000"]},
        "hosts[0]: should be a host name such as www.example.org (got 'example.org:8000'), write example.org",
    ),
    ({"hosts": ["example.org", 5]}, "hosts[1]: should be a host name such as www.example.org (got 5)"),
    ({"hosts": ["example.org", "example.org"]}, "hosts: should name each host once (got example.org, example.org)"),
    ({"dns": "cloudflare"}, "dns: should be managed or external (got 'cloudflare')"),
    ({"dns": "extern"}, "dns: should be managed or external (got 'extern'), did you mean external?"),
    ({"servers": 2}, "servers: should be 1 until there is a load balancer (got 2), take a larger server-size"),
    ({"servers": 0}, "servers: should be 1 or more (got 0)"),
    ({"server-size": "Big!"}, "server-size: should be small, medium, large or the cloud's own slug (got 'Big!')"),
    ({"server-generation": 0}, "server-generation: should be 1 or more (got 0)"),
    (
        {"ssh-from": ["203.0.113.7", "office"]},
        "ssh-from[1]: should be an address or network such as 203.0.113.0/24 (got 'office')",
    ),
    (
        {"ssh-from": ["300.1.1.1/24"]},
        "ssh-from[0]: should be an address or network such as 203.0.113.0/24 (got '300.1.1.1/24')",
    ),
    (
        {"ssh-from": ["10.0.0.0/33"]},
        "ssh-from[0]: should be an address or network such as 203.0.113.0/24 (got '10.0.0.0/33')",
    ),
    (
        {"ssh-from": ["203.0.113.7/24"]},
        "ssh-from[0]: should be an address or network such as 203.0.113.0/24 (got '203.0.113.7/24'), write "
        "203.0.113.0/24",
    ),
    (
        {"ssh-from": ["203.0.113.0/24,198.51.100.0/24"]},
        "ssh-from[0]: should be an address or network such as 203.0.113.0/24 (got '203.0.113.0/24,198.51.100.0/24')",
    ),
    ({"database": "mysql"}, "database: should be managed, local, sqlite or none (got 'mysql')"),
    ({"database-disk": 5}, "database-disk: should be 10 or more (got 5)"),
    ({"database-generation": 0}, "database-generation: should be 1 or more (got 0)"),
    (
        {"database": "local", "database-disk": 40},
        "database-disk: has no meaning with database: local, leave one of the two out",
    ),
    (
        {"database": "local", "database-generation": 2},
        "database-generation: has no meaning with database: local, leave one of the two out",
    ),
    (
        {"database": "none", "extensions": ["postgis"]},
        "extensions: has no meaning with database: none, leave one of the two out",
    ),
    ({"extensions": ["; drop"]}, "extensions[0]: should be the name of a Postgres extension (got '; drop')"),
    (
        {"project": ""},
        "project: is required without artifact, set it with pulumi config set project <directory> or take "
        "what another stack has proven with slipway promote <stack> staging",
    ),
    (
        {"project": "~/mysite"},
        "project: should be a directory with manage.py, absolute or relative to this project (got '~/mysite')",
    ),
    ({"artifact": "latest"}, "artifact: should be an artifact's id, sha256- and 64 hex digits (got 'latest')"),
    (
        {"artifact": PIN.replace("-", ":")},
        f"artifact: should be an artifact's id, sha256- and 64 hex digits (got '{PIN.replace('-', ':')}'), write {PIN}",
    ),
    ({"promoted-from": "qa"}, "promoted-from: goes with artifact, run slipway promote qa staging"),
    ({"pin-reason": "in haste"}, "pin-reason: goes with artifact, remove it"),
    (
        {"artifact": PIN, "promoted-from": "staging"},
        "promoted-from: should be another stack than this one (got 'staging')",
    ),
    ({"settings": ""}, "settings: is required, set it with pulumi config set settings mysite.settings"),
    (
        {"settings": "gallery/settings.py"},
        "settings: should be a Django settings module (got 'gallery/settings.py'), write gallery.settings",
    ),
    (
        {"settings": "gallery.settings.py"},
        "settings: should be a Django settings module (got 'gallery.settings.py'), write gallery.settings",
    ),
    ({"settings": "site.settings:a:b"}, "settings: should be a Django settings module (got 'site.settings:a:b')"),
    (
        {"env": {"DJANGO_CONFIGURATION": "Production"}},
        "env.DJANGO_CONFIGURATION: is slipway's own, it is made from settings: name the class there, "
        "mysite.settings:Production",
    ),
    ({"settings": "my-site.settings"}, "settings: should be a Django settings module (got 'my-site.settings')"),
    ({"site": "My Site"}, "site: should be a short name of letters, digits and dashes (got 'My Site'), write my-site"),
    (
        {"site": "www-data"},
        "site: should be a name that no system user has (got 'www-data'), set another with pulumi config set "
        "site <name>",
    ),
    (
        {"site": "caddy"},
        "site: should be a name that no system user has (got 'caddy'), set another with pulumi config set site <name>",
    ),
    (
        {"env": {"A B": "x"}},
        "env: should be names of environment variables, of letters, digits and _ (got 'A B'), write A_B",
    ),
    ({"env": {"KÖNIG": "x"}}, "env: should be names of environment variables, of letters, digits and _ (got 'KÖNIG')"),
    ({"env": {"RATE": 1.1}}, "env.RATE: should be a text (got the number 1.1), put it in quotes"),
    (
        {"env": {"HOSTS": ["a", "b"]}},
        "env.HOSTS: should be one text (got a list), write it as the site reads it, in quotes",
    ),
    (
        {"env": {"SENTRY_DSN": None}},
        "env.SENTRY_DSN: should be one text (got nothing), write it as the site reads it, in quotes",
    ),
    ({"env": {"SLIPWAY_SITE": "x"}}, "env.SLIPWAY_SITE: is slipway's own, choose another name"),
    (
        {"env": {"STRIPE_SECRET_KEY": "sk_live_abc"}},
        "env.STRIPE_SECRET_KEY: should not be in plain text (got what looks like a secret), run pulumi "
        "config set --secret --path secrets.STRIPE_SECRET_KEY and take it out here",
    ),
    (
        {"env": {"BROKER": "amqp://shop:hunter2@mq.example.org/"}},
        "env.BROKER: should not be in plain text (got what looks like a secret), run pulumi config set "
        "--secret --path secrets.BROKER and take it out here",
    ),
    (
        {"secrets": {"DJANGO_SETTINGS_MODULE": "x"}},
        "secrets.DJANGO_SETTINGS_MODULE: is slipway's own, it is made from settings",
    ),
    (
        {"secrets": {"STRIPE": {"KEY": "hunter2"}}},
        "secrets.STRIPE: should be one text (got names with values), run pulumi config set --secret --path "
        "secrets.STRIPE",
    ),
    ({"env": {"KEY": "a"}, "secrets": {"KEY": "b"}}, "env.KEY: is also in secrets, keep one of the two"),
    (
        {"workers": {"Mail": "x"}},
        "workers: should be names of small letters, digits and dashes (got 'Mail'), write mail",
    ),
    (
        {"workers": {"mail": "python manage.py process_mail"}},
        "workers.mail: should be what stands behind manage.py (got 'python manage.py process_mail'), write "
        "process_mail",
    ),
    (
        {"workers": {"tasks": "python -m celery -A shop worker"}},
        "workers.tasks: should be Celery's own line (got 'python -m celery -A shop worker'), write "
        "celery -A shop worker",
    ),
    (
        {"workers": {"tasks": "gunicorn shop.wsgi"}},
        "workers.tasks: should be a command of manage.py, without manage.py (got 'gunicorn shop.wsgi'), "
        "write a management command that does what gunicorn does here",
    ),
    (
        {"before-release": ["celery -A shop purge"]},
        "before-release[0]: should be a command of manage.py, without manage.py (got 'celery -A shop purge'), "
        "write a management command that does what celery does here",
    ),
    (
        {"workers": {"mail": ["process_mail"]}},
        "workers.mail: should be a line such as qcluster or process_tasks --queue mail (got ['process_mail'])",
    ),
    (
        {"schedule": {"tally": "tally"}},
        "schedule.tally: should have run and at, and nothing else (got 'tally'), write {run: tally, at: hourly}",
    ),
    (
        {"schedule": {"tally": {"run": "tally", "at": 5}}},
        "schedule.tally.at: should be a systemd calendar time such as *-*-* 03:00 or hourly (got 5)",
    ),
    (
        {"schedule": {"tally": {"run": "tally", "at": "0 3 * * *"}}},
        "schedule.tally.at: should be a systemd calendar time such as *-*-* 03:00 or hourly (got '0 3 * * "
        "*'), write *-*-* 03:00",
    ),
    (
        {"schedule": {"tally": {"run": "tally", "at": "every day at 3am"}}},
        "schedule.tally.at: should be a systemd calendar time such as *-*-* 03:00 or hourly (got 'every day at 3am')",
    ),
    (
        {"schedule": {"tally": {"run": "tally", "at": "25:00"}}},
        "schedule.tally.at: should be a systemd calendar time such as *-*-* 03:00 or hourly (got '25:00')",
    ),
    (
        {"schedule": {"tally": {"run": "./manage.py tally --all", "at": "hourly"}}},
        "schedule.tally.run: should be what stands behind manage.py (got './manage.py tally --all'), write tally --all",
    ),
    ({"health": "health/"}, "health: should be a path such as /health/ (got 'health/'), write /health/"),
    (
        {"health": "https://example.org/up"},
        "health: should be a path such as /health/ (got 'https://example.org/up'), write /up",
    ),
    ({"media": "s3"}, "media: should be private, public or disk (got 's3')"),
    ({"media": "privat"}, "media: should be private, public or disk (got 'privat'), did you mean private?"),
    ({"max-upload": "25M"}, "max-upload: should be a size such as 25MB (got '25M'), write 25MB"),
    ({"max-upload": "25"}, "max-upload: should be a size such as 25MB (got '25'), write 25MB"),
    ({"max-upload": "lots"}, "max-upload: should be a size such as 25MB (got 'lots')"),
    ({"packages": ["GDAL"]}, "packages[0]: should be the name of a Debian package (got 'GDAL'), write gdal"),
    ({"packages": ["gdal-bin==3.6"]}, "packages[0]: should be the name of a Debian package (got 'gdal-bin==3.6')"),
    ({"keep": ["storages"]}, "keep[0]: should be the name of a Django setting (got 'storages'), write STORAGES"),
    ({"keep": ["STORAGES.media"]}, "keep[0]: should be the name of a Django setting (got 'STORAGES.media')"),
    ({"writable": ["var/index"]}, "writable[0]: should be an absolute path (got 'var/index')"),
    ({"writable": ["/srv/../etc"]}, "writable[0]: should be an absolute path (got '/srv/../etc')"),
    ({"web-threads": 0}, "web-threads: should be 1 or more (got 0)"),
    ({"web-processes": -1}, "web-processes: should be 0 or more (got -1)"),
]
# What only the file itself shows: its text, and what the engine makes of the same.
WRITTEN: list[tuple[str, dict[str, Any], str]] = [
    (
        "config: {region: fra1, 'slipway:region': ams3}",
        {},
        "region: stands twice, as region and as slipway:region, keep one of the two",
    ),
    ("config: {'slipwayy:region': fra1}", {}, "slipwayy:region: should stand without a namespace, write region"),
    ("confg: {region: fra1}", {}, "unknown key: confg, did you mean config?"),
    ("region: fra1\nconfig: {}", {}, "region: should stand below config:, indented by two spaces"),
    (
        "config: {env: {TOKEN: {secure: 'v1:x'}}}",
        {},
        "env: is encrypted, but only values under secrets may be: move it there or write it in plain",
    ),
    (
        "config: {storage-site-secret-key: hunter2}",
        {},
        "storage-site-secret-key: is in plain text, run pulumi config set --secret storage-site-secret-key",
    ),
    (
        "config: {secrets: {TOKEN: hunter2}}",
        {},
        "secrets.TOKEN: is in plain text, run pulumi config set --secret --path secrets.TOKEN",
    ),
    (
        "config: {env: {PIN: 0123}}",
        {"env": {"PIN": 83}},
        "env.PIN: should stand in quotes (got 0123, which YAML reads as 83), write '0123'",
    ),
    (
        "config: {env: {API_VERSION: 1.10}}",
        {"env": {"API_VERSION": 1.1}},
        "env.API_VERSION: should stand in quotes (got 1.10, which YAML reads as 1.1), write '1.10'",
    ),
    (
        "config: {env: {DEBUG: True}}",
        {"env": {"DEBUG": True}},
        "env.DEBUG: should stand in quotes (got True, which YAML reads as true), write 'True'",
    ),
    (
        "config: {env: {SINCE: 2026-01-01}}",
        {"env": {"SINCE": "2026-01-01 00:00:00 +0000 UTC"}},
        "env.SINCE: should stand in quotes (got 2026-01-01, which YAML reads as 2026-01-01 00:00:00 +0000 UTC), "
        "write '2026-01-01'",
    ),
]


@pytest.mark.parametrize(("bad", "message"), COMPLAINTS, ids=[message[:50] for _, message in COMPLAINTS])
def test_a_setting(desk: Desk, bad: dict[str, Any], message: str) -> None:
    desk.writes({**GOOD, **bad})
    assert desk.complaint() == f"stacks/Pulumi.staging.yaml: {message}"


@pytest.mark.parametrize(("text", "made", "message"), WRITTEN, ids=[message[:50] for _, _, message in WRITTEN])
def test_what_only_the_file_shows(desk: Desk, text: str, made: dict[str, Any], message: str) -> None:
    desk.writes({**GOOD, **made}, text=text)
    assert desk.complaint() == f"stacks/Pulumi.staging.yaml: {message}"
