"""A preview refuses sizes that cannot bear two releases at a time, and says the sum."""

from __future__ import annotations

import re
from typing import Any

import pytest

from components.clouds import cloud
from components.fitting import connections, load_of, refuse_unfitting
from rehearsal.cloud.digitalocean import catalog as digitalocean
from rehearsal.cloud.hetzner import catalog as hetzner
from settings import Settings, SettingsError

ASKED: dict[str, Any] = {"region": "fra1", "project": "site", "settings": "site.settings"}
STORAGE = {"region": "fsn1", "cloud": "hetzner"}
SIX = {f"queue-{letter}": "work" for letter in "abcdef"}


def _settings(**more: Any) -> Settings:
    return Settings.parse("staging", {**ASKED, **{key.replace("_", "-"): value for key, value in more.items()}})


def _refusal(**more: Any) -> str:
    settings = _settings(**more)
    with pytest.raises(SettingsError) as refused:
        refuse_unfitting(settings, cloud=cloud(settings.cloud))
    return str(refused.value)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"workers": {"mail": "work"}, "schedule": {"tally": {"run": "tally", "at": "hourly"}}, "cache": "valkey"},
        {"workers": SIX, "server_size": "large", "database_size": "medium"},
        {"database": "none", "server_size": "s-1vcpu-512mb-10gb"},
        {"database": "sqlite", "workers": {"mail": "work"}},
        {**STORAGE, "workers": SIX},
        {"server_size": "of-next-year", "web_processes": 99},  # what no table knows is the machine's to say
    ],
)
def test_what_fits_is_let_through(asked: dict[str, Any]) -> None:
    settings = _settings(**asked)
    if asked.get("server_size") == "of-next-year":
        settings = _settings(**asked, database="none")
    refuse_unfitting(settings, cloud=cloud(settings.cloud))


def test_workers_that_outrun_the_smallest_database_are_summed_up() -> None:
    assert _refusal(workers=SIX, server_size="medium") == (
        "stacks/Pulumi.staging.yaml: database-size: should bear 23 database connections: 2 releases x (1 process x "
        "4 threads + 6 workers) + 0 scheduled + 3 for migrations and people (got 'small', which gives 22), choose a "
        "larger one or fewer workers, web-processes and web-threads"
    )


def test_processes_that_outgrow_the_smallest_machine_are_summed_up() -> None:
    assert _refusal(web_processes=6, web_threads=1, cache="valkey") == (
        "stacks/Pulumi.staging.yaml: server-size: should bear 882 MiB: (2 releases x (6 processes + 0 workers) + "
        "0 scheduled + 1 migration) x 60 MiB at least + 102 MiB for what is beside them (got 'small', which has "
        "1024 MiB, four fifths of it for the site), choose a larger one or fewer workers, web-processes and web-threads"
    )


def test_a_postgres_on_the_web_machine_is_a_matter_of_that_machines_size() -> None:
    told = _refusal(database="local", web_processes=2, web_threads=9)
    assert told.startswith("stacks/Pulumi.staging.yaml: server-size: should bear 39 database connections: 2 releases")
    assert "(got 'small', which gives 37)" in told
    assert load_of(_settings(database="local"), mib=4096).beside == 512


def test_a_postgres_on_a_machine_of_its_own_gives_what_that_machine_bears() -> None:
    settings = _settings(**STORAGE)
    assert connections(settings, cloud=cloud("hetzner")) == 204 - 3
    assert "(got 'small', which gives 201)" in _refusal(**STORAGE, web_processes=10, web_threads=10)


def test_digitaloceans_sizes_say_what_they_have() -> None:
    """Held against the catalogues that the rehearsal's clouds answer from."""
    assert {slug: cloud("digitalocean").memory(slug, region="fra1") for slug in digitalocean.SIZES} == {
        slug: size.memory for slug, size in digitalocean.SIZES.items()
    }
    assert {slug: cloud("digitalocean").connections(slug) for slug in digitalocean.DATABASE_SIZES} == {
        slug: digitalocean.database_connections(slug) for slug in digitalocean.DATABASE_SIZES
    }
    assert cloud("digitalocean").connections("db-of-next-year") is None


def test_hetzners_types_have_what_they_are_sold_with() -> None:
    sold = {name: each.memory for name, each in hetzner.SERVER_TYPES.items() if not re.match("cax", name)}
    assert {name: cloud("hetzner").memory(name, region="fsn1") for name in sold} == {
        name: gigabytes * 1024 for name, gigabytes in sold.items()
    }
    assert cloud("hetzner").memory("small", region="ash") == 2048
    assert cloud("hetzner").memory("of-next-year", region="fsn1") is None
    assert cloud("hetzner").connections("small") is None
