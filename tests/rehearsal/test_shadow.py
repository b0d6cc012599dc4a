"""The shadow project: copies that hold nothing of the user's secrets, and originals that nobody touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal import shadow

PROJECT = """name: shop
runtime: {name: python, options: {toolchain: pip, virtualenv: .venv}}
stackConfigDir: stacks
template: {description: x}
"""
STACK = """# staging
config:
  cloud: digitalocean  # ours
  digitalocean:token:
    secure: AAABtoken
  secrets:
    MAIL: {secure: AAABmail}
    PLAIN: not one
encryptionsalt: v1:salt
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "stacks/Pulumi.staging.yaml").write_text(STACK)
    return tmp_path


def copied(project: Path) -> Path:
    assert shadow.make_shadow(project=project, shadow=project / ".rehearsal/project", plugins={}) == ["staging"]
    return shadow.stack_file(shadow=project / ".rehearsal/project", stack="staging")


def test_the_same_program_runs_from_the_shadow(project: Path) -> None:
    copied(project)
    document = (project / ".rehearsal/project/Pulumi.yaml").read_text()
    assert "main: ../.." in document
    assert "virtualenv: ../../.venv" in document
    assert "template" not in document


def test_a_copy_holds_no_secret_and_no_key_of_a_provider(project: Path) -> None:
    text = copied(project).read_text()
    assert "AAAB" not in text
    assert "encryptionsalt" not in text
    assert "digitalocean:token" not in text
    assert "PLAIN: not one" in text
    assert "# ours" in text


def test_the_originals_stay_as_they_are(project: Path) -> None:
    copied(project)
    assert (project / "stacks/Pulumi.staging.yaml").read_text() == STACK
    assert (project / "Pulumi.yaml").read_text() == PROJECT


def test_what_the_rehearsal_wrote_stays_until_the_original_changes(project: Path) -> None:
    copy = copied(project)
    copy.write_text(copy.read_text() + "encryptionsalt: v1:own\n# pinned here\n")
    assert "# pinned here" in copied(project).read_text()
    original = project / "stacks/Pulumi.staging.yaml"
    original.write_text(STACK.replace("digitalocean  #", "hetzner  #"))
    renewed = copied(project).read_text()
    assert "cloud: hetzner" in renewed
    assert "encryptionsalt: v1:own" in renewed
    assert "# pinned here" not in renewed


def test_every_encrypted_setting_is_listed_for_a_generated_value(project: Path) -> None:
    found = shadow.secret_paths(project / "stacks/Pulumi.staging.yaml")
    assert found == [("secrets", "MAIL")]


def test_keys_read_the_same_in_both_forms(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.staging.yaml"
    file.write_text("config:\n  shop:domain: example.org\n  region: fra1\n")
    assert shadow.config(file) == {"domain": "example.org", "region": "fra1"}


def test_a_copy_can_be_taken_to_another_cloud(project: Path) -> None:
    there = {"cloud": "hetzner", "region": "fsn1"}
    target = project / ".rehearsal/project"
    shadow.make_shadow(project=project, shadow=target, plugins={}, moved=there)
    found = shadow.config(shadow.stack_file(shadow=target, stack="staging"))
    assert {key: found[key] for key in there} == there
    assert "cloud: digitalocean  # ours" in (project / "stacks/Pulumi.staging.yaml").read_text()


def test_a_copy_that_lives_there_already_keeps_its_region(project: Path) -> None:
    target = project / ".rehearsal/project"
    shadow.make_shadow(project=project, shadow=target, plugins={}, moved={"cloud": "digitalocean", "region": "nyc3"})
    assert "region" not in shadow.config(shadow.stack_file(shadow=target, stack="staging"))
