"""User data: golden text, size, placeholders, cloud-init's own schema."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.cloud_init import CLOUD_INIT, LIMIT, CloudInitError, render

GOLDEN = Path(__file__).parent / "rendered"
MACHINES = ("web", "postgres")
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----\n"
SCHEMA = "usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"


def rendered(name: str = "web", **changes: Any) -> str:
    asked: dict[str, Any] = {
        "site": "gallery",
        "address": "192.0.2.200",
        "host_key_private": KEY,
        "host_key_public": "ssh-ed25519 HOST\n",
        "login_public_key": "ssh-ed25519 LOGIN\n",
        "swap": True,
    }
    return render(name, **{**asked, **changes})


def schemas() -> list[Path]:
    """cloud-init's schema where a Debian root is at hand."""
    cache = Path(os.environ.get("SLIPWAY_CACHE") or Path.home() / ".cache/slipway")
    return [path for path in [Path("/") / SCHEMA, *cache.glob(f"rehearsal/roots/*/{SCHEMA}")] if path.is_file()]


def source(tmp_path: Path, *, text: str = "#cloud-config\n", **files: str) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "web.yaml").write_text(text)
    for name, content in files.items():
        (tmp_path / "files" / name.replace("_", ".")).write_text(content)
    return tmp_path


@pytest.mark.parametrize("name", MACHINES)
def test_is_the_reviewed_text(name: str) -> None:
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered(name))
    assert rendered(name) == golden.read_text()


def test_is_the_same_every_time() -> None:
    assert rendered() == rendered()


def test_fits_both_clouds_with_room_to_spare() -> None:
    assert len(rendered(host_key_private=KEY.replace("AAAA", "A" * 400)).encode()) < LIMIT * 3 // 4


@pytest.mark.parametrize("name", MACHINES)
def test_is_one_yaml_document_with_one_command(name: str) -> None:
    document = yaml.safe_load(rendered(name))
    assert document["runcmd"] == [["/usr/local/lib/slipway/bootstrap.sh", "gallery", "swap=yes"]]
    assert "packages" not in document
    assert document["ssh_keys"]["ed25519_private"] == KEY
    assert document["ssh_keys"]["ed25519_public"] == "ssh-ed25519 HOST"


@pytest.mark.parametrize("name", MACHINES)
def test_no_file_belongs_to_a_user_who_may_not_exist_yet(name: str) -> None:
    assert not [item for item in yaml.safe_load(rendered(name))["write_files"] if "owner" in item]


def carried(name: str) -> dict[str, str]:
    return {item["path"]: item["content"] for item in yaml.safe_load(rendered(name))["write_files"]}


def test_every_file_is_carried_by_some_machine() -> None:
    texts = "".join((CLOUD_INIT / f"{name}.yaml").read_text() for name in MACHINES)
    lacking = [path.name for path in (CLOUD_INIT / "files").iterdir() if f"${{files/{path.name}}}" not in texts]
    assert lacking == []


@pytest.mark.parametrize(("name", "script"), [("web", "bootstrap.sh"), ("postgres", "database.sh")])
def test_scripts_are_carried_verbatim(name: str, script: str) -> None:
    tools = "/usr/local/lib/slipway"
    assert carried(name)[f"{tools}/bootstrap.sh"] == (CLOUD_INIT / "files" / script).read_text()
    assert carried(name)[f"{tools}/steps.sh"] == (CLOUD_INIT / "files/steps.sh").read_text()


def test_a_database_machine_opens_nothing_but_ssh_at_birth() -> None:
    assert not [path for path in carried("postgres") if path.startswith("/etc/nftables.d/")]
    ports = [line.strip() for line in carried("postgres")["/etc/nftables.conf"].splitlines() if "dport" in line]
    assert ports == ["udp sport 67 udp dport 68 accept", "udp sport 547 udp dport 546 accept", "tcp dport 22 accept"]


def test_a_database_machine_starts_no_cluster_before_its_disk_is_there() -> None:
    settings = carried("postgres")["/etc/postgresql-common/createcluster.conf"].splitlines()
    assert "create_main_cluster = false" in settings


def test_swap_is_the_scripts_argument() -> None:
    assert "swap=no]" in rendered(swap=False)


@pytest.mark.parametrize("name", MACHINES)
def test_holds_no_secret_but_the_host_key(name: str) -> None:
    assert rendered(name).count("PRIVATE KEY") == 2


def test_refuses_an_unknown_placeholder_by_name(tmp_path: Path) -> None:
    place = source(tmp_path, text="#cloud-config\nhostname: ${hostnam}\n")
    with pytest.raises(CloudInitError) as refused:
        rendered(source=place)
    assert str(refused.value) == (
        "cloud-init/web.yaml:2: should name a known placeholder (got ${hostnam}), "
        "known are address, host_key_private, host_key_public, login_public_key, site, swap"
    )


def test_refuses_an_unknown_placeholder_inside_a_file(tmp_path: Path) -> None:
    place = source(tmp_path, text="a: |\n  ${files/unit.conf}\n", unit_conf="User=${sit}\n")
    with pytest.raises(CloudInitError, match=r"cloud-init/files/unit.conf:1: .*\$\{sit\}"):
        rendered(source=place)


def test_refuses_a_bare_dollar(tmp_path: Path) -> None:
    place = source(tmp_path, text="a: |\n  ${files/unit.conf}\n", unit_conf="ExecReload=kill $1\n")
    with pytest.raises(CloudInitError, match=r"files/unit.conf:1: should write a plain dollar sign as \$\$"):
        rendered(source=place)


def test_refuses_what_is_too_big_and_names_the_biggest(tmp_path: Path) -> None:
    place = source(tmp_path, text="a: |\n  ${files/big.sh}\n", big_sh="x\n" * 20_000, small_sh="x\n")
    with pytest.raises(CloudInitError) as refused:
        rendered(source=place)
    assert str(refused.value) == (
        "cloud-init/web.yaml: should be at most 32768 bytes when rendered (got 80005), "
        "make the biggest files smaller: files/big.sh 40000, files/small.sh 2"
    )


@pytest.mark.parametrize("name", ["bootstrap.sh", "database.sh", "steps.sh"])
def test_bootstrap_is_strict_bash(name: str) -> None:
    script = CLOUD_INIT / "files" / name
    assert "set -Eeuo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("name", MACHINES)
def test_cloud_inits_own_schema_takes_it(name: str) -> None:
    if not schemas():
        pytest.skip("no Debian root with cloud-init on this computer")
    from jsonschema import Draft4Validator  # type: ignore[import-untyped, unused-ignore]

    schema = json.loads(schemas()[0].read_text())
    errors = [error.message for error in Draft4Validator(schema).iter_errors(yaml.safe_load(rendered(name)))]
    assert errors == []
