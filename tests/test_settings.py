"""Every complaint a stack file can get, word for word, and what a good one becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from settings import Settings, SettingsError
from stack_file import check_written, stack_directory

GOOD: dict[str, Any] = {
    "region": "fra1",
    "domain": "example.org",
    "project": "examples/gallery",
    "settings": "gallery.settings",
}
PIN = f"sha256-{'0' * 64}"

COMPLAINTS: list[tuple[dict[str, Any], str]] = [
    ({"cloud": "aws"}, "cloud: should be digitalocean (got 'aws')"),
    ({"server-sise": "small"}, "unknown key: server-sise, did you mean server-size?"),
    ({"zzz": 1}, "unknown key: zzz, the known ones are in Pulumi.yaml"),
    ({"region": ""}, "region: is required, set it with pulumi config set region fra1"),
    ({"region": "Frankfurt"}, "region: should be a region's slug such as fra1 (got 'Frankfurt')"),
    ({"network": "default"}, "network: should be the id of a private network that exists (got 'default')"),
    ({"protect": "yes"}, "protect: should be true or false (got 'yes')"),
    ({"domain": "localhost"}, "domain: should be a name such as example.org (got 'localhost')"),
    (
        {"domain": "", "hosts": ["a.example.org"]},
        "domain: is required with dns: managed, set it with pulumi config set domain <name>",
    ),
    (
        {"hosts": ["www.example.com"]},
        "hosts[0]: should end in .example.org with dns: managed (got 'www.example.com'), or say dns: external",
    ),
    ({"hosts": "example.org"}, "hosts: should be a list (got 'example.org')"),
    (
        {"hosts": ["example.org", "Www.example.org"]},
        "hosts[1]: should be a host name such as www.example.org (got 'Www.example.org')",
    ),
    (
        {"hosts": ["*.example.org"]},
        "hosts[0]: should be a host name such as www.example.org (got '*.example.org')",
    ),
    (
        {"hosts": ["bücher.example.org"]},
        "hosts[0]: should be in its ASCII form (got 'bücher.example.org'), write xn--bcher-kva.example.org",
    ),
    (
        {"hosts": ["example.org", "example.org"]},
        "hosts: should name each host once (got example.org, example.org)",
    ),
    ({"dns": "cloudflare"}, "dns: should be managed or external (got 'cloudflare')"),
    ({"servers": 2}, "servers: should be 1 until there is a load balancer (got 2), take a larger server-size"),
    ({"servers": 0}, "servers: should be 1 or more (got 0)"),
    ({"servers": "two"}, "servers: should be a number (got 'two')"),
    ({"servers": True}, "servers: should be a number (got True)"),
    ({"server-size": "Big!"}, "server-size: should be small, medium, large or the cloud's own slug (got 'Big!')"),
    ({"server-generation": 0}, "server-generation: should be 1 or more (got 0)"),
    (
        {"ssh-from": ["203.0.113.7", "office"]},
        "ssh-from[1]: should be an address or network such as 203.0.113.0/24 (got 'office')",
    ),
    ({"database": "mysql"}, "database: should be managed or none (got 'mysql')"),
    (
        {"database": "none", "extensions": ["postgis"]},
        "extensions: has no meaning with database: none, leave one of the two out",
    ),
    ({"extensions": ["; drop"]}, "extensions[0]: should be the name of a Postgres extension (got '; drop')"),
    (
        {"project": ""},
        "project: is required without artifact, set it with pulumi config set project <directory> "
        "or take what another stack has proven with slipway promote <stack> staging",
    ),
    ({"artifact": "latest"}, "artifact: should be an artifact's id, sha256- and 64 hex digits (got 'latest')"),
    ({"promoted-from": "qa"}, "promoted-from: goes with artifact, run slipway promote qa staging"),
    ({"settings": ""}, "settings: is required, set it with pulumi config set settings mysite.settings"),
    ({"settings": "gallery/settings.py"}, "settings: should be a Django settings module (got 'gallery/settings.py')"),
    (
        {"site": "My Site"},
        "site: should be a short name of letters, digits and dashes (got 'My Site')",
    ),
    ({"env": {"A B": "x"}}, "env: should be names of environment variables (got 'A B')"),
    ({"env": {"RATE": 1.10}}, "env.RATE: should be a text, put it in quotes (got 1.1)"),
    ({"env": {"SLIPWAY_SITE": "x"}}, "env.SLIPWAY_SITE: is slipway's own, choose another name"),
    (
        {"secrets": {"DJANGO_SETTINGS_MODULE": "x"}},
        "secrets.DJANGO_SETTINGS_MODULE: is slipway's own, it is made from settings",
    ),
    ({"env": {"KEY": "a"}, "secrets": {"KEY": "b"}}, "env.KEY: is also in secrets, keep one of the two"),
    ({"workers": {"Mail": "x"}}, "workers: should be names of small letters, digits and dashes (got 'Mail')"),
    (
        {"workers": {"mail": "python manage.py process_mail"}},
        "workers.mail: should be what stands behind manage.py (got 'python manage.py process_mail'), "
        "write process_mail",
    ),
    (
        {"schedule": {"tally": "tally"}},
        "schedule.tally: should have run and at, and nothing else (got 'tally')",
    ),
    (
        {"schedule": {"tally": {"run": "tally", "at": 5}}},
        "schedule.tally.at: should be a systemd calendar time such as *-*-* 03:00 or hourly (got 5)",
    ),
    ({"health": "health/"}, "health: should be a path such as /health/ (got 'health/')"),
    ({"media": "s3"}, "media: should be private, public or disk (got 's3')"),
    ({"max-upload": "25M"}, "max-upload: should be a size such as 25MB (got '25M')"),
    ({"packages": ["GDAL"]}, "packages[0]: should be the name of a Debian package (got 'GDAL')"),
    ({"keep": ["storages"]}, "keep[0]: should be the name of a Django setting (got 'storages')"),
    ({"writable": ["var/index"]}, "writable[0]: should be an absolute path (got 'var/index')"),
    ({"web-threads": 0}, "web-threads: should be 1 or more (got 0)"),
]


def assert_error(message: str, **bad: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse("staging", {**GOOD, **bad})
    assert str(caught.value) == f"stacks/Pulumi.staging.yaml: {message}"


@pytest.mark.parametrize(("bad", "message"), COMPLAINTS, ids=[message[:50] for _, message in COMPLAINTS])
def test_complaint(bad: dict[str, Any], message: str) -> None:
    assert_error(message, **bad)


def test_an_error_ends_the_program_without_a_traceback() -> None:
    assert issubclass(SettingsError, pulumi.RunError)


def test_the_least_there_can_be() -> None:
    settings = Settings.parse("staging", GOOD)
    assert settings.naming.hosts == ("example.org",)
    assert settings.servers.ssh_from == ("0.0.0.0/0", "::/0")
    assert settings.database is not None
    assert settings.site.name == "slipway"
    assert not settings.protect


@pytest.mark.parametrize("empty", ["", [], {}, None])
def test_an_empty_default_means_absent(empty: object) -> None:
    declared = dict.fromkeys(["hosts", "health", "env", "artifact", "site", "network", "ssh-from"], empty)
    assert Settings.parse("staging", {**GOOD, **declared}) == Settings.parse("staging", GOOD)


def test_no_names_at_all() -> None:
    naming = Settings.parse("staging", {**GOOD, "domain": ""}).naming
    assert (naming.dns, naming.hosts) == ("address", ())


def test_names_kept_elsewhere_need_no_domain() -> None:
    naming = Settings.parse("staging", {**GOOD, "domain": "", "dns": "external", "hosts": ["a.example.net"]}).naming
    assert (naming.dns, naming.hosts) == ("external", ("a.example.net",))


def test_a_pin_needs_no_project() -> None:
    asked = {**GOOD, "project": "", "artifact": PIN, "promoted-from": "staging"}
    assert Settings.parse("production", asked).source.artifact == PIN


def test_what_config_set_path_stored_as_a_number_is_a_text_again() -> None:
    env = Settings.parse("staging", {**GOOD, "env": {"WORKERS": 5, "VERBOSE": True}}).site.env
    assert env == {"WORKERS": "5", "VERBOSE": "true"}


def test_a_project_with_an_odd_name_asks_for_a_site() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse("staging", GOOD, project="My_Shop")
    assert str(caught.value) == (
        "stacks/Pulumi.staging.yaml: site: should be a short name of letters, digits and dashes "
        "(got 'My_Shop', the Pulumi project's), set it with pulumi config set site <name>"
    )


WRITTEN: list[tuple[dict[str, Any], str]] = [
    (
        {"region": "fra1", "slipway:region": "ams3"},
        "region: stands twice, as region and as slipway:region, keep one of the two",
    ),
    (
        {"env": {"TOKEN": {"secure": "v1:x"}}},
        "env: is encrypted, but only values under secrets may be: move it there or write it in plain",
    ),
    (
        {"slipway:secrets": {"TOKEN": "hunter2"}},
        "secrets.TOKEN: is in plain text, run pulumi config set --secret --path secrets.TOKEN",
    ),
]


@pytest.mark.parametrize(("written", "message"), WRITTEN)
def test_what_only_the_file_shows(written: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_written("staging", "slipway", written)
    assert str(caught.value) == f"stacks/Pulumi.staging.yaml: {message}"


def test_secrets_encrypted_one_by_one_or_together_are_fine() -> None:
    check_written("staging", "slipway", {"secrets": {"TOKEN": {"secure": "v1:x"}}})
    check_written("staging", "slipway", {"secrets": {"secure": "v1:x"}})


class Engine:
    """What the engine hands to a program: the merged configuration in its environment, and where the project lies."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self._patch, self._root = patch, root
        (root / "stacks").mkdir()
        (root / "Pulumi.yaml").write_text("name: slipway\nstackConfigDir: stacks\n")
        pulumi.runtime.configure(
            pulumi.runtime.Settings(project="slipway", stack="staging", root_directory=str(root), dry_run=True)
        )

    def gives(self, config: dict[str, Any]) -> None:
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        self._patch.setenv("PULUMI_CONFIG", json.dumps(texts))
        self._patch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["slipway:secrets"]))
        pulumi.runtime.set_all_config(texts, ["slipway:secrets"])

    def wrote(self, text: str) -> None:
        (self._root / "stacks/Pulumi.staging.yaml").write_text(text)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    return Engine(monkeypatch, tmp_path)


def test_the_engine_hands_over_texts(engine: Engine) -> None:
    engine.gives(
        {
            **{f"slipway:{key}": value for key, value in GOOD.items()},
            "slipway:hosts": ["example.org", "www.example.org"],
            "slipway:protect": "true",
            "slipway:server-generation": "3",
            "digitalocean:token": "not ours",
        }
    )
    settings = Settings.load()
    assert settings.naming.hosts == ("example.org", "www.example.org")
    assert settings.protect
    assert settings.servers.generation == 3


def test_a_value_that_is_no_number_is_told_as_it_was_written(engine: Engine) -> None:
    engine.gives({f"slipway:{key}": value for key, value in {**GOOD, "server-generation": "new"}.items()})
    with pytest.raises(SettingsError, match=r"server-generation: should be a number \(got 'new'\)"):
        Settings.load()


def test_secrets_stay_secret(engine: Engine) -> None:
    engine.gives({f"slipway:{key}": value for key, value in {**GOOD, "secrets": {"TOKEN": "hunter2"}}.items()})

    def check() -> None:
        token = Settings.load().site.secrets["TOKEN"]
        assert isinstance(token, pulumi.Output)
        found: list[object] = []
        token.apply(found.append)
        seen.append((token, found))

    seen: list[tuple[pulumi.Output[str], list[object]]] = []
    pulumi.runtime.test(check)()  # type: ignore[no-untyped-call]
    assert seen[0][1] == ["hunter2"]
    assert "hunter2" not in repr(seen[0][0])


def test_the_file_is_read_for_what_the_engine_merged_away(engine: Engine) -> None:
    engine.gives({f"slipway:{key}": value for key, value in GOOD.items()})
    engine.wrote("config: {region: fra1, 'slipway:region': ams3}\n")
    with pytest.raises(SettingsError, match="region: stands twice"):
        Settings.load()


def test_stack_files_lie_where_the_project_says(engine: Engine, tmp_path: Path) -> None:
    assert stack_directory() == tmp_path / "stacks"
