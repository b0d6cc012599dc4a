"""What a good stack file becomes; the bad ones are in tests/bad_inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from settings import Settings, SettingsError
from settings.as_written import check_written
from settings.stack_file import stack_directory

GOOD: dict[str, Any] = {
    "region": "fra1",
    "domain": "example.org",
    "project": "examples/gallery",
    "settings": "gallery.settings",
}
PIN = f"sha256-{'0' * 64}"


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


def test_celery_stands_beside_commands_of_manage_py() -> None:
    workers = {"queue": "celery -A shop worker", "mail": "process_mail"}
    tidy = {"run": "celery -A shop call shop.tasks.tidy", "at": "hourly"}
    site = Settings.parse("staging", {**GOOD, "workers": workers, "schedule": {"tidy": tidy}}).site
    assert (site.workers, site.schedule) == (workers, {"tidy": tidy})


def test_a_pin_needs_no_project() -> None:
    asked = {**GOOD, "project": "", "artifact": PIN, "promoted-from": "staging"}
    assert Settings.parse("production", asked).source.artifact == PIN


def test_a_project_with_an_odd_name_asks_for_a_site() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse("staging", GOOD, project="My_Shop")
    assert str(caught.value) == (
        "stacks/Pulumi.staging.yaml: site: should be a short name of letters, digits and dashes "
        "(got 'My_Shop', the Pulumi project's), set it with pulumi config set site <name>"
    )


# The engine checks the types that Pulumi.yaml declares; these are for whoever calls `parse` without it.
TYPES: list[tuple[dict[str, Any], str]] = [
    ({"protect": "yes"}, "protect: should be true or false (got 'yes')"),
    ({"hosts": "example.org"}, "hosts: should be a list, each a host name such as www.example.org (got 'example.org')"),
    ({"servers": "two"}, "servers: should be a number (got 'two')"),
    ({"servers": True}, "servers: should be a number (got True)"),
    ({"env": ["A=1"]}, "env: should be names with values (got ['A=1'])"),
]


@pytest.mark.parametrize(("bad", "message"), TYPES)
def test_a_wrong_type(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse("staging", {**GOOD, **bad})
    assert str(caught.value) == f"stacks/Pulumi.staging.yaml: {message}"


def test_what_config_set_path_stored_as_a_number_is_a_text_again() -> None:
    env = Settings.parse("staging", {**GOOD, "env": {"WORKERS": 5, "VERBOSE": True}}).site.env
    assert env == {"WORKERS": "5", "VERBOSE": "true"}


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


def test_stack_files_lie_where_the_project_says(engine: Engine, tmp_path: Path) -> None:
    assert stack_directory() == tmp_path / "stacks"


def test_database_none_goes_with_the_defaults_of_pulumi_yaml() -> None:
    """The engine hands every declared default over as if it had been written."""
    declared = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text())["config"]
    defaults = {key: about["default"] for key, about in declared.items() if "default" in about}
    given = {**defaults, **GOOD, "database": "none"}
    assert Settings.parse("staging", given).database is None
    local = Settings.parse("staging", {**given, "database": "local"}).database
    assert local
    assert local.kind == "local"
